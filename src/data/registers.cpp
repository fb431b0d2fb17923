// Generator of the "registers" family. Hard part: every target set, from a planted legal walk. Easy part: as
// many registers, but one round or two and any number of targets. Pretrain part: easier members with the
// traces of a sloppy demonstrator, who knows the moves but looks ahead not at all.
#include "data/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr const char* kTwoRounds = "to";
constexpr const char* kOneRound = "once";
constexpr const char* kFree = "*";

constexpr int kMostRules = 26;

using Values = std::vector<int>;

char rule_word(int rule) { return static_cast<char>('A' + rule); }
std::optional<int> rule_of(std::string_view word) {
  if (word.size() != 1 || word[0] < rule_word(0) || word[0] >= rule_word(kMostRules)) return std::nullopt;
  return word[0] - rule_word(0);
}

std::string words_of(const int* first, const int* last) {
  return fmt::format("{}", fmt::join(first, last, " "));
}
std::string words_of(const Values& values) { return words_of(values.data(), values.data() + values.size()); }

int random_move(const Registers& registers, int value, RngStream& rng) {
  return registers.moves(value)[rng.below(4)];
}

// A random member with a planted solution, `rounds` legal moves per register; `constrained` of the m targets
// are set.
struct Planted {
  Registers registers;
  Values walk;    // rounds · m values: the planted solution
  Values finals;  // the last m of them
};

Planted plant(const SourceConfig& config, int rounds, std::size_t constrained, RngStream& rng) {
  const auto m = static_cast<std::size_t>(config.registers);
  Planted planted;
  planted.registers.modulus = config.modulus;
  planted.registers.rounds = rounds;
  if (config.rules > 1)
    planted.registers.rule = static_cast<int>(rng.below(static_cast<std::uint64_t>(config.rules)));
  for (std::size_t i = 0; i < m; ++i)
    planted.registers.start.push_back(
        static_cast<int>(rng.below(static_cast<std::uint64_t>(config.modulus))));
  planted.finals = planted.registers.start;
  for (int round = 0; round < rounds; ++round) {
    for (int& value : planted.finals) value = random_move(planted.registers, value, rng);
    planted.walk.insert(planted.walk.end(), planted.finals.begin(), planted.finals.end());
  }
  planted.registers.targets.resize(m);
  const std::vector<std::size_t> order = rng.permutation(m);
  for (std::size_t i = 0; i < constrained; ++i)
    planted.registers.targets[order[i]] = planted.finals[order[i]];
  return planted;
}

// The demonstrator: random legal waypoints; a final value hits its target with probability `hit` when one
// legal move reaches it, and is a random legal move otherwise.
Values demonstrate(const Registers& registers, double hit, RngStream& rng) {
  Values from = registers.start, trace;
  for (int round = 1; round < registers.rounds; ++round) {
    for (int& value : from) value = random_move(registers, value, rng);
    trace.insert(trace.end(), from.begin(), from.end());
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::optional<int> target = registers.targets[i];
    const bool reachable = target && registers.is_move(from[i], *target);
    const bool hits = reachable && rng.uniform() < hit;
    trace.push_back(hits ? *target : random_move(registers, from[i], rng));
  }
  return trace;
}

// With one rule there is nothing to say about it.
std::string statement_of(const Registers& registers, int rules) {
  std::string text = rules > 1 ? std::string{rule_word(registers.rule), ' '} : "";
  text += words_of(registers.start) + " " + (registers.rounds == 1 ? kOneRound : kTwoRounds);
  for (const std::optional<int>& target : registers.targets)
    text += " " + (target ? std::to_string(*target) : std::string(kFree));
  return text;
}

Problem problem_of(const Planted& planted, const SourceConfig& config, std::uint64_t seed, int index) {
  Problem problem;
  const std::string rules = config.rules > 1 ? fmt::format("-r{}", config.rules) : "";
  problem.id = fmt::format("registers-{}-m{}-p{}{}-s{}-{:06}", config.part, config.registers, config.modulus,
                           rules, seed, index);
  problem.statement = statement_of(planted.registers, config.rules);
  problem.answer = words_of(planted.finals);
  problem.source = "registers-" + config.part;
  problem.level = config.registers;
  problem.extra["modulus"] = config.modulus;
  return problem;
}

// A problem to be solved, with its planted solution.
Problem solved_problem(const SourceConfig& config, std::uint64_t seed, int index, RngStream& rng) {
  const auto m = static_cast<std::uint64_t>(config.registers);
  const bool easy = config.part == "easy";
  const int rounds = easy ? 1 + static_cast<int>(rng.below(2)) : 2;
  const auto most = config.targets > 0 ? static_cast<std::uint64_t>(config.targets) : m;
  const Planted planted = plant(config, rounds, easy ? 1 + rng.below(most) : m, rng);
  Problem problem = problem_of(planted, config, seed, index);
  problem.solution = words_of(planted.walk);
  return problem;
}

// The corpus: 25 % one round, 37 % two rounds unguided, 19 % with a hint to restate, 19 % with a hint to
// continue silently. Of two-round problems only 1 … m−1 targets are set: a problem with all of them is never
// seen.
Problem pretrain_problem(const SourceConfig& config, std::uint64_t seed, int index, RngStream& rng) {
  const auto m = static_cast<std::uint64_t>(config.registers);
  const double kind = rng.uniform();
  const bool one_round = kind < 0.25, guided = kind >= 0.62, silent = kind >= 0.81;
  const Planted planted = plant(config, one_round ? 1 : 2, 1 + rng.below(one_round ? m : m - 1), rng);
  const Values trace = demonstrate(planted.registers, config.demonstrator, rng);
  Problem problem = problem_of(planted, config, seed, index);
  problem.solution = words_of(trace);
  if (!guided) return problem;
  const std::uint64_t length = rng.uniform() < 0.5 ? m : 1 + rng.below(2 * m - 1);
  Guidance guidance;
  guidance.text = words_of(trace.data(), trace.data() + length);
  guidance.fraction =
      static_cast<double>(guidance.text.size()) / static_cast<double>(problem.solution.size());
  guidance.instruction = silent ? "silent" : "default";
  if (silent) problem.solution = words_of(trace.data() + length, trace.data() + trace.size());
  problem.guidance = guidance;
  return problem;
}

