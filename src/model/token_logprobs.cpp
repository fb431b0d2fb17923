// An autograd function over chunks of rows.
// With z = logits / temperature, p = softmax(z), H = −Σ p log p:
//   ∂ log p_t / ∂z_j = 1[j = t] − p_j        ∂H / ∂z_j = −p_j (log p_j + H)
#include "model/token_logprobs.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "model/kernels.h"
#include "model/product.h"
#include "model/wide_product.h"

namespace pope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Number of logits per chunk by default. Forward: few, so that they stay in the processor's cache between the
// product and the pass over them. Backward: many, because each chunk costs a pass over the whole gradient of
// the embedding. On a GPU 512 MiB, and a few times that for intermediate results.
constexpr std::int64_t kForwardLogits = std::int64_t{1} << 23, kBackwardLogits = std::int64_t{1} << 26,
                       kDeviceLogits = std::int64_t{1} << 27;

std::int64_t chunk_of(std::int64_t asked, std::int64_t logits, const at::Tensor& embedding) {
  if (!embedding.is_cpu()) logits = kDeviceLogits;
  return asked > 0 ? asked : std::max<std::int64_t>(1, logits / embedding.size(0));
}

// Memory that the chunks reuse.
struct Buffers {
  at::Tensor logits, d_logits, d_embedding;
};

// Both passes over a chunk of logits [n,V]: fused loops, or ATen operations for f64 and on other devices.
struct Chunk {
  at::Tensor hidden, targets, logprobs, entropy, log_sum;  // the chunk's part of each

  void forward(const at::Tensor& embedding, double temperature, Buffers& buffers) const {
    head_product_out(buffers.logits, hidden, embedding);
    const auto& logits = buffers.logits;
    if (logits.is_cpu() && logits.scalar_type() == at::kFloat) {
      const kernels::LogprobForward kernel{
          logits.const_data_ptr<float>(),     targets.const_data_ptr<std::int64_t>(),
          logprobs.data_ptr<float>(),         entropy.data_ptr<float>(),
          log_sum.data_ptr<float>(),          logits.size(1),
          static_cast<float>(1 / temperature)};
      kernels::launch(kernel, logits.size(0), 16 * logits.size(1));
      return;
    }
    const auto z = logits / temperature, lse = at::logsumexp(z, -1);
    logprobs.copy_(z.gather(-1, targets.unsqueeze(-1)).squeeze(-1) - lse);
    entropy.copy_(lse - (at::exp(z - lse.unsqueeze(-1)) * z).sum(-1));
    log_sum.copy_(lse);
  }

  // → the gradient of the logits [n,V] in hidden's dtype, in the buffers. d_logprobs, d_entropy [n], or
  // undefined: zero.
  void backward(const at::Tensor& embedding, double temperature, const at::Tensor& d_logprobs,
                const at::Tensor& d_entropy, Buffers& buffers) const {
    head_product_out(buffers.logits, hidden, embedding);
    const auto& logits = buffers.logits;
    auto& d_logits = buffers.d_logits;
    if (!d_logits.defined() || d_logits.sizes() != logits.sizes()) {
      d_logits = at::empty_like(logits, hidden.options());
    }
    const auto fused = [&]<class T>(T*) {
      const auto data = [](const at::Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; };
      const kernels::LogprobBackward<T> kernel{data(logits),
                                               targets.const_data_ptr<std::int64_t>(),
                                               data(log_sum),
                                               data(entropy),
                                               data(d_logprobs),
                                               data(d_entropy),
                                               d_logits.data_ptr<T>(),
                                               logits.size(1),
                                               static_cast<float>(1 / temperature)};
      kernels::launch(kernel, logits.size(0), 16 * logits.size(1));
    };
    if (logits.is_cpu() && hidden.scalar_type() == at::kBFloat16) {
      fused(static_cast<c10::BFloat16*>(nullptr));
    } else if (logits.is_cpu() && hidden.scalar_type() == at::kFloat) {
      fused(static_cast<float*>(nullptr));
    } else {
      const auto log_p = logits / temperature - log_sum.unsqueeze(-1), p = log_p.exp();
      auto d_z = at::zeros_like(p);
      if (d_logprobs.defined()) {
        d_z.sub_(p * d_logprobs.unsqueeze(-1))
            .scatter_add_(-1, targets.unsqueeze(-1), d_logprobs.unsqueeze(-1));
      }
      if (d_entropy.defined()) d_z.sub_(d_entropy.unsqueeze(-1) * p * (log_p + entropy.unsqueeze(-1)));
      d_logits.copy_(d_z / temperature);
    }
  }
};

