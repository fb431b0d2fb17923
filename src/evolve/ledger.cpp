// Items: {"evaluation": {"texts": fingerprint, "instance", "score", "output", "feedback", "tokens"}},
// {"reflection": {"number", "reply", "tokens", "prompt_tokens"}}, {"failure": reason}.
#include "evolve/ledger.h"

#include <fmt/format.h>

#include <set>

#include "core/error.h"
#include "core/progress.h"
#include "core/rng.h"
#include "core/utf8.h"

namespace pope {
namespace {

constexpr int kTries = 3;

// What is kept is UTF-8: so is what the evolution works with, so that it is the same when it goes on.
void make_valid(std::string& text) {
  std::string storage;
  if (const std::string_view valid = valid_utf8(text, storage); valid != text) text = std::string(valid);
}

[[noreturn]] void give_up(const std::string& what, std::size_t missing, const std::string& reason) {
  throw Error("evolve",
              fmt::format("{} {} failed {} times in a row, the last with: {}", missing, what, kTries, reason),
              "everything else is kept: mend this and start the command again to go on");
}

}  // namespace

Ledger::Ledger(Adapter& adapter, const std::vector<Json>& kept, KeepItem keep)
    : adapter_(adapter), keep_(std::move(keep)) {
  if (!keep_) keep_ = [](const Json&, const std::vector<Json>&) {};
  for (const Json& item : kept) {
    try {
      take(item);
    } catch (const Json::exception&) {
      ++damaged_;
    }
  }
  if (damaged_ > 0)
    log_line(fmt::format("{} of {} kept items cannot be read; what they held is evaluated again", damaged_,
                         kept.size()));
}

void Ledger::take(const Json& item) {
  if (item.contains("failure")) {
    ++failures_;
  } else if (item.contains("reflection")) {
    const Json& row = item.at("reflection");
    Reflection reflection;
    row.at("reply").get_to(reflection.reply);
    row.at("tokens").get_to(reflection.tokens);
    row.at("prompt_tokens").get_to(reflection.prompt_tokens);
    if (!reflections_.emplace(row.at("number").get<std::int64_t>(), reflection).second) return;
    reflection_tokens_ += reflection.tokens;
    reflection_prompt_tokens_ += reflection.prompt_tokens;
  } else {
    const Json& row = item.at("evaluation");
    Evaluated evaluation;
    row.at("score").get_to(evaluation.score);
    row.at("output").get_to(evaluation.output);
    row.at("feedback").get_to(evaluation.feedback);
    row.at("tokens").get_to(evaluation.tokens);
    if (!evaluations_
             .emplace(Key(row.at("texts").get<std::string>(), row.at("instance").get<std::string>()),
                      Paid{evaluation})
             .second)
      return;
    rollout_tokens_ += evaluation.tokens;
  }
}

void Ledger::failed(const std::string& reason) {
  ++failures_;
  keep_({{"failure", reason}}, {});
}

Ledger::Key Ledger::key_of(const EvaluationJob& job) {
  return {fmt::format("{:016x}", pope::key_of(dump(Json(*job.texts)))), job.instance};
}

std::int64_t Ledger::cost(const std::vector<EvaluationJob>& jobs) const {
  std::set<Key> fresh;
  for (const EvaluationJob& job : jobs) {
    Key key = key_of(job);
    const auto found = evaluations_.find(key);
    if (found == evaluations_.end() || !found->second.asked_for) fresh.insert(std::move(key));
  }
  return std::ssize(fresh);
}

std::vector<const Evaluated*> Ledger::evaluate(const std::vector<EvaluationJob>& jobs) {
  calls_ += cost(jobs);
  std::string reason;
  for (int attempt = 0;; ++attempt) {
    std::set<Key> listed;
    std::vector<EvaluationJob> missing;
    for (const EvaluationJob& job : jobs) {
      Key key = key_of(job);
      if (!evaluations_.contains(key) && listed.insert(std::move(key)).second) missing.push_back(job);
    }
    if (missing.empty()) break;
    if (attempt == kTries) give_up("evaluations", missing.size(), reason);
    adapter_.evaluate(missing, [&](std::size_t i, Evaluated&& evaluation) {
      if (!evaluation.error.empty()) {
        failed(reason = evaluation.error);
        return;
      }
      make_valid(evaluation.output);
      make_valid(evaluation.feedback);
      const Key key = key_of(missing[i]);
      keep_({{"evaluation",
              {{"texts", key.first},
               {"instance", key.second},
               {"score", evaluation.score},
               {"output", evaluation.output},
               {"feedback", evaluation.feedback},
               {"tokens", evaluation.tokens}}}},
            evaluation.rollouts);
      evaluation.rollouts.clear();
      rollout_tokens_ += evaluation.tokens;
      evaluations_[key] = {std::move(evaluation)};
    });
  }
  std::vector<const Evaluated*> result;
  for (const EvaluationJob& job : jobs) {
    Paid& paid = evaluations_.at(key_of(job));
    paid.asked_for = true;
    result.push_back(&paid.evaluation);
  }
  return result;
}

std::vector<std::string> Ledger::reflect(const std::vector<ReflectionJob>& jobs, std::int64_t first) {
  std::string reason;
  for (int attempt = 0;; ++attempt) {
    std::vector<ReflectionJob> missing;
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const std::int64_t number = first + static_cast<std::int64_t>(i);
      if (reflections_.contains(number)) continue;
      missing.push_back(jobs[i]);
      numbers.push_back(number);
    }
    if (missing.empty()) break;
    if (attempt == kTries) give_up("reflections", missing.size(), reason);
    adapter_.reflect(missing, [&](std::size_t i, Reflection&& reflection) {
      if (!reflection.error.empty()) {
        failed(reason = reflection.error);
        return;
      }
      make_valid(reflection.reply);
      keep_({{"reflection",
              {{"number", numbers[i]},
               {"reply", reflection.reply},
               {"tokens", reflection.tokens},
               {"prompt_tokens", reflection.prompt_tokens}}}},
            {});
      reflection_tokens_ += reflection.tokens;
      reflection_prompt_tokens_ += reflection.prompt_tokens;
      reflections_[numbers[i]] = std::move(reflection);
    });
  }
  std::vector<std::string> replies;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    replies.push_back(reflections_.at(first + static_cast<std::int64_t>(i)).reply);
  return replies;
}

}  // namespace pope
