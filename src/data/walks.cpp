// The walks family: its rules, and the generator. Hard part: m walks, with a planted solution that gets every
// one right at the first attempt. Easy part: fewer walks, or after problems. Pretrain part: the traces of a
// sloppy demonstrator, bare, under guidance and under instruction words, so that its success on any problem
// is known exactly.
#include "data/walks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr const char* kAfter = "after";
constexpr int kAfterShortest = 2, kAfterLongest = 4;  // values of an after problem
constexpr double kAfterSkill = 0.7;                   // how often the demonstrator knows the next value

using Words = std::vector<std::string>;

std::string goal_word(int target) { return fmt::format("={}", target); }
std::optional<int> goal_of(std::string_view word, int modulus) {
  return word.starts_with('=') ? value_of_word(word.substr(1), modulus) : std::nullopt;
}

std::string joined(const Words& words) { return fmt::format("{}", fmt::join(words, " ")); }

int below(RngStream& rng, int bound) {
  return static_cast<int>(rng.below(static_cast<std::uint64_t>(bound)));
}

int random_move(int value, int modulus, RngStream& rng) {
  return legal_moves(value, modulus)[static_cast<std::size_t>(below(rng, 3))];
}

// The moves from `value` from which another one leads to `target`.
std::vector<int> moves_towards(int value, int target, int modulus) {
  std::vector<int> moves;
  for (const int move : legal_moves(value, modulus))
    if (is_legal_move(move, target, modulus)) moves.push_back(move);
  return moves;
}

int waypoint_of(const Walk& walk, int modulus, double ahead, RngStream& rng) {
  if (ahead > 0 && rng.uniform() < ahead) {
    const std::vector<int> moves = moves_towards(walk.start, walk.target, modulus);
    if (!moves.empty()) return moves[rng.below(moves.size())];
  }
  return random_move(walk.start, modulus, rng);
}

struct Planted {
  Walks problem;
  Words solution;  // "=target waypoint final" of every walk
};

// `count` random walks of two moves with different targets.
Planted plant(int modulus, int count, RngStream& rng) {
  Planted planted;
  planted.problem.modulus = modulus;
  std::set<int> targets;
  while (std::cmp_less(planted.problem.walks.size(), count)) {
    Walk walk{below(rng, modulus), 0};
    const int waypoint = random_move(walk.start, modulus, rng);
    walk.target = random_move(waypoint, modulus, rng);
    if (!targets.insert(walk.target).second) continue;
    planted.problem.walks.push_back(walk);
    for (const std::string& word :
         {goal_word(walk.target), std::to_string(waypoint), std::to_string(walk.target)})
      planted.solution.push_back(word);
  }
  return planted;
}

Planted plant_after(int modulus, RngStream& rng) {
  Planted planted;
  planted.problem.modulus = modulus;
  const int longest = std::min(kAfterLongest, modulus);
  const int count = kAfterShortest + below(rng, longest - kAfterShortest + 1);
  const std::vector<std::size_t> values = rng.permutation(static_cast<std::size_t>(modulus));
  for (int i = 0; i < count; ++i) {
    const int value = static_cast<int>(values[static_cast<std::size_t>(i)]);
    planted.problem.after.push_back(value);
    planted.solution.push_back(std::to_string(value));
    planted.solution.push_back(std::to_string((value + 1) % modulus));
  }
  return planted;
}

// Appends the demonstrator's trace from walk `first` on to `trace`, whose last `given` words (of 0, 1, 2:
// goal, waypoint) begin its attempt.
void demonstrate(const Walks& problem, const WalkPolicy& policy, std::size_t first, std::size_t given,
                 Words& trace, RngStream& rng) {
  for (std::size_t i = first; i < problem.walks.size(); ++i) {
    const Walk& walk = problem.walks[i];
    for (bool again = true; again; given = 0) {
      if (given < 1) trace.push_back(goal_word(walk.target));
      const int waypoint =
          given < 2 ? waypoint_of(walk, problem.modulus, policy.ahead, rng) : std::stoi(trace.back());
      if (given < 2) trace.push_back(std::to_string(waypoint));
      const bool hits = is_legal_move(waypoint, walk.target, problem.modulus) && rng.uniform() < policy.hit;
      const int final = hits ? walk.target : random_move(waypoint, problem.modulus, rng);
      trace.push_back(std::to_string(final));
      again = final != walk.target && rng.uniform() < policy.retry;
    }
  }
}