void check(const SourceConfig& config) {
  const auto require = [](bool ok, std::string_view key, const auto& expected, const auto& got) {
    if (!ok) throw Error("registers", fmt::format("source.{}: expected {}, got {}", key, expected, got));
  };
  const bool pretrain = config.part == "pretrain";
  require(pretrain || config.part == "hard" || config.part == "easy", "part", "hard, easy or pretrain",
          config.part);
  require(config.count >= 1, "count", "1 or more", config.count);
  require(config.registers >= (pretrain ? 2 : 1) && config.registers <= 1000, "registers",
          pretrain ? "2 to 1000" : "1 to 1000", config.registers);
  require(config.targets >= 0 && config.targets <= config.registers, "targets",
          fmt::format("0 to source.registers = {}", config.registers), config.targets);
  require(config.modulus >= 2 && config.modulus <= 1000000, "modulus", "2 to 1000000", config.modulus);
  // Up to rule p−4 no move of any rule multiplies by 0 modulo p, so each leads to more than one value.
  const int most_rules = std::clamp(config.modulus - 3, 1, kMostRules);
  require(config.rules >= 1 && config.rules <= most_rules, "rules",
          fmt::format("1 to {} with source.modulus = {}", most_rules, config.modulus), config.rules);
  require(config.demonstrator >= 0 && config.demonstrator <= 1, "demonstrator", "0 to 1",
          config.demonstrator);
}

class RegistersSource : public ProblemSource {
 public:
  std::vector<Problem> generate(const SourceConfig& config, std::uint64_t seed) const override {
    check(config);
    std::vector<Problem> problems;
    problems.reserve(static_cast<std::size_t>(config.count));
    for (int i = 0; i < config.count; ++i) {
      RngStream rng(seed, {key_of("registers"), key_of(config.part), static_cast<std::uint64_t>(i)});
      problems.push_back(config.part == "pretrain" ? pretrain_problem(config, seed, i, rng)
                                                   : solved_problem(config, seed, i, rng));
    }
    return problems;
  }

  std::vector<std::string> vocabulary(const SourceConfig& config) const override {
    check(config);
    std::vector<std::string> words = {"<end>"};
    for (int value = 0; value < config.modulus; ++value) words.push_back(std::to_string(value));
    // The last three are for the wordings of prompts: "{problem} given {guidance} :".
    for (const char* word : {kFree, kTwoRounds, kOneRound, ":", "given", "silently"}) words.push_back(word);
    for (int rule = 0; config.rules > 1 && rule < config.rules; ++rule)
      words.emplace_back(1, rule_word(rule));
    return words;
  }
};

}  // namespace

std::array<int, 4> Registers::moves(int value) const {
  const auto wrap = [this](int x) { return ((x % modulus) + modulus) % modulus; };
  return {wrap(value + 3 + rule), wrap((2 + rule) * value), wrap(5 + rule - value),
          wrap((3 + rule) * value + 1)};
}

bool Registers::is_move(int from, int to) const {
  const std::array<int, 4> legal = moves(from);
  return std::find(legal.begin(), legal.end(), to) != legal.end();
}

std::optional<int> register_value(std::string_view word, int modulus) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 0 || value >= modulus)
    return std::nullopt;
  if (word != std::to_string(value)) return std::nullopt;  // "05", "-0"
  return value;
}

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(space); at != std::string_view::npos;
       at = text.find_first_not_of(space, at)) {
    const std::size_t end = std::min(text.find_first_of(space, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Registers parse_registers(const Problem& problem) {
  const auto fail = [&problem](const std::string& expected) {
    throw Error("registers",
                fmt::format("problem {}: expected {}, got \"{}\"", problem.id, expected, problem.statement),
                "this verifier is for problems that `pope problems` makes with source.kind=registers");
  };
  Registers registers;
  if (const auto modulus = problem.extra.find("modulus"); modulus != problem.extra.end()) {
    if (!modulus->is_number_integer() || *modulus < 2 || *modulus > 1000000)
      fail("a \"modulus\" from 2 to 1000000");
    registers.modulus = modulus->get<int>();
  }
  std::vector<std::string_view> words = split_words(problem.statement);
  if (const auto rule = words.empty() ? std::nullopt : rule_of(words.front())) {
    registers.rule = *rule;
    words.erase(words.begin());
  }
  const std::size_t m = words.size() / 2;
  if (words.size() < 3 || words.size() != 2 * m + 1 || (words[m] != kTwoRounds && words[m] != kOneRound))
    fail("m values, \"to\" or \"once\", m targets, with or without a rule from A to Z before them");
  registers.rounds = words[m] == kOneRound ? 1 : 2;
  for (std::size_t i = 0; i < m; ++i) {
    const std::optional<int> start = register_value(words[i], registers.modulus);
    const std::optional<int> target = register_value(words[m + 1 + i], registers.modulus);
    if (!start || (!target && words[m + 1 + i] != kFree))
      fail(fmt::format("values from 0 to {} and \"*\"", registers.modulus - 1));
    registers.start.push_back(start.value_or(0));
    registers.targets.push_back(target);
  }
  return registers;
}

const ProblemSource& registers_source() {
  static const RegistersSource source;
  return source;
}

}  // namespace pope
