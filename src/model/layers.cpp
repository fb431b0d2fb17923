// The fused pieces of a block and their gradients.
#include "model/layers.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/cached_attention.h"
#include "model/causal_attention.h"
#include "model/kernels.h"
#include "model/layers_plain.h"

namespace pope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Calls `body` with a null pointer of x's element type.
template <class Body>
void by_type(const at::Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kBFloat16) {
    body(static_cast<c10::BFloat16*>(nullptr));
  } else {
    body(static_cast<float*>(nullptr));
  }
}

template <class T>
const T* in(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<T>() : nullptr;
}
template <class T>
T* out(const at::Tensor& x) {
  return x.defined() ? x.data_ptr<T>() : nullptr;
}

// Room for the gradients of weights: one row per thread, to be summed afterwards.
at::Tensor thread_sums(std::int64_t width) { return at::zeros({at::get_num_threads(), width}, at::kFloat); }

// x [N,W], delta [N,W] or undefined → {x + delta (undefined without delta), normed}.
variable_list norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps,
                           double offset) {
  const auto width = x.size(-1);
  at::Tensor sum = delta.defined() ? at::empty_like(x) : at::Tensor(), normed = at::empty_like(x);
  by_type(x, [&]<class T>(T*) {
    const kernels::NormForward<T> kernel{
        in<T>(x),       in<T>(delta), in<T>(weight),           out<T>(sum),
        out<T>(normed), width,        static_cast<float>(eps), static_cast<float>(offset)};
    kernels::launch(kernel, x.numel() / width, 4 * width);
  });
  return {sum, normed};
}

// → {gradient of x (and of delta), gradient of weight}.
variable_list norm_backward(const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& d_out,
                            const at::Tensor& d_sum, double eps, double offset) {
  const auto width = sum.size(-1);
  const auto d_normed = d_out.contiguous(), d_residual = d_sum.defined() ? d_sum.contiguous() : d_sum;
  auto d_x = at::empty_like(sum), d_weight = thread_sums(width);
  by_type(sum, [&]<class T>(T*) {
    const kernels::NormBackward<T> kernel{
        in<T>(sum),           in<T>(weight), in<T>(d_normed),         in<T>(d_residual),         out<T>(d_x),
        out<float>(d_weight), width,         static_cast<float>(eps), static_cast<float>(offset)};
    at::parallel_for(0, sum.numel() / width, 1 + 4096 / width, [&](std::int64_t begin, std::int64_t end) {
      auto mine = kernel;
      mine.d_weight += at::get_thread_num() * width;
      rows(mine, begin, end);
    });
  });
  return {d_x, d_weight.sum(0).to(weight.scalar_type())};
}

struct Norm : Function<Norm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, double eps,
                            double offset) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["eps"] = eps;
    ctx->saved_data["offset"] = offset;
    return norm_forward(x, {}, weight, eps, offset)[1];
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto saved = ctx->get_saved_variables();
    auto grads = norm_backward(saved[0], saved[1], d[0], {}, ctx->saved_data["eps"].toDouble(),
                               ctx->saved_data["offset"].toDouble());
    return {grads[0], grads[1], {}, {}};
  }
};

struct AddNorm : Function<AddNorm> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& delta,
                               const at::Tensor& weight, double eps, double offset) {
    auto result = norm_forward(x, delta, weight, eps, offset);
    ctx->save_for_backward({result[0], weight});
    ctx->saved_data["eps"] = eps;
    ctx->saved_data["offset"] = offset;
    return result;
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto saved = ctx->get_saved_variables();
    const auto d_normed = d[1].defined() ? d[1] : at::zeros_like(saved[0]);
    auto grads = norm_backward(saved[0], saved[1], d_normed, d[0], ctx->saved_data["eps"].toDouble(),
                               ctx->saved_data["offset"].toDouble());
    return {grads[0], grads[0], grads[1], {}, {}};
  }
};