Words demonstrate_after(const Walks& problem, RngStream& rng) {
  Words trace;
  for (const int value : problem.after) {
    trace.push_back(std::to_string(value));
    const bool knows = rng.uniform() < kAfterSkill;
    trace.push_back(std::to_string(knows ? (value + 1) % problem.modulus : below(rng, problem.modulus)));
  }
  return trace;
}

std::string statement_of(const Walks& problem) {
  if (!problem.after.empty()) return fmt::format("{} {}", kAfter, fmt::join(problem.after, " "));
  Words words;
  for (const Walk& walk : problem.walks)
    words.push_back(fmt::format("{} {}", walk.start, goal_word(walk.target)));
  return joined(words);
}

std::string answer_of(const Planted& planted) {
  if (!planted.problem.after.empty()) return joined(planted.solution);
  std::vector<int> targets;
  for (const Walk& walk : planted.problem.walks) targets.push_back(walk.target);
  return fmt::format("{}", fmt::join(targets, " "));
}

Problem problem_of(const Planted& planted, const SourceConfig& config, std::uint64_t seed, int index) {
  Problem problem;
  problem.id =
      fmt::format("walks-{}-m{}-p{}-s{}-{:06}", config.part, config.walks, config.modulus, seed, index);
  problem.statement = statement_of(planted.problem);
  problem.answer = answer_of(planted);
  problem.solution = joined(planted.solution);
  problem.source = "walks-" + config.part;
  problem.level = config.walks;
  problem.extra["modulus"] = config.modulus;
  return problem;
}

Guidance instruction(const std::string& words) {
  Guidance guidance;
  guidance.kind = "words";
  guidance.text = words;
  guidance.instruction = kInstructed;
  return guidance;
}

// One to three of the words, in any order.
std::string random_words(RngStream& rng) {
  const std::vector<std::size_t> order = rng.permutation(kInstructionWords.size());
  Words words;
  for (int i = below(rng, 3); i >= 0; --i)
    words.emplace_back(kInstructionWords[order[static_cast<std::size_t>(i)]]);
  return joined(words);
}

// A problem to be solved, with its planted solution.
Problem solved_problem(const SourceConfig& config, std::uint64_t seed, int index, RngStream& rng) {
  const bool easy = config.part == "easy";
  if (easy && rng.uniform() < config.after)
    return problem_of(plant_after(config.modulus, rng), config, seed, index);
  const int count = easy ? 1 + below(rng, config.walks) : config.walks;
  Problem problem = problem_of(plant(config.modulus, count, rng), config, seed, index);
  if (config.part == "prompted") problem.guidance = instruction(kPromptedWords);
  return problem;
}

// The corpus: 10 % after problems, 30 % walks unguided, 45 % with a hint to restate and go on, 15 % with a
// hint to go on silently; 1 … m walks. The guidance is a prefix of the planted solution, what follows it the
// demonstrator's. In the part "instructed" half of those with a hint have instruction words in its place, and
// all is the demonstrator's.
Problem pretrain_problem(const SourceConfig& config, std::uint64_t seed, int index, RngStream& rng) {
  const double kind = rng.uniform();
  if (kind < 0.1) {
    const Planted planted = plant_after(config.modulus, rng);
    Problem problem = problem_of(planted, config, seed, index);
    problem.solution = joined(demonstrate_after(planted.problem, rng));
    return problem;
  }
  const bool guided = kind >= 0.4, silent = kind >= 0.85;
  const Planted planted = plant(config.modulus, 1 + below(rng, config.walks), rng);
  Problem problem = problem_of(planted, config, seed, index);
  const WalkPolicy demonstrator{config.demonstrator, config.retry};
  if (guided && config.part == "instructed" && rng.uniform() < kInstructedShare) {
    problem.guidance = instruction(random_words(rng));
    Words trace;
    demonstrate(planted.problem, instructed_policy(demonstrator, problem.guidance->text), 0, 0, trace, rng);
    problem.solution = joined(trace);
    return problem;
  }
  std::size_t given = 0;
  if (guided) given = 1 + rng.below(planted.solution.size() - 1);
  Words trace(planted.solution.begin(), planted.solution.begin() + static_cast<std::ptrdiff_t>(given));
  if (guided) {
    Guidance guidance;
    guidance.text = joined(trace);
    guidance.fraction =
        static_cast<double>(guidance.text.size()) / static_cast<double>(problem.solution.size());
    guidance.instruction = silent ? "silent" : "default";
    problem.guidance = guidance;
  }
  demonstrate(planted.problem, demonstrator, given / 3, given % 3, trace, rng);
  if (silent) trace.erase(trace.begin(), trace.begin() + static_cast<std::ptrdiff_t>(given));
  problem.solution = joined(trace);
  return problem;
}

