// The walks family: the moves by hand, planted solutions checked, the corpus by its statistics, and the exact
// success of policies against sampling.
#include "data/walks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

using Words = std::vector<std::string_view>;

Walks problem_of(std::vector<Walk> walks) {
  Walks problem;
  problem.walks = std::move(walks);
  return problem;
}

TEST(Walks, MovesByHand) {
  EXPECT_EQ(legal_moves(4, 17), (std::array<int, 3>{7, 8, 1}));
  EXPECT_EQ(legal_moves(16, 17), (std::array<int, 3>{2, 15, 6}));
  EXPECT_EQ(legal_moves(10, 11), (std::array<int, 3>{2, 9, 6}));
  EXPECT_TRUE(is_legal_move(16, 6, 17));
  EXPECT_FALSE(is_legal_move(4, 13, 17));
}

TEST(Walks, ParsesStatements) {
  Problem problem;
  problem.statement = "3 =14 0 =5";
  Walks parsed = parse_walks(problem);
  EXPECT_EQ(parsed.modulus, 17);
  ASSERT_EQ(parsed.walks.size(), 2u);
  EXPECT_EQ(parsed.walks[0].start, 3);
  EXPECT_EQ(parsed.walks[0].target, 14);
  EXPECT_EQ(parsed.walks[1].start, 0);
  EXPECT_TRUE(parsed.after.empty());
  problem.statement = "after 20 4";
  problem.extra["modulus"] = 23;
  parsed = parse_walks(problem);
  EXPECT_EQ(parsed.modulus, 23);
  EXPECT_EQ(parsed.after, (std::vector<int>{20, 4}));
  EXPECT_TRUE(parsed.walks.empty());
  for (const char* bad : {"", "3", "=3", "3 4", "=3 4", "3 =4 5", "3 =4 5 =4", "23 =5", "3 =05", "3 =x",
                          "3 = 5", "after", "after x", "after 1 =2", "What is 2 + 2?"}) {
    problem.statement = bad;
    EXPECT_THROW(parse_walks(problem), Error) << bad;
  }
}

TEST(Walks, HardProblemsHaveAPlantedSolution) {
  SourceConfig config;
  config.walks = 6;
  config.count = 300;
  std::set<std::string> ids, statements;
  for (const Problem& problem : problem_source("walks").generate(config, 17)) {
    const Walks parsed = parse_walks(problem);
    ASSERT_EQ(parsed.walks.size(), 6u);
    EXPECT_EQ(split_words(problem.solution).size(), 18u);
    EXPECT_EQ(walks_fault(parsed, problem.solution), "") << problem.statement;
    std::string answer;
    for (const Walk& walk : parsed.walks) answer += (answer.empty() ? "" : " ") + std::to_string(walk.target);
    EXPECT_EQ(problem.answer, answer);
    EXPECT_EQ(problem.level, 6);
    EXPECT_EQ(problem.source, "walks-hard");
    EXPECT_FALSE(problem.guidance.has_value());
    ids.insert(problem.id);
    statements.insert(problem.statement);
  }
  EXPECT_EQ(ids.size(), 300u);
  EXPECT_EQ(statements.size(), 300u);
  EXPECT_EQ(*ids.begin(), "walks-hard-m6-p17-s17-000000");
}

TEST(Walks, EasyProblemsHaveFewerWalksAndAfterProblemsNone) {
  SourceConfig config;
  config.part = "easy";
  config.walks = 3;
  config.count = 600;
  std::map<std::size_t, int> sizes;
  for (const Problem& problem : problem_source("walks").generate(config, 5)) {
    const Walks parsed = parse_walks(problem);
    EXPECT_EQ(walks_fault(parsed, problem.solution), "");
    ++sizes[parsed.walks.size()];
  }
  ASSERT_EQ(sizes.size(), 3u);  // 200 each, four standard deviations are 46
  for (const auto& [size, count] : sizes) EXPECT_NEAR(count, 200, 46) << size;
  config.after = 1;
  sizes.clear();
  for (const Problem& problem : problem_source("walks").generate(config, 5)) {
    const Walks parsed = parse_walks(problem);
    EXPECT_EQ(std::set<int>(parsed.after.begin(), parsed.after.end()).size(), parsed.after.size());
    EXPECT_EQ(walks_fault(parsed, problem.solution), "");
    EXPECT_NE(walks_fault(parsed, problem.solution + " 1"), "");
    ++sizes[parsed.after.size()];
  }
  EXPECT_EQ(sizes.size(), 3u);  // two to four values
}

