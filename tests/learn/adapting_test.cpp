// Guidance and draws that adapt: controllers by hand, whole runs against a policy that does what its prompt
// tells it, and runs that go on from a checkpoint.
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "core/temp_dir.h"
#include "learn/adaptive_prefix.h"
#include "learn/bandit.h"
#include "learn/group_source.h"
#include "learn/mixture_curriculum.h"
#include "learn/retirement.h"

namespace pope {
namespace {

using test::metrics_of;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kYes = 1, kNo = 2, kHint = 8, kEnd = 0;

// Problems whose solution is "one two three red", and a policy that is right from a number of its words on.
struct GuidedWorld : test::BanditWorld {
  explicit GuidedWorld(std::map<std::string, int> needed_words,
                       test::FakeVerifier::Judge judge = test::says_yes)
      : BanditWorld(std::move(judge)),
        needed(std::move(needed_words)),
        policy([this](const Request& request, int) {
          Rollout rollout;
          rollout.tokens = {right(request) ? kYes : kNo, kEnd};
          rollout.logprobs = {std::log(0.5f), 0};
          return rollout;
        }) {
    job.engine = &policy;
    job.hard.clear();
    for (const auto& [statement, words] : needed) {
      Problem problem = test::problem(statement, statement, "one two three");
      problem.solution = "one two three red";
      problem.guidance->fraction = 13 / 17.0;
      job.hard.push_back(std::move(problem));
    }
    job.config.max_sampler_mismatch = 100;
    job.config.rollouts_per_prompt = 4;
    job.config.prompts_per_step = static_cast<int>(job.hard.size());
    job.config.rollouts_every = 1;
    for (std::string* boundary : {&job.adaptive.boundary, &job.search.boundary}) *boundary = "word";
  }

  bool right(const Request& request) const {
    // The statement is one word; behind "hint" stands the guidance.
    const auto& prompt = request.prompt;
    const auto hint = std::find(prompt.begin(), prompt.end(), kHint);
    const auto words = hint == prompt.end() ? 0 : prompt.end() - hint - 1;
    return std::cmp_greater_equal(words, needed.at(test::kWords[prompt.front()]));
  }

  std::map<std::string, int> needed;
  test::FakeEngine policy;
};

std::vector<Json> records(const std::filesystem::path& run, int step) {
  std::vector<Json> rows;
  read_jsonl(run / "rollouts" / ("step-00000" + std::to_string(step) + ".jsonl.zst"),
             [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  return rows;
}

TEST(AdaptivePrefix, LengthsFollowTheTargetAndAreWithdrawn) {
  const AdaptiveConfig config{.target = 0.5, .step = 0.2, .max_fraction = 0.75};
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 0, true), 0.5);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 0.5, true), 0.4);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 1, true), 0.3);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.7, 0, true), 0.75);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.05, 1, true), 0);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 0, false), 0.4);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 0.25, false), 0.3);
  EXPECT_DOUBLE_EQ(next_fraction(config, 0.4, 1, false), 0);
}

// Of two problems one needs two words of the solution, the other none. Prefixes are 3/17, 7/17 and 13/17
// long.
TEST(AdaptivePrefix, EachProblemFindsItsLength) {
  TempDir dir;
  GuidedWorld world({{"blue", 2}, {"red", 0}});
  world.job.config.guidance = "adaptive";
  world.job.adaptive.max_fraction = 0.8;
  world.job.mixture = {.unguided = 0, .guided = 1};
  world.job.config.steps = 9;
  world.train(dir / "run");
  std::map<std::string, std::vector<std::string>> shown;
  for (int step = 1; step <= 9; ++step) {
    std::map<std::string, std::string> now;
    for (const Json& record : records(dir / "run", step)) {
      now[record["problem_id"]] = record["guidance"].is_null() ? "" : record["guidance"].get<std::string>();
      EXPECT_EQ(record["set"], record["guidance"].is_null() ? "unguided" : "guided");
    }
    for (const auto& [id, text] : now) shown[id].push_back(text);
  }
  // f: 0.76, 0.66, 0.56, each right; 0.46 and 0.36 are nearest to two words, right; 0.26 to one, wrong, and
  // so 0.36 again.
  EXPECT_THAT(shown["blue"], ElementsAre("one two three", "one two three", "one two", "one two", "one two",
                                         "one", "one two", "one", "one two"));
  EXPECT_THAT(shown["red"], ElementsAre("one two three", "one two three", "one two", "one two", "one two",
                                        "one", "one", "", ""));
  const std::vector<Json> rows = metrics_of(dir / "run");
  EXPECT_EQ(rows[0]["adaptive/shown"], 2);
  EXPECT_EQ(rows[8]["adaptive/shown"], 1);
  EXPECT_NEAR(rows[0]["adaptive/fraction"].get<double>(), 13 / 17.0 - 0.1, 1e-12);
}

