// The gated feed-forward part, and its choice among experts.
#include "model/feed_forward.h"

#include <c10/core/GradMode.h>

#include "model/layers.h"
#include "model/product.h"

namespace pope {
namespace {

struct Routes {
  at::Tensor weights, experts;  // [N,k]: type of x; i64
};

Routes route(const at::Tensor& x, const Experts& experts) {
  const auto probabilities = project(x, experts.router).softmax(-1, at::kFloat);
  auto [weights, chosen] = probabilities.topk(experts.per_token);
  if (experts.norm_weights) weights = weights / weights.sum(-1, true);
  return {weights.to(x.scalar_type()), chosen};
}

// The rows that go to each expert, and where their weights are among the N·k.
struct Share {
  std::vector<std::int64_t> rows, at;
};
std::vector<Share> shares(const at::Tensor& chosen, std::size_t experts) {
  const auto on_host = chosen.cpu().contiguous();
  const auto* expert = on_host.const_data_ptr<std::int64_t>();
  std::vector<Share> out(experts);
  for (std::int64_t i = 0; i < on_host.numel(); ++i) {
    Share& share = out[std::size_t(expert[i])];
    share.rows.push_back(i / on_host.size(1));
    share.at.push_back(i);
  }
  return out;
}

at::Tensor all_rows_by_every_expert(const at::Tensor& x, const Experts& experts, Gate gate) {
  const Routes routes = route(x, experts);
  auto sum = at::zeros_like(x);
  for (std::size_t e = 0; e < experts.each.size(); ++e) {
    const auto weight = (routes.weights * routes.experts.eq(std::int64_t(e))).sum(-1, true);
    sum.add_(feed_forward(x, experts.each[e], gate) * weight);
  }
  return sum;
}

}  // namespace

at::Tensor feed_forward(const at::Tensor& x, const FeedForward& weights, Gate gate) {
  const auto gate_up = project(x, weights.gate_up);
  return project(gate == Gate::gelu_tanh ? geglu(gate_up) : swiglu(gate_up), weights.down);
}

at::Tensor mixed_experts(const at::Tensor& x, const Experts& experts, Gate gate) {
  const bool training = c10::GradMode::is_enabled();
  if (!x.is_cpu() && !training) return all_rows_by_every_expert(x, experts, gate);
  const Routes routes = route(x, experts);
  const auto weights = routes.weights.flatten();
  const std::vector<Share> by_expert = shares(routes.experts, experts.each.size());
  auto sum = at::zeros_like(x);
  for (std::size_t e = 0; e < experts.each.size(); ++e) {
    const Share& share = by_expert[e];
    // In training an expert that no token goes to gets a gradient of zero, as transformers gives it.
    if (share.rows.empty() && !training) continue;
    const auto index = [&](const std::vector<std::int64_t>& values) {
      return at::tensor(values, at::kLong).to(x.device());
    };
    const auto rows = index(share.rows);
    const auto result = feed_forward(x.index_select(0, rows), experts.each[e], gate);
    sum.index_add_(0, rows, result * weights.index_select(0, index(share.at)).unsqueeze(1));
  }
  return sum;
}

}  // namespace pope