struct TokenLogprobsFunction : torch::autograd::Function<TokenLogprobsFunction> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden, const at::Tensor& embedding,
                               const at::Tensor& targets, double temperature, std::int64_t asked_rows) {
    const auto rows = hidden.size(0), chunk_rows = chunk_of(asked_rows, kForwardLogits, embedding);
    const auto options = hidden.options().dtype(at::promoteTypes(hidden.scalar_type(), at::kFloat));
    const auto logprobs = at::empty({rows}, options), entropy = at::empty({rows}, options),
               log_sum = at::empty({rows}, options);
    Buffers buffers;
    for (std::int64_t from = 0; from < rows; from += chunk_rows) {
      const auto part = [&](const at::Tensor& x) {
        return x.narrow(0, from, std::min(chunk_rows, rows - from));
      };
      Chunk{part(hidden), part(targets), part(logprobs), part(entropy), part(log_sum)}.forward(
          embedding, temperature, buffers);
    }
    ctx->save_for_backward({hidden, embedding, targets, logprobs, entropy, log_sum});
    ctx->saved_data["temperature"] = temperature;
    ctx->saved_data["asked_rows"] = asked_rows;
    return {logprobs, entropy};
  }

  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto saved = ctx->get_saved_variables();
    const auto &hidden = saved[0], &embedding = saved[1];
    const auto temperature = ctx->saved_data["temperature"].toDouble();
    const auto chunk_rows = chunk_of(ctx->saved_data["asked_rows"].toInt(), kBackwardLogits, embedding);
    const auto rows = hidden.size(0);
    auto d_hidden = at::empty_like(hidden);
    const bool trains_embedding = ctx->needs_input_grad(1);  // not beside a LoRA adapter
    Buffers buffers{{}, {}, trains_embedding ? at::empty_like(embedding) : at::Tensor()};
    at::Tensor d_embedding;  // several chunks are summed in f32
    for (auto& gradient : d) {
      if (gradient.defined()) gradient = gradient.contiguous();
    }
    for (std::int64_t from = 0; from < rows; from += chunk_rows) {
      const auto part = [&](const at::Tensor& x) {
        return x.defined() ? x.narrow(0, from, std::min(chunk_rows, rows - from)) : x;
      };
      const Chunk chunk{part(hidden), part(saved[2]), part(saved[3]), part(saved[4]), part(saved[5])};
      chunk.backward(embedding, temperature, part(d[0]), part(d[1]), buffers);
      auto out = part(d_hidden);
      product_out(out, buffers.d_logits, embedding);
      if (!trains_embedding) continue;
      product_out(buffers.d_embedding, buffers.d_logits.t(), chunk.hidden);
      if (rows <= chunk_rows) {
        d_embedding = buffers.d_embedding;
      } else if (!d_embedding.defined()) {
        d_embedding = buffers.d_embedding.to(saved[5].scalar_type(), false, /*copy=*/true);
      } else {
        d_embedding.add_(buffers.d_embedding);
      }
    }
    if (!trains_embedding) return {d_hidden, {}, {}, {}, {}};
    if (!d_embedding.defined()) d_embedding = at::zeros_like(embedding);
    return {d_hidden, d_embedding.to(embedding.scalar_type()), {}, {}, {}};
  }
};

}  // namespace

TokenLogprobs token_logprobs(const at::Tensor& hidden, const at::Tensor& output_embedding,
                             const at::Tensor& targets, double temperature, std::int64_t chunk_rows) {
  auto result = TokenLogprobsFunction::apply(hidden.contiguous(), output_embedding, targets.contiguous(),
                                             temperature, chunk_rows);
  return {result[0], result[1]};
}

TokenLogprobs token_logprobs_reference(const at::Tensor& hidden, const at::Tensor& output_embedding,
                                       const at::Tensor& targets, double temperature) {
  const auto wide = at::promoteTypes(hidden.scalar_type(), at::kFloat);
  const auto logits = at::linear(hidden.to(wide), output_embedding.to(wide));
  const auto log_p = at::log_softmax(logits / temperature, -1);
  return {log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1), -(log_p.exp() * log_p).sum(-1)};
}

}  // namespace pope