// Its own wording, too.
TEST(PrefixSearch, APrefixIsTriedOnce) {
  TempDir dir;
  GuidedWorld world({{"blue", 9}});
  world.job.hard[0].solution = "one red";
  world.job.hard[0].guidance->instruction = "silent";
  world.job.config.guidance = "search";
  world.job.config.prompts_per_step = 1;
  world.job.mixture = {.unguided = 1, .guided = 0};
  const Mixture mixture(world.job.mixture, world.job.hard, {}, 1);
  const auto curriculum = curricula().at("search")(world.job, mixture, dir.path());
  StageSeconds seconds;
  Group group = sync_source(world.job, *curriculum, dir.path())->take(0, seconds, [](double) {}).front();
  EXPECT_EQ(group.more_rollouts, 4);
  const auto prompt = curriculum->more(group, 0);
  ASSERT_NE(prompt, nullptr);
  EXPECT_EQ(prompt->problem.guidance->instruction, "silent");
  EXPECT_EQ(prompt->problem.guidance->text, "one");
  EXPECT_EQ(curriculum->more(group, 1), nullptr);
}

TEST(PrefixSearch, TheFirstPrefixThatWorksJoinsTheGroup) {
  for (const bool distils : {false, true}) {
    TempDir dir;
    GuidedWorld world({{"blue", 2}, {"red", 0}, {"three", 9}});
    world.job.config.guidance = "search";
    world.job.objective.context_distillation = distils;
    world.job.mixture = {.unguided = 1, .guided = 0};
    world.job.config.steps = 1;
    world.job.search.joins = 2;
    const Mixture mixture(world.job.mixture, world.job.hard, {}, 1);
    const auto curriculum = curricula().at("search")(world.job, mixture, dir.path());
    StageSeconds seconds;
    const std::vector<Group> groups =
        sync_source(world.job, *curriculum, dir.path())->take(0, seconds, [](double) {});
    for (const Group& group : groups) {
      const std::string id = group.prompt->problem.id;
      ASSERT_THAT(group.rollouts, SizeIs(4)) << id;
      EXPECT_FALSE(group.prompt->guided());
      EXPECT_EQ(group.more_rollouts, id == "red" ? 0 : id == "blue" ? 8 : 12) << id;
      EXPECT_EQ(group.more_tokens, 2 * group.more_rollouts);
      EXPECT_EQ(group.joined.size(), id == "blue" ? 2u : 0u) << id;
      EXPECT_EQ(group.has_signal(), id == "blue") << id;
      if (id != "blue") continue;
      // Quarter, half: "one" was wrong, "one two" is right. Two of six are right.
      EXPECT_EQ(group.joined[0].prompt->problem.guidance->text, "one two");
      EXPECT_EQ(group.joined[1].graded.rollout.sample, 9);  // behind 4 without and 4 under "one"
      ASSERT_THAT(group.advantages, SizeIs(6));
      EXPECT_DOUBLE_EQ(group.advantages[0], -1 / 3.0);
      EXPECT_DOUBLE_EQ(group.advantages[5], 2 / 3.0);
      ASSERT_THAT(group.sequences, SizeIs(6));
      EXPECT_EQ(group.sequences[5].prompt, distils ? group.prompt->sample : group.joined[0].prompt->sample);
      EXPECT_EQ(group.sequences[5].other_prompt, distils);
      EXPECT_FLOAT_EQ(group.sequences[5].advantages[0], 2 / 3.0f);
      EXPECT_EQ(group.sequences[0].prompt, group.prompt->sample);
    }
    world.train(dir / "run");
    const Json row = metrics_of(dir / "run").at(0);
    EXPECT_EQ(row["search/searched"], 2);
    EXPECT_EQ(row["search/found"], 1);
    EXPECT_NEAR(row["search/fraction"].get<double>(), 7 / 17.0, 1e-12);
    EXPECT_EQ(row["search/rollouts"], 20);
    EXPECT_EQ(row["rollouts/total"], 12 + 20);
    EXPECT_EQ(row["tokens/sampled"], 2 * (12 + 20));
    EXPECT_THAT(row["reward/unguided"].get<double>(), DoubleEq(1 / 3.0));  // joined ones do not count
    int joined = 0;
    for (const Json& record : records(dir / "run", 1)) joined += record["set"] == "joined";
    EXPECT_EQ(joined, 2);
  }
}