TEST(Walks, AFunctionOfConfigSeedAndIndex) {
  for (const char* part : {"hard", "easy", "pretrain", "instructed", "prompted"}) {
    SourceConfig config;
    config.part = part;
    config.count = 20;
    const auto all = problem_source("walks").generate(config, 3);
    config.count = 7;
    const auto few = problem_source("walks").generate(config, 3),
               other = problem_source("walks").generate(config, 4);
    int same = 0;
    for (std::size_t i = 0; i < few.size(); ++i) {
      EXPECT_EQ(to_json(few[i]), to_json(all[i]));
      same += few[i].statement == other[i].statement;
    }
    EXPECT_EQ(same, 0) << part;
    config.first = 5;
    EXPECT_EQ(to_json(problem_source("walks").generate(config, 3).front()), to_json(all[5]));
  }
}

// Counts what a demonstrator's trace does after its guidance.
struct Habits {
  int reachable = 0, hits = 0, misses = 0, retries = 0, spoils = 0;
  double expected_hits = 0;

  void add(const Walks& problem, const Words& words, std::size_t first_attempt, double hit) {
    for (std::size_t i = 3 * first_attempt; i < words.size(); i += 3) {
      const auto walk = std::find_if(problem.walks.begin(), problem.walks.end(), [&](const Walk& other) {
        return words[i] == "=" + std::to_string(other.target);
      });
      ASSERT_NE(walk, problem.walks.end());
      const int waypoint = *value_of_word(words[i + 1], problem.modulus);
      const int final = *value_of_word(words[i + 2], problem.modulus);
      ASSERT_TRUE(is_legal_move(walk->start, waypoint, problem.modulus));
      ASSERT_TRUE(is_legal_move(waypoint, final, problem.modulus));
      if (is_legal_move(waypoint, walk->target, problem.modulus)) {
        const auto moves = legal_moves(waypoint, problem.modulus);
        const auto ways = static_cast<double>(std::count(moves.begin(), moves.end(), walk->target));
        ++reachable;
        hits += final == walk->target;
        expected_hits += hit + (1 - hit) * ways / 3;
      }
      const bool again = i + 3 < words.size() && words[i + 3] == words[i];
      misses += final != walk->target;
      retries += final != walk->target && again;
      spoils += final == walk->target && again;
    }
  }
};

TEST(Walks, PretrainCorpusHasItsProportions) {
  SourceConfig config;
  config.part = "pretrain";
  config.walks = 4;
  config.count = 8000;
  config.modulus = 13;
  config.demonstrator = 0.4;
  config.retry = 0.2;
  std::map<std::string, int> kinds;
  std::map<std::size_t, int> sizes;
  Habits habits;
  int known = 0, values = 0;
  for (const Problem& problem : problem_source("walks").generate(config, 1)) {
    const Walks parsed = parse_walks(problem);
    if (!parsed.after.empty()) {
      ++kinds["after"];
      const Words words = split_words(problem.solution);
      for (std::size_t i = 0; i < parsed.after.size(); ++i, ++values)
        known += words[2 * i + 1] == std::to_string((parsed.after[i] + 1) % 13);
      continue;
    }
    std::string trace = problem.solution, kind = "unguided";
    std::size_t given = 0;
    if (problem.guidance) {
      kind = problem.guidance->instruction;
      given = split_words(problem.guidance->text).size();
      EXPECT_LT(given, 3 * parsed.walks.size());
      if (kind == "silent") trace = problem.guidance->text + " " + trace;
      EXPECT_EQ(trace.rfind(problem.guidance->text + " ", 0), 0u);
    }
    ++kinds[kind];
    ++sizes[parsed.walks.size()];
    habits.add(parsed, split_words(trace), (given + 2) / 3, 0.4);  // attempts that are all the demonstrator's
  }
  // Four standard deviations of a count of 8000 draws, at most 4·√(8000/4) = 179.
  EXPECT_NEAR(kinds["after"], 0.10 * 8000, 108);
  EXPECT_NEAR(kinds["unguided"], 0.30 * 8000, 164);
  EXPECT_NEAR(kinds["default"], 0.45 * 8000, 178);
  EXPECT_NEAR(kinds["silent"], 0.15 * 8000, 128);
  EXPECT_EQ(sizes.size(), 4u);  // 1 … m
  EXPECT_NEAR(habits.hits, habits.expected_hits, 4 * std::sqrt(habits.reachable / 4.0));
  EXPECT_NEAR(habits.retries, 0.2 * habits.misses, 4 * std::sqrt(habits.misses * 0.16));
  EXPECT_EQ(habits.spoils, 0);
  EXPECT_GT(habits.misses, 4000);
  // Known, or guessed right.
  EXPECT_NEAR(known, values * (0.7 + 0.3 / 13), 4 * std::sqrt(values * 0.21));
}

