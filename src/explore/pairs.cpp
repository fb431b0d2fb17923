// See pairs.h.
#include "explore/pairs.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/chars.h"
#include "core/error.h"

namespace pope {

void PairsConfig::fields(Options& o) {
  o.add("count", count, "hard problems, each with a related and an unrelated easy one").at_least(1);
  o.add("rate", rate, "base success rate of the easy problems, and of the hard ones under guidance")
      .range(0, 1);
  o.add("tolerance", tolerance, "how far a rate may be from it").range(0, 1);
}

std::vector<float> statement_embedding(const Model& model, const Tokenizer& tokenizer,
                                       const std::string& statement) {
  const c10::NoGradGuard no_grad;
  const std::vector<int> ids = tokenizer.encode(statement);
  if (ids.empty()) throw Error("embed", "expected a statement with tokens, got '" + statement + "'");
  if (std::ssize(ids) > model.architecture().context) {
    throw Error("embed",
                fmt::format("a statement has {} tokens, the model's context {}: \"{}\"", ids.size(),
                            model.architecture().context, shortened(statement, 40)),
                "leave such problems out of the files");
  }
  const at::Tensor tokens = at::tensor(at::ArrayRef<int>(ids), at::kLong).to(model.device());  // [T]
  const at::Tensor hidden = model.forward_hidden(tokens, Packing::equal(1, tokens.size(0)));
  at::Tensor mean = hidden.to(at::kFloat).mean(0).contiguous();  // [W]
  mean = (mean / mean.norm()).cpu();
  return {mean.data_ptr<float>(), mean.data_ptr<float>() + mean.numel()};
}

std::optional<double> base_rate(const Problem& problem, bool guided) {
  double samples = 0, correct = 0;
  if (guided) {
    if (!problem.guidance) return std::nullopt;
    samples = problem.guidance->samples;
    correct = problem.guidance->correct;
  } else if (const auto mining = problem.extra.find("mining"); mining != problem.extra.end()) {
    // Unbiased where the problem left mining early.
    if (mining->contains("pass_at") && mining->at("pass_at").contains("1"))
      return mining->at("pass_at").at("1");
    samples = mining->at("samples");
    correct = mining->at("correct");
  }
  return samples > 0 ? std::optional(correct / samples) : std::nullopt;
}

std::vector<ProblemPair> choose_pairs(const PairsConfig& config, const std::vector<Problem>& hard,
                                      const std::vector<Problem>& easy,
                                      const std::vector<std::vector<double>>& similarity) {
  check(config);
  const auto matching = [&](const std::vector<Problem>& problems, bool guided) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < problems.size(); ++i) {
      const auto rate = base_rate(problems[i], guided);
      if (rate && std::abs(*rate - config.rate) <= config.tolerance + 1e-9) found.push_back(i);
    }
    return found;
  };
  const std::vector<std::size_t> hard_ones = matching(hard, true), easy_ones = matching(easy, false);
  if (std::cmp_less(hard_ones.size(), config.count) || easy_ones.size() < 2) {
    throw Error(
        "pairs",
        fmt::format("expected {} hard problems whose guided rate, and 2 easy ones whose mined rate, is {} ± "
                    "{}; got {} and {}",
                    config.count, config.rate, config.tolerance, hard_ones.size(), easy_ones.size()),
        "guide with guide.min_rate near pairs.rate, give more problems, or raise pairs.tolerance");
  }
  std::vector<ProblemPair> pairs;
  for (int n = 0; n < config.count; ++n) {
    const std::size_t h = hard_ones[static_cast<std::size_t>(n)];
    const auto [least, most] = std::minmax_element(
        easy_ones.begin(), easy_ones.end(),
        [&](std::size_t a, std::size_t b) { return similarity[h][a] < similarity[h][b]; });
    pairs.push_back({h, *most, *least, similarity[h][*most], similarity[h][*least]});
  }
  return pairs;
}

}  // namespace pope