Group group_with(const PromptSet& set, const Problem& problem, int correct, bool guided = false) {
  Group group;
  group.set = &set;
  Prompt prompt;
  prompt.problem = problem;
  if (!guided) prompt.problem.guidance.reset();
  group.prompt = std::make_shared<const Prompt>(std::move(prompt));
  group.rollouts.resize(4);
  for (int i = 0; i < correct; ++i) group.rollouts[static_cast<std::size_t>(i)].verdict.correct = true;
  return group;
}

TEST(Retirement, SolvedProblemsLeaveAndComeBackWhenForgotten) {
  PromptSet set{"unguided", false, {}};
  for (const char* id : {"a", "b", "c", "d"}) set.problems.push_back(test::problem(id, "one", "two"));
  const auto of = [&](std::size_t i, int correct, bool guided = false) {
    return group_with(set, set.problems[i], correct, guided);
  };
  Retirement retirement({.above = 0.75, .groups = 2, .every = 4}, 1);
  retirement.learn_from({of(0, 4), of(1, 3), of(2, 2)});
  EXPECT_FALSE(retirement.retired("a"));
  retirement.learn_from({of(0, 3), of(1, 2), of(2, 4), of(3, 4, true), of(3, 4, true)});
  EXPECT_TRUE(retirement.retired("a"));
  for (const char* id : {"b", "c", "d"}) EXPECT_FALSE(retirement.retired(id)) << id;  // b's row was broken
  retirement.learn_from({of(0, 0, true)});
  EXPECT_TRUE(retirement.retired("a"));  // what it does under guidance does not count
  Json row = Json::object();
  retirement.add_metrics(row);
  EXPECT_EQ(row, (Json{{"retire/retired", 1}, {"retire/returned", 0}}));

  // Where a is drawn something else stands, but for one time in four; nothing comes twice.
  int kept = 0;
  for (std::int64_t t = 0; t < 400; ++t) {
    const auto draws = retirement.replaced({{&set, &set.problems[0]}, {&set, &set.problems[1]}}, t);
    ASSERT_THAT(draws, SizeIs(2));
    EXPECT_EQ(draws[1].problem, &set.problems[1]);
    EXPECT_NE(draws[0].problem, &set.problems[1]);
    kept += draws[0].problem == &set.problems[0];
  }
  EXPECT_NEAR(kept, 100, 30);

  Retirement resumed({.above = 0.75, .groups = 2, .every = 4}, 1);
  resumed.restore(retirement.state());
  EXPECT_EQ(resumed.state(), retirement.state());
  resumed.learn_from({of(2, 4)});
  EXPECT_TRUE(resumed.retired("c"));  // its streak was kept
  resumed.learn_from({of(0, 2)});
  EXPECT_FALSE(resumed.retired("a"));
  row = Json::object();
  resumed.add_metrics(row);
  EXPECT_EQ(row, (Json{{"retire/retired", 1}, {"retire/returned", 1}}));
}