at::Tensor swiglu_forward(const at::Tensor& gate_up) {
  const auto width = gate_up.size(1) / 2;
  auto result = at::empty({gate_up.size(0), width}, gate_up.options());
  by_type(gate_up, [&]<class T>(T*) {
    kernels::launch(kernels::SwigluForward<T>{in<T>(gate_up), out<T>(result), width}, gate_up.size(0),
                    16 * width);
  });
  return result;
}

struct Swiglu : Function<Swiglu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up) {
    ctx->save_for_backward({gate_up});
    return swiglu_forward(gate_up);
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto gate_up = ctx->get_saved_variables()[0], d_out = d[0].contiguous();
    auto d_gate_up = at::empty_like(gate_up);
    const auto width = gate_up.size(1) / 2;
    by_type(gate_up, [&]<class T>(T*) {
      const kernels::SwigluBackward<T> kernel{in<T>(gate_up), in<T>(d_out), out<T>(d_gate_up), width};
      kernels::launch(kernel, gate_up.size(0), 24 * width);
    });
    return {d_gate_up};
  }
};

kernels::HeadLayout layout(const HeadSplit& s, std::int64_t steps) {
  return {s.heads,
          s.kv_heads,
          s.width,
          steps,
          s.kv_heads * steps * s.width,
          steps * s.width,
          nullptr,
          in<float>(s.cos),
          in<float>(s.sin),
          static_cast<float>(s.norm_eps),
          static_cast<float>(s.norm_offset)};
}

Heads split_forward(const at::Tensor& qkv, const HeadSplit& s) {
  const auto n = qkv.size(0);
  Heads heads{at::empty({s.kv_heads, s.heads / s.kv_heads, n, s.width}, qkv.options()),
              at::empty({s.kv_heads, 1, n, s.width}, qkv.options()),
              at::empty({s.kv_heads, 1, n, s.width}, qkv.options())};
  by_type(qkv, [&]<class T>(T*) {
    const kernels::SplitHeads<T> kernel{layout(s, n),    in<T>(qkv),      in<T>(s.q_norm), in<T>(s.k_norm),
                                        out<T>(heads.q), out<T>(heads.k), out<T>(heads.v)};
    kernels::launch(kernel, n, 4 * qkv.size(1));
  });
  return heads;
}

// The norms are separate arguments so that autograd sees them; a model without norms passes empty tensors.
struct Split : Function<Split> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkv, const at::Tensor& q_norm,
                               const at::Tensor& k_norm, const HeadSplit* split) {
    ctx->save_for_backward({qkv, q_norm, k_norm, split->cos, split->sin});
    ctx->saved_data["sizes"] = std::vector<std::int64_t>{split->heads, split->kv_heads, split->width};
    ctx->saved_data["eps"] = split->norm_eps;
    ctx->saved_data["offset"] = split->norm_offset;
    auto heads = split_forward(qkv, *split);
    return {heads.q, heads.k, heads.v};
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto saved = ctx->get_saved_variables();
    const auto& qkv = saved[0];
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    HeadSplit s{sizes[0], sizes[1], sizes[2], ctx->saved_data["eps"].toDouble(), {}, {}, saved[3], saved[4]};
    s.norm_offset = ctx->saved_data["offset"].toDouble();
    const bool normed = saved[1].numel() > 0;
    if (normed) s.q_norm = saved[1], s.k_norm = saved[2];
    const auto d_q = d[0].contiguous(), d_k = d[1].contiguous(), d_v = d[2].contiguous();
    auto d_qkv = at::empty_like(qkv), d_norms = normed ? thread_sums(2 * s.width) : at::Tensor();
    by_type(qkv, [&]<class T>(T*) {
      const kernels::MergeHeads<T> kernel{layout(s, qkv.size(0)),
                                          in<T>(qkv),
                                          in<T>(s.q_norm),
                                          in<T>(s.k_norm),
                                          in<T>(d_q),
                                          in<T>(d_k),
                                          in<T>(d_v),
                                          out<T>(d_qkv),
                                          nullptr,
                                          nullptr};
      at::parallel_for(0, qkv.size(0), 1 + 4096 / qkv.size(1), [&](std::int64_t begin, std::int64_t end) {
        auto mine = kernel;
        if (normed) {
          mine.d_q_norm = d_norms.data_ptr<float>() + at::get_thread_num() * 2 * s.width;
          mine.d_k_norm = mine.d_q_norm + s.width;
        }
        rows(mine, begin, end);
      });
    });
    if (!normed) return {d_qkv, {}, {}, {}};
    const auto sums = d_norms.sum(0).to(qkv.scalar_type()).chunk(2);
    return {d_qkv, sums[0], sums[1], {}};
  }
};

