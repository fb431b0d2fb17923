// An autograd function over chunks of rows. With z = logits / temperature, p = softmax(z), D = KL(p ‖ q):
//   ∂D / ∂z_j = p_j (log p_j − log q_j − D)
#include "model/token_kl.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "model/product.h"
#include "model/wide_product.h"

namespace pope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Logits of each of the two per chunk: a few times 64 MiB of intermediate results, 512 MiB on a GPU.
constexpr std::int64_t kLogits = std::int64_t{1} << 24, kDeviceLogits = std::int64_t{1} << 27;

// Calls take(from, rows) for chunk after chunk.
template <class Take>
void each_chunk(const HeadInput& policy, std::int64_t asked, const Take& take) {
  const std::int64_t logits = policy.hidden.is_cpu() ? kLogits : kDeviceLogits, rows = policy.hidden.size(0);
  const std::int64_t chunk = asked > 0 ? asked : std::max<std::int64_t>(1, logits / policy.embedding.size(0));
  for (std::int64_t from = 0; from < rows; from += chunk) take(from, std::min(chunk, rows - from));
}

at::Tensor log_probabilities(const HeadInput& input, std::int64_t from, std::int64_t rows,
                             double temperature) {
  return at::log_softmax(head_product(input.hidden.narrow(0, from, rows), input.embedding) / temperature, -1);
}

struct TokenKlFunction : torch::autograd::Function<TokenKlFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& hidden, const at::Tensor& embedding,
                            const at::Tensor& other_hidden, const at::Tensor& other_embedding,
                            double temperature, std::int64_t asked_rows) {
    const HeadInput policy{hidden, embedding}, other{other_hidden, other_embedding};
    const at::Tensor kl = at::empty(
        {hidden.size(0)}, hidden.options().dtype(at::promoteTypes(hidden.scalar_type(), at::kFloat)));
    each_chunk(policy, asked_rows, [&](std::int64_t from, std::int64_t rows) {
      const at::Tensor log_p = log_probabilities(policy, from, rows, temperature);
      const at::Tensor log_q = log_probabilities(other, from, rows, temperature);
      kl.narrow(0, from, rows).copy_((log_p.exp() * (log_p - log_q)).sum(-1));
    });
    ctx->save_for_backward({hidden, embedding, other_hidden, other_embedding, kl});
    ctx->saved_data["temperature"] = temperature;
    ctx->saved_data["asked_rows"] = asked_rows;
    return kl;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& d) {
    const variable_list saved = ctx->get_saved_variables();
    const HeadInput policy{saved[0], saved[1]}, other{saved[2], saved[3]};
    const at::Tensor& kl = saved[4];
    const double temperature = ctx->saved_data["temperature"].toDouble();
    const at::Tensor d_hidden = at::empty_like(policy.hidden);
    const bool trains_embedding = ctx->needs_input_grad(1);  // not beside a LoRA adapter
    at::Tensor d_embedding;                                  // chunks are summed in f32
    if (trains_embedding) d_embedding = at::zeros_like(policy.embedding, kl.options());
    each_chunk(policy, ctx->saved_data["asked_rows"].toInt(), [&](std::int64_t from, std::int64_t rows) {
      const auto part = [&](const at::Tensor& x) { return x.narrow(0, from, rows).unsqueeze(-1); };
      const at::Tensor log_p = log_probabilities(policy, from, rows, temperature);
      const at::Tensor log_q = log_probabilities(other, from, rows, temperature);
      const at::Tensor d_logits =
          (log_p.exp() * (log_p - log_q - part(kl)) * (part(d[0]) / temperature)).to(d_hidden.scalar_type());
      at::Tensor out = d_hidden.narrow(0, from, rows);
      product_out(out, d_logits, policy.embedding);
      if (trains_embedding) d_embedding.add_(at::mm(d_logits.t(), policy.hidden.narrow(0, from, rows)));
    });
    if (trains_embedding) d_embedding = d_embedding.to(policy.embedding.scalar_type());
    return {d_hidden, d_embedding, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor token_kl(const HeadInput& policy, const HeadInput& other, double temperature,
                    std::int64_t chunk_rows) {
  return TokenKlFunction::apply(policy.hidden.contiguous(), policy.embedding,
                                other.hidden.detach().contiguous(), other.embedding.detach(), temperature,
                                chunk_rows);
}

}  // namespace pope