TEST(Retirement, WhereNothingElseIsLeftTheDrawStays) {
  PromptSet set{"unguided", false, {test::problem("a", "one")}};
  Retirement retirement({.above = 1, .groups = 1, .every = 1000}, 1);
  retirement.learn_from({group_with(set, set.problems[0], 4)});
  ASSERT_TRUE(retirement.retired("a"));
  EXPECT_EQ(retirement.replaced({{&set, &set.problems[0]}}, 3)[0].problem, &set.problems[0]);
}

// A problem whose only cut opens it, and that is never solved without: guidance is never lost for good.
TEST(AdaptivePrefix, GuidanceComesBackWhereItsAbsenceFails) {
  TempDir dir;
  GuidedWorld world({{"blue", 1}});
  world.job.hard[0].solution = "one red";
  world.job.hard[0].guidance->fraction = 0.5;
  world.job.config.guidance = "adaptive";
  world.job.config.prompts_per_step = 1;
  world.job.mixture = {.unguided = 0, .guided = 1};
  world.job.config.steps = 8;
  world.train(dir / "run");
  std::vector<bool> shown;
  for (const Json& row : metrics_of(dir / "run")) shown.push_back(row["adaptive/shown"] == 1);
  // The cut is 3/7 long. f: 0.5, 0.4, 0.3, each right; 0.2 shows nothing, wrong; 0.3, right; 0.2 …
  EXPECT_THAT(shown, ElementsAre(true, true, true, false, true, false, true, false));
}

// The policy samples by itself; killed in the fifth step of six, with a checkpoint every other step.
TEST(Adapting, AKilledRunIsTheUnbrokenOne) {
  for (const char* guidance : {"fixed", "adaptive", "search"}) {
    TempDir dir;
    const auto make = [&](int killed_at) {
      auto judge = [killed_at, calls = 0](const Problem& problem, std::string_view completion) mutable {
        if (++calls == killed_at) throw Error("test", "killed");
        return test::says_yes(problem, completion);
      };
      auto world = std::make_unique<GuidedWorld>(
          std::map<std::string, int>{{"blue", 2}, {"red", 0}, {"three", 9}, {"two", 1}}, judge);
      world->job.engine = world->engine.get();
      world->job.config.guidance = guidance;
      world->job.config.save_every = 2;
      world->job.config.prompts_per_step = 4;
      world->job.retire = {.above = 0.5, .groups = 1, .every = 2};
      world->job.config.steps = 6;
      return world;
    };
    make(-1)->train(dir / "whole");
    EXPECT_THROW(make(70)->train(dir / "run"), Error);
    make(-1)->train(dir / "run");
    SCOPED_TRACE(guidance);
    EXPECT_THAT(metrics_of(dir / "run"), SizeIs(6));
    test::expect_same_run(dir / "whole", dir / "run");
  }
}

TEST(Adapting, WhatCannotGoTogetherIsRefused) {
  const auto refused = [](const std::function<void(TrainJob&)>& change) {
    TempDir dir;
    GuidedWorld world({{"blue", 2}, {"red", 0}});
    change(world.job);
    return error_of([&] { world.train(dir / "run"); });
  };
  EXPECT_THAT(refused([](TrainJob& job) {
                job.config.guidance = "adaptive";
                job.mixture.guided = 0;
              }),
              HasSubstr("mixture.guided: expected above 0 with train.guidance=adaptive"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.config.guidance = "search";
                job.mixture.unguided = 0;
              }),
              HasSubstr("mixture.unguided: expected above 0 with train.guidance=search"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.config.guidance = "adaptive";
                for (Problem& problem : job.hard) problem.guidance->fraction = 0;
              }),
              HasSubstr("train.guidance=adaptive: expected guided problems with a solution"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.config.guidance = "search";
                for (Problem& problem : job.hard) problem.solution.clear();
              }),
              HasSubstr("train.guidance=search: expected problems with solutions"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.retire.above = 0.9;
                job.config.mode = "async";
              }),
              HasSubstr("expected sync with retire.above"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.retire.above = 0.9;
                job.mixture.unguided = 0;
              }),
              HasSubstr("retire.above: expected 0 with mixture.unguided=0"));
}

}  // namespace
}  // namespace pope
