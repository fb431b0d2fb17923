// A system of plain functions, so that whole evolutions can be traced by hand.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "evolve/evolve.h"

namespace pope::testing {

class ToyAdapter : public Adapter {
 public:
  std::function<double(const Texts& texts, const std::string& instance)> score;
  std::function<std::string(const ReflectionJob& job)> reply;
  std::function<std::string(const std::string& text)> refuse;
  // How often the evaluation of an instance, or a reflection, still fails.
  std::map<std::string, int> failing;
  int failing_reflections = 0;

  std::vector<std::pair<Texts, std::string>> evaluated;  // every evaluation that was made
  std::vector<std::size_t> batches;                      // jobs per call of evaluate()
  std::vector<ReflectionJob> reflected;
  std::vector<std::string> shown;  // the feedback that reflections saw

  void evaluate(const std::vector<EvaluationJob>& jobs,
                const std::function<void(std::size_t, Evaluated&&)>& done) override {
    batches.push_back(jobs.size());
    for (std::size_t i = jobs.size(); i-- > 0;) {  // in another order than asked for
      Evaluated evaluation;
      if (failing[jobs[i].instance] > 0) {
        --failing[jobs[i].instance];
        evaluation.error = "timed out";
      } else {
        evaluated.emplace_back(*jobs[i].texts, jobs[i].instance);
        evaluation.score = score(*jobs[i].texts, jobs[i].instance);
        evaluation.output = "output of " + jobs[i].instance;
        evaluation.feedback = "feedback on " + jobs[i].instance;
        evaluation.tokens = 10;
      }
      done(i, std::move(evaluation));
    }
  }

  void reflect(const std::vector<ReflectionJob>& jobs,
               const std::function<void(std::size_t, Reflection&&)>& done) override {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Reflection reflection;
      if (failing_reflections > 0) {
        --failing_reflections;
        reflection.error = "timed out";
      } else {
        reflected.push_back(jobs[i]);
        for (const Evaluated* one : jobs[i].evaluations) shown.push_back(one->output + ", " + one->feedback);
        reflection = {reply(jobs[i]), 7, 70, ""};
      }
      done(i, std::move(reflection));
    }
  }

  std::string refusal(const std::string&, const std::string& text) const override {
    return refuse ? refuse(text) : "";
  }
};

inline std::string fenced(const std::string& text) { return "Better:\n```\n" + text + "\n```\n"; }

// The ladder of tests/golden/make_gepa_goldens.py: a and b are numbers, a reflection proposes the next one.
inline double ladder_score(const Texts& texts, const std::string& instance) {
  const int a = std::stoi(texts.at("a")), b = std::stoi(texts.at("b"));
  if (instance == "f-a") return std::vector<double>{0, 0.5, 0.5, 1}[std::min(a, 3)];
  if (instance == "f-b") return std::min(b, 3) / 4.0;
  if (instance == "d-a1") return a >= 1;
  if (instance == "d-b1") return b >= 1;
  if (instance == "d-b2") return b >= 2;
  if (instance == "d-b3") return b >= 3;
  return 0;
}

inline ToyAdapter ladder() {
  ToyAdapter toy;
  toy.score = ladder_score;
  toy.reply = [](const ReflectionJob& job) { return fenced(std::to_string(std::stoi(job.text) + 1)); };
  return toy;
}

inline const Instances kLadder = {{"f-a", "f-b", "f-never"}, {"d-a1", "d-b1", "d-b2", "d-b3", "d-never"}};
inline const Texts kLadderSeed = {{"a", "0"}, {"b", "0"}};

// What a run keeps, as its run directory does; can be killed at an item.
struct Kept {
  std::vector<Json> items;
  std::size_t killed_at = static_cast<std::size_t>(-1);
  KeepItem keep() {
    return [this](Json item, const std::vector<Json>&) {
      if (items.size() == killed_at) throw std::runtime_error("killed");
      items.push_back(std::move(item));
    };
  }
};

inline Evolution run(ToyAdapter& toy, const EvolveConfig& config, Kept& kept,
                     const Instances& instances = kLadder, const Texts& seed = kLadderSeed,
                     std::uint64_t seed_number = 1) {
  const std::vector<Json> before = kept.items;
  return evolve(toy, config, seed_number, seed, instances, before, kept.keep());
}

}  // namespace pope::testing