// One walk, by hand: 3 → {6, 6, 2} modulo 17, and to reach 9: 6 → {9, 12, 16} once, 2 → {5, 4, 3} never.
TEST(Walks, PolicySuccessByHand) {
  const Walks one = problem_of({{3, 9}});
  EXPECT_NEAR(walk_policy_success({0, 0}, one, 1), 2.0 / 9, 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 0}, one, 1), 2.0 / 3, 1e-12);
  EXPECT_NEAR(walk_policy_success({0.4, 0}, one, 9), 2.0 / 3 * (0.4 + 0.6 / 3), 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 0.5}, one, 2), 2.0 / 3 * (1 + 0.5 / 3), 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 0.5}, one, 99), (2.0 / 3) / (1 - 0.5 / 3), 1e-12);
  // Looking ahead: one of the two 6.
  EXPECT_NEAR(walk_policy_success({0, 0, 1}, one, 1), 1.0 / 3, 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 0, 1}, one, 1), 1, 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 0, 0.5}, one, 1), 5.0 / 6, 1e-12);
  const Walks two = problem_of({{3, 9}, {3, 9}});
  EXPECT_NEAR(walk_policy_success({1, 1}, two, 1), 0, 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 1}, two, 2), 4.0 / 9, 1e-12);
  EXPECT_NEAR(walk_policy_success({1, 1}, two, 3), 4.0 / 9 * (1 + 2.0 / 3), 1e-12);
}

TEST(Walks, WhatInstructionWordsMakeOfAPolicy) {
  const WalkPolicy plain{0.25, 0.1};
  const WalkPolicy all = instructed_policy(plain, "aim please ahead again");
  EXPECT_NEAR(all.hit, 0.8 + 0.2 * 0.25, 1e-12);
  EXPECT_NEAR(all.ahead, 0.8, 1e-12);
  EXPECT_NEAR(all.retry, 0.8 + 0.2 * 0.1, 1e-12);
  const WalkPolicy polite = instructed_policy(plain, "please");
  EXPECT_EQ(polite.hit, plain.hit);
  EXPECT_EQ(polite.ahead, 0);
  EXPECT_EQ(polite.retry, plain.retry);
  EXPECT_THROW(instructed_policy(plain, "aim higher"), Error);
}

// Half of the guided problems have words, and as many are solved under them as is computed.
TEST(Walks, InstructedCorpusObeysItsWords) {
  SourceConfig config;
  config.part = "instructed";
  config.walks = 2;
  config.count = 12000;
  struct Tally {
    double expected = 0, variance = 0;
    int solved = 0;
  };
  std::map<std::string, Tally> tallies;  // with both "aim" and "ahead", or without
  int instructed = 0, hinted = 0;
  for (const Problem& problem : problem_source("walks").generate(config, 2)) {
    if (!problem.guidance) continue;
    if (problem.guidance->instruction != kInstructed) {
      ++hinted;
      continue;
    }
    ++instructed;
    const Walks parsed = parse_walks(problem);
    const std::string& words = problem.guidance->text;
    const double p =
        walk_policy_success(instructed_policy({config.demonstrator, config.retry}, words), parsed, 100);
    Tally& tally =
        tallies[words.find("aim") != words.npos && words.find("ahead") != words.npos ? "both" : "other"];
    tally.expected += p;
    tally.variance += p * (1 - p);
    tally.solved += walks_fault(parsed, problem.solution).empty();
  }
  EXPECT_NEAR(instructed + hinted, 0.6 * 12000, 4 * std::sqrt(12000 * 0.24));
  EXPECT_NEAR(instructed, hinted, 4 * std::sqrt(instructed + hinted));
  ASSERT_EQ(tallies.size(), 2u);
  for (const auto& [words, tally] : tallies)
    EXPECT_NEAR(tally.solved, tally.expected, 4 * std::sqrt(tally.variance)) << words;
  EXPECT_GT(tallies["both"].expected, 300);
}

TEST(Walks, PromptedProblemsCarryTheirWords) {
  SourceConfig config;
  config.part = "prompted";
  config.count = 5;
  for (const Problem& problem : problem_source("walks").generate(config, 3)) {
    EXPECT_EQ(walks_fault(parse_walks(problem), problem.solution), "");
    ASSERT_TRUE(problem.guidance);
    EXPECT_EQ(problem.guidance->text, "aim ahead");
    EXPECT_EQ(problem.guidance->instruction, "instructed");
  }
}

// The demonstrator of the corpus has exactly the success that is computed.
TEST(Walks, TheDemonstratorSucceedsAsComputed) {
  SourceConfig config;
  config.part = "pretrain";
  config.walks = 2;
  config.count = 20000;
  config.demonstrator = 0.5;
  config.retry = 0.3;
  double expected = 0, variance = 0;
  int solved = 0;
  for (const Problem& problem : problem_source("walks").generate(config, 9)) {
    const Walks parsed = parse_walks(problem);
    if (!parsed.after.empty() || problem.guidance) continue;
    const double p = walk_policy_success({0.5, 0.3}, parsed, 100);
    expected += p;
    variance += p * (1 - p);
    solved += walks_fault(parsed, problem.solution).empty();
  }
  EXPECT_NEAR(solved, expected, 4 * std::sqrt(variance));
  EXPECT_GT(expected, 1000);
}