// → {attended [N,H·D], log-sum of the scores [K,G,N]}.
std::pair<at::Tensor, at::Tensor> causal_forward(const Heads& heads, const Packing& packing) {
  const auto kv_heads = heads.q.size(0), heads_per_kv = heads.q.size(1), n = heads.q.size(2),
             width = heads.q.size(3);
  auto attended = at::empty({n, kv_heads * heads_per_kv * width}, heads.q.options());
  auto log_sum = at::empty({kv_heads, heads_per_kv, n}, at::kFloat);
  by_type(heads.q, [&]<class T>(T*) {
    const kernels::CausalForward<T> kernel{
        {packing.bounds.data(), packing.groups.data(), kv_heads, heads_per_kv, width, n},
        in<T>(heads.q),
        in<T>(heads.k),
        in<T>(heads.v),
        out<T>(attended),
        out<float>(log_sum)};
    kernels::launch_unequal(kernel, packing.group_count() * kv_heads, n * kv_heads * heads_per_kv * width);
  });
  return {attended, log_sum};
}

struct CausalAttention : Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const Packing* packing) {
    const auto [attended, log_sum] = causal_forward({q, k, v}, *packing);
    ctx->save_for_backward({q, k, v, attended, log_sum});
    ctx->saved_data["bounds"] = packing->bounds;
    ctx->saved_data["groups"] = packing->groups;
    return attended;
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto saved = ctx->get_saved_variables();
    const auto bounds = ctx->saved_data["bounds"].toIntVector(),
               groups = ctx->saved_data["groups"].toIntVector();
    const auto &q = saved[0], &k = saved[1], &v = saved[2];
    const auto kv_heads = q.size(0), heads_per_kv = q.size(1), n = q.size(2), width = q.size(3);
    const auto d_out = d[0].contiguous();
    auto d_q = at::empty_like(q), d_k = at::empty_like(k), d_v = at::empty_like(v);
    by_type(q, [&]<class T>(T*) {
      const kernels::CausalBackward<T> kernel{
          {bounds.data(), groups.data(), kv_heads, heads_per_kv, width, n},
          in<T>(q),
          in<T>(k),
          in<T>(v),
          in<T>(saved[3]),
          in<T>(d_out),
          in<float>(saved[4]),
          out<T>(d_q),
          out<T>(d_k),
          out<T>(d_v)};
      const auto units = (static_cast<std::int64_t>(groups.size()) - 1) * kv_heads;
      kernels::launch_unequal(kernel, units, n * kv_heads * heads_per_kv * width);
    });
    return {d_q, d_k, d_v, {}};
  }
};

}  // namespace

