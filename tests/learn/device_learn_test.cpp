// Learning on a device against learning on the CPU: loss, gradient and optimiser step, and a checkpoint from
// there and back. See fake_device.h for the device.
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "learn/checkpoint.h"
#include "learn/policy_gradient.h"
#include "learn/tiny.h"
#include "model/fake_device.h"

namespace pope {
namespace {

std::vector<Sequence> sequences() {
  std::vector<Sequence> result;
  for (int i = 0; i < 4; ++i) {
    Sequence s;
    for (int j = 0; j < 2 + i; ++j) s.prompt.push_back((3 * i + j) % 9);
    for (int j = 0; j < 1 + 5 * i % 7; ++j) s.completion.push_back((i + 2 * j) % 9);
    for (std::size_t j = 0; j < s.completion.size(); ++j) s.behaviour.push_back(-2.2f + 0.1f * (j % 3));
    s.kind = LossKind::policy;
    s.advantages.assign(s.completion.size(), 0.4f * static_cast<float>(i) - 0.9f);
    result.push_back(s);
  }
  return result;
}

double largest_difference(const Model& a, const Model& b) {
  const c10::NoGradGuard no_grad;
  double largest = 0;
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    const auto difference = a.parameters()[i].master.cpu() - b.parameters()[i].master.cpu();
    largest = std::max(largest, difference.abs().max().item<double>());
  }
  return largest;
}

class DeviceLearnTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(DeviceLearnTest, ThreeSteps) {
  const auto host = Model::random(test::tiny_architecture(), 5, GetParam()), device = fake::on_device(*host);
  const OptimizerConfig config{.lr = 1e-3, .weight_decay = 0.1, .clip_norm = 0.05};
  Optimizer on_host(config, *host), there(config, *device);
  const auto batch = sequences();
  BatchTotals totals;
  for (const Sequence& s : batch) {
    totals.sequences += 1;
    totals.tokens += static_cast<std::int64_t>(s.completion.size());
  }
  for (const char* aggregation : {"token_mean", "seq_mean", "seq_sum"}) {
    const ObjectiveConfig objective{.aggregation = aggregation};
    const auto expected = policy_gradient(objective, batch, totals, 0.8, 20, *host, on_host);
    const auto got = policy_gradient(objective, batch, totals, 0.8, 20, *device, there);
    const double bound = GetParam() == at::kFloat ? 1e-5 : 2e-2;
    EXPECT_NEAR(got.loss, expected.loss, bound);
    EXPECT_NEAR(got.ratio.max, expected.ratio.max, bound);
    EXPECT_NEAR(got.gap_mean, expected.gap_mean, bound);
    const double norm = on_host.step(1e-3);
    EXPECT_GT(norm, 0.05);  // clipped
    EXPECT_NEAR(there.step(1e-3), norm, bound * norm);
  }
  // Adam's step is about lr where the gradient is far from 0, so three steps differ by 2 · 3 · lr where
  // rounding decides a sign, and by next to nothing elsewhere.
  EXPECT_LE(largest_difference(*device, *host), GetParam() == at::kFloat ? 1e-4 : 6.1e-3);
  EXPECT_EQ(device->version, 3);

  const test::TempFolder dir("device");
  const auto tokenizer = make_word_tokenizer(test::kWords, "<eos>");
  save_checkpoint(dir / "run", 3, *device, there, *tokenizer, Json::object(), 1);
  const auto fresh = fake::on_device(*Model::random(test::tiny_architecture(), 6, GetParam()));
  Optimizer again(config, *fresh);
  ASSERT_TRUE(load_newest_checkpoint(dir / "run", *fresh, again));
  EXPECT_EQ(largest_difference(*fresh, *device), 0);
  EXPECT_EQ(again.steps_taken(), 3);
  const auto saved = there.state(), loaded = again.state();
  for (std::size_t i = 0; i < saved.size(); ++i)
    EXPECT_TRUE(at::equal(saved[i].second.cpu(), loaded[i].second.cpu())) << saved[i].first;
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceLearnTest, testing::Values(at::kFloat, at::kBFloat16));

}  // namespace
}  // namespace pope
