// The two-problem experiment (Fig. 5, arXiv:2601.18779): one hard problem beside one easy problem that is
// related to it or not. Related is measured by the cosine similarity of both statements' embeddings under the
// base model; the related and the unrelated easy problem, and the hard one under its guidance, are matched in
// the base model's success rate.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pope {

struct PairsConfig {
  static constexpr auto kSection = "pairs";
  int count = 4;           // hard problems, each with its two easy ones
  double rate = 0.3;       // base success rate of the easy problems, and of the hard one under guidance …
  double tolerance = 0.1;  // … up to this
  void fields(Options& options);
};

struct ProblemPair {
  std::size_t hard, related, unrelated;             // indices
  double related_similarity, unrelated_similarity;  // cosines
};

// Statement → mean over its tokens of the final hidden states [W] f32, of length 1.
std::vector<float> statement_embedding(const Model& model, const Tokenizer& tokenizer,
                                       const std::string& statement);

// Success rate of the base model: of guidance when `guided` (its prefix search), else of mining. Nothing when
// it was not sampled.
std::optional<double> base_rate(const Problem& problem, bool guided);

// The first `count` hard problems, in their order, whose guided rate is within the tolerance; to each, of the
// easy problems within it, the most and the least similar one. similarity[h][e] = cosine. Error: too few hard
// or easy problems match.
std::vector<ProblemPair> choose_pairs(const PairsConfig& config, const std::vector<Problem>& hard,
                                      const std::vector<Problem>& easy,
                                      const std::vector<std::vector<double>>& similarity);

}  // namespace pope
