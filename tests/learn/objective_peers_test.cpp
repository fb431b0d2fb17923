// The shipped objectives against the peers' own loss functions (golden/make_objective_goldens.py):
// advantages, loss, gradient of the logits, in float64.
#include <gmock/gmock.h>

#include <numeric>

#include "core/files.h"
#include "data/mixture.h"
#include "learn/advantage.h"
#include "learn/objective.h"
#include "learn/tiny.h"

namespace pope {
namespace {

using testing::DoubleNear;
using testing::Pointwise;

const Json& golden() {
  static const Json json =
      Json::parse(read_file(std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/objective_peers.json"));
  return json;
}

ObjectiveConfig shipped(const std::string& name) {
  ObjectiveConfig objective;
  TrainConfig train;
  MixtureConfig mixture;
  Options options;
  options.section("objective", objective);
  options.section("train", train);
  options.section("mixture", mixture);
  options.load_yaml(std::filesystem::path(POPE_SOURCE_DIR) / "configs/objectives" / (name + ".yaml"));
  check(objective);
  return objective;
}

// What the objective makes of the golden's batch: B sequences padded to T, of which the first lengths[b]
// count.
struct Outcome {
  std::vector<double> advantages, gradient;  // per sequence; of the logits [B,T,V]
  double loss = 0, clipped = 0;
};

Outcome outcome(const ObjectiveConfig& config, const std::vector<double>& rewards,
                const std::vector<bool>& demonstration = {}) {
  const auto shape = golden()["shape"].get<std::vector<std::int64_t>>();
  const auto lengths = golden()["lengths"].get<std::vector<std::int64_t>>();
  const auto tensor = [&](const char* name) {
    return at::tensor(golden()[name].get<std::vector<double>>(), at::kDouble);
  };
  Outcome out;
  for (const std::size_t group : {0u, 1u}) {
    const std::vector<double> part =
        group_advantages(config, std::span<const double>(rewards).subspan(3 * group, 3));
    out.advantages.insert(out.advantages.end(), part.begin(), part.end());
  }
  std::vector<std::int64_t> rows, sequence;
  std::vector<double> advantage;
  std::vector<std::int64_t> demonstrated;
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    for (std::int64_t t = 0; t < lengths[b]; ++t) {
      rows.push_back(b * shape[1] + t);
      sequence.push_back(b);
      advantage.push_back(out.advantages[b]);
      demonstrated.push_back(!demonstration.empty() && demonstration[b]);
    }
  }
  const at::Tensor row = at::tensor(rows, at::kLong);
  const at::Tensor logits = tensor("logits").view(shape).requires_grad_();
  const at::Tensor log_p = at::log_softmax(logits, -1).flatten(0, 1).index_select(0, row);
  const at::Tensor targets = at::tensor(golden()["targets"].get<std::vector<std::int64_t>>(), at::kLong);
  TokenBatch batch;
  batch.logprobs = log_p.gather(-1, targets.index_select(0, row).unsqueeze(-1)).squeeze(-1);
  batch.entropy = -(log_p.exp() * log_p).sum(-1);
  batch.behaviour = tensor("old").index_select(0, row);
  batch.reference = tensor("reference").index_select(0, row);
  batch.advantages = at::tensor(advantage, at::kDouble);
  batch.sequence = at::tensor(sequence, at::kLong);
  if (!demonstration.empty()) {
    batch.kinds = at::tensor(demonstrated, at::kByte);
    batch.behaviour = batch.behaviour.masked_fill(batch.kinds.eq(1), 0);
  }
  const BatchTotals totals{static_cast<std::int64_t>(rows.size()), shape[0]};
  const at::Tensor loss = aggregate(config.aggregation, token_losses(config, batch), batch.sequence, totals);
  loss.backward();
  out.loss = loss.item<double>();
  out.gradient = test::doubles(logits.grad());
  out.clipped = ratio_metrics(config, tokens_of(batch, LossKind::policy)).clipped();
  return out;
}

// Double rounding in another order; the peers' guards against division by zero (1e-8 and the like) are within
// it.
constexpr double kTolerance = 1e-8;

void expect_peer(const std::string& peer, const Outcome& got) {
  const Json& want = golden()["peers"][peer];
  EXPECT_NEAR(got.loss, want["loss"].get<double>(), kTolerance) << peer;
  EXPECT_THAT(got.gradient, Pointwise(DoubleNear(kTolerance), want["gradient"].get<std::vector<double>>()))
      << peer;
  if (want.contains("advantages")) {
    EXPECT_THAT(got.advantages,
                Pointwise(DoubleNear(kTolerance), want["advantages"].get<std::vector<double>>()))
        << peer;
  }
}

std::vector<double> rewards() { return golden()["rewards"].get<std::vector<double>>(); }

ObjectiveConfig regularized(ObjectiveConfig config) {
  config.entropy_coef = golden()["entropy_coef"];
  config.kl_coef = golden()["kl_coef"];
  return config;
}

TEST(ObjectivePeers, Verl) {
  const Outcome got = outcome(shipped("verl"), rewards());
  expect_peer("verl", got);
  const Json& peer = golden()["peers"]["verl"];
  // verl counts the tokens beyond its dual clip apart from the others.
  EXPECT_NEAR(got.clipped, peer["clipped"].get<double>() + peer["dual_clipped"].get<double>(), 1e-6);
  EXPECT_GT(peer["dual_clipped"].get<double>(), 0);
  expect_peer("verl_regularized", outcome(regularized(shipped("verl")), rewards()));
}

TEST(ObjectivePeers, Trl) {
  expect_peer("trl", outcome(shipped("trl"), rewards()));
  ObjectiveConfig grpo = shipped("trl");
  grpo.aggregation = "seq_mean";
  expect_peer("trl_grpo", outcome(grpo, rewards()));
  expect_peer("trl_regularized", outcome(regularized(shipped("trl")), rewards()));
}

TEST(ObjectivePeers, PipelineRl) {
  const Outcome got = outcome(shipped("pipelinerl"), rewards());
  expect_peer("pipelinerl", got);
  EXPECT_GT(got.clipped, 0);
  ObjectiveConfig defaults = regularized(shipped("pipelinerl"));
  defaults.advantage = "leave_one_out_std";
  defaults.advantage_eps = 1e-4;
  expect_peer("pipelinerl_regularized", outcome(defaults, rewards()));
}

TEST(ObjectivePeers, Luffy) {
  ObjectiveConfig config = shipped("luffy");
  config.entropy_coef = 0;  // which its trainer adds beside this loss
  expect_peer("luffy", outcome(config, {0, 1, 1, 0, 0, 1}, {false, false, true, false, false, true}));
}

}  // namespace
}  // namespace pope