bool has_fused(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double offset) {
  if (!has_fused(x)) return plain::rms_norm(x, weight, eps, offset);
  return c10::GradMode::is_enabled() ? Norm::apply(x, weight, eps, offset)
                                     : norm_forward(x, {}, weight, eps, offset)[1];
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps, double offset) {
  if (!has_fused(x)) {
    const auto sum = x + delta;
    return {sum, plain::rms_norm(sum, weight, eps, offset)};
  }
  auto result = c10::GradMode::is_enabled() ? AddNorm::apply(x, delta, weight, eps, offset)
                                            : norm_forward(x, delta, weight, eps, offset);
  return {result[0], result[1]};
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  if (!has_fused(gate_up)) return plain::swiglu(gate_up);
  return c10::GradMode::is_enabled() ? Swiglu::apply(gate_up) : swiglu_forward(gate_up);
}

at::Tensor geglu(const at::Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  return at::gelu(halves[0], "tanh") * halves[1];
}

Heads split_heads(const at::Tensor& qkv, const HeadSplit& split) {
  if (!has_fused(qkv)) return plain::split_heads(qkv, split);
  if (!c10::GradMode::is_enabled()) return split_forward(qkv, split);
  const auto none = at::empty({0}, qkv.options());
  const auto result = Split::apply(qkv, split.q_norm.defined() ? split.q_norm : none,
                                   split.k_norm.defined() ? split.k_norm : none, &split);
  return {result[0], result[1], result[2]};
}

at::Tensor causal_attention(const Heads& heads, const Packing& packing, std::int64_t window) {
  const bool known = has_fused(heads.q) && kernels::has_causal_attention(heads.q.size(3)) &&
                     (window == 0 || packing.longest() <= window);
  if (!known) return plain::causal_attention(heads, packing, window);
  return c10::GradMode::is_enabled() ? CausalAttention::apply(heads.q, heads.k, heads.v, &packing)
                                     : causal_forward(heads, packing).first;
}

at::Tensor split_heads_into_cache(const at::Tensor& qkv, const HeadSplit& split, const at::Tensor& starts,
                                  const at::Tensor& keys, const at::Tensor& values) {
  const auto batch = starts.size(0), steps = qkv.size(0) / batch;
  auto q =
      at::empty({batch * split.kv_heads, split.heads / split.kv_heads, steps, split.width}, qkv.options());
  auto where = layout(split, steps);
  where.kv_batch_stride = keys.stride(0);
  where.kv_head_stride = keys.stride(1);
  where.starts = in<std::int64_t>(starts);
  by_type(qkv, [&]<class T>(T*) {
    const kernels::SplitHeads<T> kernel{where,     in<T>(qkv),   in<T>(split.q_norm), in<T>(split.k_norm),
                                        out<T>(q), out<T>(keys), out<T>(values)};
    kernels::launch(kernel, qkv.size(0), 4 * qkv.size(1));
  });
  return q;
}

at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const at::Tensor& starts, std::int64_t window,
                            const std::vector<SharedPrefix>& prefixes) {
  const auto batch = starts.size(0), kv_heads = keys.size(1), group = q.size(1), steps = q.size(2),
             width = q.size(3);
  auto result = at::empty({batch * steps, kv_heads * group * width}, q.options());
  const auto* start = in<std::int64_t>(starts);
  by_type(q, [&]<class T>(T*) {
    std::vector<kernels::SharedPrefix<T>> beginnings(static_cast<std::size_t>(batch));
    std::int64_t longest = 0;
    for (std::int64_t b = 0; b < batch; ++b) {
      if (!prefixes.empty() && prefixes[b].length > 0) {
        const SharedPrefix& prefix = prefixes[b];
        beginnings[b] = {in<T>(prefix.keys), in<T>(prefix.values), prefix.length, prefix.keys.stride(1)};
      }
      longest = std::max(longest, beginnings[b].length + start[b] + steps);
    }
    const kernels::CachedAttention<T> kernel{
        in<T>(q), in<T>(keys), in<T>(values), out<T>(result), beginnings.data(), start, kv_heads * group,
        kv_heads, width,       steps,         keys.stride(0), keys.stride(1),    window};
    kernels::launch(kernel, batch * kv_heads, 4 * longest * steps * group * width);
  });
  return result;
}

}  // namespace pope