class WalksSource : public ProblemSource {
 public:
  std::vector<Problem> generate(const SourceConfig& config, std::uint64_t seed) const override {
    check(config);
    // Targets are different, and planted by drawing again.
    const int most = config.modulus * 3 / 4;
    if (config.walks > most)
      refuse_setting("source.walks", fmt::format("at most {} with source.modulus={}", most, config.modulus),
                     std::to_string(config.walks));
    const bool demonstrated = config.part == "pretrain" || config.part == "instructed";
    std::vector<Problem> problems;
    problems.reserve(static_cast<std::size_t>(config.count));
    for (int i = config.first; i < config.first + config.count; ++i) {
      RngStream rng(seed, {key_of("walks"), key_of(config.part), static_cast<std::uint64_t>(i)});
      problems.push_back(demonstrated ? pretrain_problem(config, seed, i, rng)
                                      : solved_problem(config, seed, i, rng));
    }
    return problems;
  }

  std::vector<std::string> vocabulary(const SourceConfig& config) const override {
    check(config);
    std::vector<std::string> words = {"<end>"};
    for (int value = 0; value < config.modulus; ++value) words.push_back(std::to_string(value));
    for (int value = 0; value < config.modulus; ++value) words.push_back(goal_word(value));
    // The last three are for the wordings of prompts: "{problem} given {guidance} :".
    for (const char* word : {kAfter, ":", "given", "silently"}) words.push_back(word);
    if (config.part == "instructed")
      words.insert(words.end(), kInstructionWords.begin(), kInstructionWords.end());
    return words;
  }
};

std::string after_fault(const Walks& problem, const std::vector<std::string_view>& words) {
  if (words.size() != 2 * problem.after.size())
    return fmt::format("expected {} words, got {}", 2 * problem.after.size(), words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const int expected = (problem.after[i / 2] + static_cast<int>(i % 2)) % problem.modulus;
    if (words[i] != std::to_string(expected))
      return fmt::format("word {}: {} instead of {}", i + 1, words[i], expected);
  }
  return "";
}

using Attempts = std::map<int, std::vector<int>>;  // the values of the last one at each target

// What is wrong with the words as attempts, whatever they reach; "" = nothing.
std::string read_attempts(const Walks& problem, const std::vector<std::string_view>& words,
                          Attempts& attempts) {
  std::vector<int>* attempt = nullptr;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (const std::optional<int> goal = goal_of(words[i], problem.modulus)) {
      attempt = &attempts[*goal];
      attempt->clear();
      continue;
    }
    const std::optional<int> value = value_of_word(words[i], problem.modulus);
    if (!value || !attempt) return fmt::format("no {} at word {}", attempt ? "value" : "target", i + 1);
    attempt->push_back(*value);
  }
  return "";
}

}  // namespace

std::array<int, 3> legal_moves(int value, int modulus) {
  const auto wrap = [modulus](int x) { return ((x % modulus) + modulus) % modulus; };
  return {wrap(value + 3), wrap(2 * value), wrap(5 - value)};
}

bool is_legal_move(int from, int to, int modulus) {
  const std::array<int, 3> legal = legal_moves(from, modulus);
  return std::find(legal.begin(), legal.end(), to) != legal.end();
}

std::string walks_fault(const Walks& problem, std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (!problem.after.empty()) return after_fault(problem, words);
  Attempts attempts;
  if (std::string fault = read_attempts(problem, words, attempts); !fault.empty()) return fault;
  for (const Walk& walk : problem.walks) {
    const std::vector<int>& values = attempts[walk.target];
    if (values.size() != 2)
      return fmt::format("target {}: expected 2 values, got {}", walk.target, values.size());
    for (const auto& [from, to] : {std::pair(walk.start, values[0]), std::pair(values[0], values[1])})
      if (!is_legal_move(from, to, problem.modulus))
        return fmt::format("target {}: illegal move {} to {}", walk.target, from, to);
    if (values[1] != walk.target) return fmt::format("target {}: missed, ends on {}", walk.target, values[1]);
  }
  return "";
}

