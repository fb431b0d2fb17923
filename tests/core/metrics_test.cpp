// The table of metrics, and that docs/metrics.md is what it gives.
#include "core/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;
using Values = std::map<std::string, std::string>;

TEST(Metrics, FindsKeysAndWhatTheirBracesStandFor) {
  const auto found = [](std::string_view key) {
    const auto named = find_metric(key);
    return named ? std::pair(std::string(named->metric->key), named->values)
                 : std::pair(std::string(), Values());
  };
  EXPECT_EQ(found("loss"), std::pair(std::string("loss"), Values()));
  EXPECT_EQ(found("reward/guided"), std::pair(std::string("reward/{set}"), Values{{"set", "guided"}}));
  const std::string pass = "eval/{set}/{prompt}/pass@{k}";
  EXPECT_EQ(found("eval/hard/unguided/pass@32"),
            std::pair(pass, Values{{"set", "hard"}, {"prompt", "unguided"}, {"k", "32"}}));
  EXPECT_EQ(found("eval/a/b/guided/pass@1"),
            std::pair(pass, Values{{"set", "a/b"}, {"prompt", "guided"}, {"k", "1"}}));
  for (const char* key : {"", "los", "loss2", "reward/", "reward", "eval/hard/pass@8",
                          "eval/hard/guided/pass@x", "eval/hard/guided/pass@", "logprob_gap/mean"})
    EXPECT_FALSE(find_metric(key)) << key;
}

TEST(Metrics, TitlesNameTheSet) {
  EXPECT_EQ(find_metric("reward/unguided")->title(), "Reward, unguided prompts");
  EXPECT_EQ(find_metric("eval/hard/guided/pass@8")->title(), "pass@8 on hard, guided");
  EXPECT_EQ(find_metric("lr")->title(), "Learning rate");
}

TEST(Metrics, EveryOneIsWholeAndThereOnce) {
  const std::set<std::string_view> units = {"0 … 1", "count", "tokens", "nats", "s", "versions", "–"};
  std::set<std::string_view> keys;
  std::set<int> charts;
  for (const MetricGroup& group : metric_groups()) {
    for (const Metric& metric : group.metrics) {
      EXPECT_TRUE(keys.insert(metric.key).second) << metric.key;
      EXPECT_TRUE(metric.chart == 0 || charts.insert(metric.chart).second) << metric.key;
      EXPECT_TRUE(units.contains(metric.unit)) << metric.key;
      EXPECT_FALSE(metric.title.empty()) << metric.key;
      EXPECT_FALSE(metric.definition.empty()) << metric.key;
      EXPECT_EQ(metric.definition.find_first_of("|\n"), std::string_view::npos) << metric.key;
      EXPECT_EQ(std::count(metric.definition.begin(), metric.definition.end(), '`') % 2, 0) << metric.key;
    }
  }
  EXPECT_GT(keys.size(), 50u);
}

TEST(Metrics, RowsHaveDeclaredKeysOnly) {
  check_metrics({{"step", 1}, {"reward/unguided", 0.5}});
  EXPECT_THAT(error_of([] {
                check_metrics({{"step", 1}, {"rewards/unguided", 0.5}});
              }),
              testing::AllOf(HasSubstr("got 'rewards/unguided'"), HasSubstr("src/core/metrics.cpp")));
}

// `make docs` writes the page.
TEST(Metrics, ThePageIsTheCommittedOne) {
  const std::string page = metrics_page();
  EXPECT_THAT(page, HasSubstr("\n| `reward/{set}` | 0 … 1 | mean reward of the set's rollouts"));
  const char* file = POPE_SOURCE_DIR "/docs/metrics.md";
  if (std::getenv("POPE_WRITE_DOCS")) write_file(file, page);
  EXPECT_TRUE(read_file(file) == page) << "docs/metrics.md is not what src/core/metrics.cpp says: make docs";
}

}  // namespace
}  // namespace pope