// configs/paper/p2o.yaml: what the demonstrator solves of hard problems under each choice of words.
TEST(Walks, WhatInstructionWordsOpen) {
  SourceConfig config;
  config.walks = 8;
  config.modulus = 11;
  config.count = 2000;
  std::map<std::string, double> solved;
  for (const Problem& problem : problem_source("walks").generate(config, 1)) {
    const Walks parsed = parse_walks(problem);
    for (const char* words : {"aim", "ahead", "again", "aim ahead", "aim again", "ahead again"})
      solved[words] += walk_policy_success(instructed_policy({0.25, 0.1}, words), parsed, 13) / 2000;
  }
  EXPECT_NEAR(solved["aim"], 0.002, 0.0003);
  EXPECT_NEAR(solved["ahead"], 0.0046, 0.0005);
  EXPECT_NEAR(solved["again"], 0.0027, 0.0004);
  EXPECT_NEAR(solved["aim ahead"], 0.226, 0.015);
  EXPECT_NEAR(solved["aim again"], 0.058, 0.006);
  EXPECT_NEAR(solved["ahead again"], 0.12, 0.01);
}

// configs/demo.yaml, before anything is trained; its 40 words are 13 attempts.
TEST(Walks, FloorAndCeilingsOfTheDemo) {
  SourceConfig config;
  config.walks = 8;
  config.modulus = 11;
  config.count = 4000;
  double hard = 0, floor = 0, finishing = 0, retrying = 0;
  for (const Problem& problem : problem_source("walks").generate(config, 1)) {
    const Walks parsed = parse_walks(problem);
    const double demonstrator = walk_policy_success({0.25, 0.1}, parsed, 13);
    const double is_hard = std::pow(1 - demonstrator, 128);  // 0 of 128 samples
    hard += is_hard;
    floor += is_hard * demonstrator;
    finishing += is_hard * walk_policy_success({1, 0.1}, parsed, 13);
    retrying += is_hard * walk_policy_success({1, 1}, parsed, 13);
  }
  EXPECT_GT(hard / 4000, 0.99);
  EXPECT_NEAR(floor / hard * 100 * 128, 0.43, 0.08);  // successes that plain RL expects in a run
  EXPECT_NEAR(finishing / hard, 0.0040, 0.0005);      // hits whatever it reaches
  EXPECT_NEAR(retrying / hard, 0.18, 0.02);           // and tries again until it hits
}

TEST(Walks, VocabularyCoversEverythingWritten) {
  SourceConfig config;
  config.count = 300;
  const auto words = problem_source("walks").vocabulary(config);
  EXPECT_EQ(words.size(), 39u);
  EXPECT_EQ(words[0], "<end>");
  EXPECT_EQ(words[1], "0");
  EXPECT_EQ(words[17], "16");
  EXPECT_EQ(words[18], "=0");
  EXPECT_EQ(words.back(), "silently");
  config.part = "instructed";
  EXPECT_EQ(problem_source("walks").vocabulary(config).size(), 43u);
  const auto more = problem_source("walks").vocabulary(config);
  const std::set<std::string, std::less<>> known(more.begin(), more.end());
  EXPECT_EQ(known.size(), more.size());
  for (const char* word : {":", "given", "silently"}) EXPECT_TRUE(known.contains(word));
  for (const char* part : {"hard", "easy", "pretrain", "instructed", "prompted"}) {
    config.part = part;
    config.after = 0.5;
    for (const Problem& problem : problem_source("walks").generate(config, 1))
      for (const std::string& text :
           {problem.statement, problem.solution, problem.guidance ? problem.guidance->text : std::string()})
        for (const std::string_view word : split_words(text)) EXPECT_TRUE(known.contains(word)) << word;
  }
}

TEST(Walks, RefusesImpossibleSettings) {
  const auto generates = [](auto change) {
    SourceConfig config;
    config.count = 2;
    change(config);
    return problem_source(config.kind).generate(config, 1).size();
  };
  EXPECT_EQ(generates([](SourceConfig& c) { c.walks = 1, c.part = "pretrain"; }), 2u);
  EXPECT_EQ(generates([](SourceConfig& c) { c.modulus = 3, c.walks = 2, c.part = "easy", c.after = 1; }), 2u);
  EXPECT_THROW(generates([](SourceConfig& c) { c.kind = "sums"; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.part = "medium"; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.count = 0; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.first = -1; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.walks = 0; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.walks = 13; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.modulus = 2; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.after = 1.5; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.demonstrator = 1.5; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.retry = 1; }), Error);
}

}  // namespace
}  // namespace pope
