// The registers family: the moves by hand, planted solutions replayed from their text, the corpus by its
// statistics.
#include "data/registers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace pope {
namespace {

std::vector<int> numbers(const std::string& text) {
  std::vector<int> values;
  for (const std::string_view word : split_words(text)) values.push_back(std::stoi(std::string(word)));
  return values;
}

// Written out once more, so that a change of the moves is noticed.
bool legal(int from, int to, int p, int k = 0) {
  return to == (from + 3 + k) % p || to == (2 + k) * from % p || to == (5 + k - from + p) % p ||
         to == ((3 + k) * from + 1) % p;
}

// Every move of `trace` legal from the start values on.
bool legal_walk(const Registers& registers, const std::vector<int>& trace) {
  const std::size_t m = registers.start.size();
  for (std::size_t i = 0; i < trace.size(); ++i)
    if (!legal(i < m ? registers.start[i] : trace[i - m], trace[i], registers.modulus, registers.rule))
      return false;
  return true;
}

std::size_t constrained(const Registers& registers) {
  std::size_t count = 0;
  for (const auto& target : registers.targets) count += target.has_value();
  return count;
}

TEST(Registers, MovesByHand) {
  const auto under = [](int modulus, int rule = 0) {
    Registers registers;
    registers.modulus = modulus;
    registers.rule = rule;
    return registers;
  };
  EXPECT_EQ(under(17).moves(4), (std::array<int, 4>{7, 8, 1, 13}));
  EXPECT_EQ(under(17).moves(16), (std::array<int, 4>{2, 15, 6, 15}));
  EXPECT_EQ(under(11).moves(10), (std::array<int, 4>{2, 9, 6, 9}));
  EXPECT_EQ(under(17, 2).moves(4), (std::array<int, 4>{9, 16, 3, 4}));
  EXPECT_TRUE(under(17).is_move(16, 6));
  EXPECT_FALSE(under(17).is_move(4, 9));
  EXPECT_TRUE(under(17, 2).is_move(4, 9));
  EXPECT_FALSE(under(17).is_move(16, 5));
}

TEST(Registers, ParsesStatements) {
  Problem problem;
  problem.statement = "3 14 0 to * 5 16";
  Registers registers = parse_registers(problem);
  EXPECT_EQ(registers.modulus, 17);
  EXPECT_EQ(registers.rounds, 2);
  EXPECT_EQ(registers.solution_words(), 6u);
  EXPECT_EQ(registers.start, (std::vector<int>{3, 14, 0}));
  EXPECT_EQ(registers.targets, (std::vector<std::optional<int>>{std::nullopt, 5, 16}));
  problem.statement = "20 once 4";
  problem.extra["modulus"] = 23;
  registers = parse_registers(problem);
  EXPECT_EQ(registers.modulus, 23);
  EXPECT_EQ(registers.solution_words(), 1u);
  EXPECT_EQ(registers.rule, 0);
  problem.statement = "C 20 once 4";
  registers = parse_registers(problem);
  EXPECT_EQ(registers.rule, 2);
  EXPECT_EQ(registers.start, std::vector<int>{20});
  for (const char* bad :
       {"", "to", "3 4 5", "3 to", "3 4 to 5", "3 to 5 6", "23 to 5", "3 to 05", "* to 5", "3 to x", "C",
        "c 3 to 5", "CC 3 to 5", "C C 3 to 5", "3 C to 5", "[ 3 to 5", "What is 2 + 2?"}) {
    problem.statement = bad;
    EXPECT_THROW(parse_registers(problem), Error) << bad;
  }
}

TEST(Registers, HardProblemsHaveALegalPlantedSolution) {
  SourceConfig config;
  config.registers = 6;
  config.count = 300;
  std::set<std::string> ids, statements;
  for (const Problem& problem : problem_source("registers").generate(config, 17)) {
    const Registers registers = parse_registers(problem);
    ASSERT_EQ(registers.start.size(), 6u);
    EXPECT_EQ(registers.rounds, 2);
    EXPECT_EQ(constrained(registers), 6u);
    const std::vector<int> walk = numbers(problem.solution);
    ASSERT_EQ(walk.size(), 12u);
    EXPECT_TRUE(legal_walk(registers, walk)) << problem.statement << " : " << problem.solution;
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(walk[6 + i], registers.targets[i]);
    EXPECT_EQ(numbers(problem.answer), std::vector<int>(walk.begin() + 6, walk.end()));
    EXPECT_EQ(problem.level, 6);
    EXPECT_EQ(problem.source, "registers-hard");
    EXPECT_FALSE(problem.guidance.has_value());
    ids.insert(problem.id);
    statements.insert(problem.statement);
  }
  EXPECT_EQ(ids.size(), 300u);
  EXPECT_EQ(statements.size(), 300u);
  EXPECT_EQ(*ids.begin(), "registers-hard-m6-p17-s17-000000");
}

TEST(Registers, WithSeveralRulesEachStatementNamesItsOwn) {
  SourceConfig config;
  config.count = 400;
  config.rules = 4;
  std::map<int, int> counts;
  for (const char* part : {"hard", "easy", "pretrain"}) {
    config.part = part;
    counts.clear();
    for (const Problem& problem : problem_source("registers").generate(config, 3)) {
      const Registers registers = parse_registers(problem);
      EXPECT_EQ(problem.statement[0], 'A' + registers.rule);
      std::vector<int> trace = numbers(problem.solution);
      if (problem.guidance && problem.guidance->instruction == "silent") {
        const std::vector<int> hint = numbers(problem.guidance->text);
        trace.insert(trace.begin(), hint.begin(), hint.end());
      }
      EXPECT_TRUE(legal_walk(registers, trace)) << problem.statement << " : " << problem.solution;
      ++counts[registers.rule];
      EXPECT_EQ(problem.id.rfind(std::string("registers-") + part + "-m5-p17-r4-s3-", 0), 0u) << problem.id;
    }
    ASSERT_EQ(counts.size(), 4u);  // 100 each, four standard deviations are 35
    for (const auto& [rule, count] : counts) EXPECT_NEAR(count, 100, 35) << rule;
  }
  const auto words = problem_source("registers").vocabulary(config);
  EXPECT_EQ(std::vector<std::string>(words.end() - 4, words.end()),
            (std::vector<std::string>{"A", "B", "C", "D"}));
}

TEST(Registers, EasyProblemsHaveOneRoundOrTwoAndAnyNumberOfTargets) {
  SourceConfig config;
  config.part = "easy";
  config.registers = 3;
  config.count = 600;
  std::map<std::pair<int, std::size_t>, int> shapes;  // rounds, targets
  for (const Problem& problem : problem_source("registers").generate(config, 5)) {
    const Registers registers = parse_registers(problem);
    const std::vector<int> walk = numbers(problem.solution);
    ASSERT_EQ(walk.size(), registers.solution_words());
    ASSERT_TRUE(legal_walk(registers, walk));
    for (std::size_t i = 0; i < 3; ++i) {
      const int last = walk[walk.size() - 3 + i];
      EXPECT_EQ(last, registers.targets[i].value_or(last));
    }
    EXPECT_EQ(problem.id.rfind("registers-easy-m3-p17-s5-", 0), 0u);
    ++shapes[{registers.rounds, constrained(registers)}];
  }
  ASSERT_EQ(shapes.size(), 6u);  // 600/6 each, four standard deviations are 37
  for (const auto& [shape, count] : shapes) EXPECT_NEAR(count, 100, 37);
  config.targets = 1;
  for (const Problem& problem : problem_source("registers").generate(config, 5))
    EXPECT_EQ(constrained(parse_registers(problem)), 1u);
}

TEST(Registers, AFunctionOfConfigSeedAndIndex) {
  for (const char* part : {"hard", "easy", "pretrain"}) {
    SourceConfig config;
    config.part = part;
    config.count = 20;
    const auto all = problem_source("registers").generate(config, 3);
    config.count = 7;
    const auto few = problem_source("registers").generate(config, 3),
               other = problem_source("registers").generate(config, 4);
    int same = 0;
    for (std::size_t i = 0; i < few.size(); ++i) {
      EXPECT_EQ(to_json(few[i]), to_json(all[i]));
      same += few[i].statement == other[i].statement;
    }
    EXPECT_EQ(same, 0) << part;
  }
}

TEST(Registers, PretrainCorpusHasItsProportions) {
  SourceConfig config;
  config.part = "pretrain";
  config.registers = 4;
  config.count = 8000;
  config.modulus = 13;
  std::map<std::string, int> kinds;
  std::map<std::size_t, int> targets_once, targets_two;
  int hints_of_m = 0, hints = 0;
  double hits = 0, expected_hits = 0, tries = 0;
  for (const Problem& problem : problem_source("registers").generate(config, 1)) {
    const Registers registers = parse_registers(problem);
    std::vector<int> trace = numbers(problem.solution);
    std::string kind = registers.rounds == 1 ? "once" : "unguided";
    if (problem.guidance) {
      kind = problem.guidance->instruction;
      const std::vector<int> hint = numbers(problem.guidance->text);
      EXPECT_GE(hint.size(), 1u);
      EXPECT_LE(hint.size(), 7u);
      ++hints;
      hints_of_m += hint.size() == 4;
      if (kind == "silent")
        trace.insert(trace.begin(), hint.begin(), hint.end());
      else  // the target restates the hint
        EXPECT_EQ(std::vector<int>(trace.begin(), trace.begin() + static_cast<std::ptrdiff_t>(hint.size())),
                  hint);
    }
    ++kinds[kind];
    ++(registers.rounds == 1 ? targets_once : targets_two)[constrained(registers)];
    ASSERT_EQ(trace.size(), registers.solution_words());
    ASSERT_TRUE(legal_walk(registers, trace));
    for (std::size_t i = 0; i < 4; ++i) {
      const int from = registers.rounds == 1 ? registers.start[i] : trace[i];
      const auto target = registers.targets[i];
      if (!target || !legal(from, *target, 13)) continue;
      int ways = 0;  // of the 4 moves
      for (const int to : registers.moves(from)) ways += to == *target;
      ++tries;
      expected_hits += 0.4 + 0.6 * ways / 4;
      hits += trace[trace.size() - 4 + i] == *target;
    }
  }
  // Four standard deviations of a count of 8000 draws, at most 4·√(8000/4) = 179.
  EXPECT_NEAR(kinds["once"], 0.25 * 8000, 155);
  EXPECT_NEAR(kinds["unguided"], 0.37 * 8000, 173);
  EXPECT_NEAR(kinds["default"], 0.19 * 8000, 141);
  EXPECT_NEAR(kinds["silent"], 0.19 * 8000, 141);
  EXPECT_EQ(targets_once.size(), 4u);  // 1 … m
  EXPECT_EQ(targets_two.size(), 3u);   // 1 … m−1: all of them never
  EXPECT_EQ(targets_two.rbegin()->first, 3u);
  EXPECT_NEAR(hints_of_m, hints * (0.5 + 0.5 / 7), 4 * std::sqrt(hints / 4.0));
  EXPECT_NEAR(hits, expected_hits, 4 * std::sqrt(tries / 4));
  EXPECT_GT(tries, 4000);
}

TEST(Registers, APerfectDemonstratorHitsWhateverIsReachableUnderItsRule) {
  SourceConfig config;
  config.part = "pretrain";
  config.count = 500;
  config.demonstrator = 1;
  for (const int rules : {1, 4}) {
    config.rules = rules;
    std::set<int> hits;  // rules with a target that was hit
    for (const Problem& problem : problem_source("registers").generate(config, 2)) {
      const Registers registers = parse_registers(problem);
      if (registers.rounds != 1) continue;
      const std::vector<int> trace =
          numbers(problem.solution);  // a planted target is always reachable in one round
      for (std::size_t i = 0; i < trace.size(); ++i)
        EXPECT_EQ(trace[i], registers.targets[i].value_or(trace[i]));
      hits.insert(registers.rule);
    }
    EXPECT_EQ(hits.size(), static_cast<std::size_t>(rules));
  }
}

TEST(Registers, VocabularyCoversEverythingWritten) {
  SourceConfig config;
  config.count = 300;
  const auto words = problem_source("registers").vocabulary(config);
  EXPECT_EQ(words.size(), 24u);
  EXPECT_EQ(words[0], "<end>");
  EXPECT_EQ(words[1], "0");
  EXPECT_EQ(words[17], "16");
  EXPECT_EQ(words.back(), "silently");  // with one rule there are no letters
  const std::set<std::string, std::less<>> known(words.begin(), words.end());
  EXPECT_EQ(known.size(), words.size());
  for (const char* word : {":", "given", "silently"}) EXPECT_TRUE(known.contains(word));
  for (const char* part : {"hard", "easy", "pretrain"}) {
    config.part = part;
    for (const Problem& problem : problem_source("registers").generate(config, 1))
      for (const std::string& text :
           {problem.statement, problem.solution, problem.guidance ? problem.guidance->text : std::string()})
        for (const std::string_view word : split_words(text)) EXPECT_TRUE(known.contains(word)) << word;
  }
}

TEST(Registers, RefusesImpossibleSettings) {
  const auto generates = [](auto change) {
    SourceConfig config;
    config.count = 2;
    change(config);
    return problem_source(config.kind).generate(config, 1).size();
  };
  EXPECT_EQ(generates([](SourceConfig& c) { c.registers = 1; }), 2u);
  EXPECT_THROW(generates([](SourceConfig& c) { c.kind = "sums"; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.part = "medium"; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.count = 0; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.registers = 0; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.registers = 1, c.part = "pretrain"; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.modulus = 1; }), Error);
  EXPECT_EQ(generates([](SourceConfig& c) { c.rules = 26, c.modulus = 29; }), 2u);
  EXPECT_EQ(generates([](SourceConfig& c) { c.rules = 14; }), 2u);
  EXPECT_EQ(generates([](SourceConfig& c) { c.modulus = 2; }), 2u);
  EXPECT_THROW(generates([](SourceConfig& c) { c.rules = 0; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.rules = 15; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.rules = 27, c.modulus = 37; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.targets = 6; }), Error);
  EXPECT_THROW(generates([](SourceConfig& c) { c.demonstrator = 1.5; }), Error);
}

}  // namespace
}  // namespace pope