WalkPolicy instructed_policy(WalkPolicy policy, std::string_view words) {
  for (const std::string_view word : split_words(words)) {
    const auto obeyed = [](double otherwise) { return kObeys + (1 - kObeys) * otherwise; };
    if (word == "aim") {
      policy.hit = obeyed(policy.hit);
    } else if (word == "ahead") {
      policy.ahead = obeyed(policy.ahead);
    } else if (word == "again") {
      policy.retry = obeyed(policy.retry);
    } else if (word != "please") {
      throw Error("walks", "expected words of aim, ahead, again and please, got '" + std::string(word) + "'");
    }
  }
  return policy;
}

std::string walks_answer(const Walks& problem, std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (!problem.after.empty()) return fmt::format("{}", fmt::join(words, " "));
  Attempts attempts;
  if (!read_attempts(problem, words, attempts).empty()) return "";
  Words answer;
  for (const Walk& walk : problem.walks) {
    const std::vector<int>& values = attempts[walk.target];
    if (values.empty()) return "";
    answer.push_back(goal_word(walk.target));
    for (const int value : values) answer.push_back(std::to_string(value));
  }
  return joined(answer);
}

double walk_policy_success(const WalkPolicy& policy, const Walks& problem, int max_attempts) {
  // solved[n]: the probability that the walks so far are solved and took n attempts.
  std::vector<double> solved(static_cast<std::size_t>(max_attempts) + 1, 0.0);
  solved[0] = 1;
  for (const Walk& walk : problem.walks) {
    double reached = 0;  // summed over the moves from which the target is in reach
    const std::vector<int> towards = moves_towards(walk.start, walk.target, problem.modulus);
    for (const int waypoint : towards) {
      const std::array<int, 3> finals = legal_moves(waypoint, problem.modulus);
      const auto ways = static_cast<double>(std::count(finals.begin(), finals.end(), walk.target));
      reached += policy.hit + (1 - policy.hit) * ways / 3;
    }
    // Each of them has a third, or, looking ahead, its part of the whole.
    const double attempt =
        towards.empty()
            ? 0
            : reached * ((1 - policy.ahead) / 3 + policy.ahead / static_cast<double>(towards.size()));
    std::vector<double> next(solved.size(), 0.0);
    for (std::size_t before = 0; before < solved.size(); ++before) {
      double exactly = solved[before] * attempt;
      for (std::size_t n = before + 1; n < next.size(); ++n, exactly *= (1 - attempt) * policy.retry)
        next[n] += exactly;
    }
    solved = std::move(next);
  }
  return std::accumulate(solved.begin(), solved.end(), 0.0);
}

std::optional<int> value_of_word(std::string_view word, int modulus) {
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

Walks parse_walks(const Problem& problem) {
  const auto fail = [&problem](const std::string& expected) {
    throw Error("walks",
                fmt::format("problem {}: expected {}, got \"{}\"", problem.id, expected, problem.statement),
                "this verifier is for problems that `pope problems` makes with source.kind=walks");
  };
  Walks parsed;
  if (const auto modulus = problem.extra.find("modulus"); modulus != problem.extra.end()) {
    if (!modulus->is_number_integer() || *modulus < 3 || *modulus > 1000000)
      fail("a \"modulus\" from 3 to 1000000");
    parsed.modulus = modulus->get<int>();
  }
  const std::vector<std::string_view> words = split_words(problem.statement);
  const auto checked = [&](const std::optional<int>& value) {
    if (!value) fail(fmt::format("values from 0 to {}", parsed.modulus - 1));
    return value.value_or(0);
  };
  if (words.size() >= 2 && words[0] == kAfter) {
    for (std::size_t i = 1; i < words.size(); ++i)
      parsed.after.push_back(checked(value_of_word(words[i], parsed.modulus)));
    return parsed;
  }
  if (words.empty() || words.size() % 2 != 0)
    fail("start values and =targets in turn, or \"after\" and values");
  std::set<int> targets;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    parsed.walks.push_back(
        {checked(value_of_word(words[i], parsed.modulus)), checked(goal_of(words[i + 1], parsed.modulus))});
    if (!targets.insert(parsed.walks.back().target).second) fail("different targets");
  }
  return parsed;
}

const ProblemSource& walks_source() {
  static const WalksSource source;
  return source;
}

}  // namespace pope
