// The loop. Random draws are named by what they are for and their number (core/rng.h), so that nothing is to
// be kept of them.
#include "evolve/evolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "core/chars.h"
#include "core/progress.h"
#include "core/rng.h"
#include "evolve/merge.h"
#include "evolve/reflection.h"

namespace pope {

void EvolveConfig::fields(Options& o) {
  o.add("budget", budget, "metric calls at most: evaluations of a template on a problem").at_least(1);
  o.add("dev", dev, "problems of the dev set, half of all at most; minibatches are drawn from the others")
      .at_least(1);
  o.add("samples", samples, "rollouts per template and problem; their mean reward is the score").at_least(1);
  o.add("minibatch", minibatch, "problems that a template and its rewritten form are compared on")
      .at_least(1);
  o.add("parallel", parallel, "proposals per iteration").at_least(1);
  o.add("merges", merges, "merges accepted at most; of templates, one component each, there are none")
      .at_least(0);
  o.add("iterations", iterations, "iterations at most; 0: as many as the budget covers").at_least(0);
  o.add("patience", patience, "iterations in a row without a new candidate, after which it ends").at_least(1);
  o.add("max_text", max_text, "bytes of a template at most; longer ones are refused").at_least(1);
  o.add("reflection_model", reflection_model,
        "model that rewrites templates: a directory or a .gguf file; empty: paths.model")
      .by_content();
  o.add("reflection_temperature", reflection_temperature, "its temperature").at_least(0);
  o.add("reflection_tokens", reflection_tokens, "tokens of one of its replies at most").at_least(1);
}

Scores Evolution::scores() const {
  Scores all;
  for (const Candidate& candidate : candidates) all.push_back(candidate.scores);
  return all;
}

namespace {

constexpr std::size_t kMergeInstances = 5;

double sum_of(const std::vector<const Evaluated*>& evaluations) {
  double sum = 0;
  for (const Evaluated* one : evaluations) sum += one->score;
  return sum;
}

std::vector<EvaluationJob> jobs_of(const Texts& texts, const std::vector<std::string>& instances) {
  std::vector<EvaluationJob> jobs;
  for (const std::string& instance : instances) jobs.push_back({&texts, instance});
  return jobs;
}

// A proposal while it is made.
struct Attempt {
  Proposal proposal;
  std::vector<const Evaluated*> before;
  Texts child;
  bool open = true;  // has no outcome yet
  void close(const std::string& outcome) {
    proposal.outcome = outcome;
    open = false;
  }
};

class Evolver {
 public:
  Evolver(Adapter& adapter, const EvolveConfig& config, std::uint64_t seed_number, const Instances& instances,
          Ledger& ledger, const std::function<void(const Evolution&)>& changed)
      : adapter_(adapter),
        config_(config),
        seed_number_(seed_number),
        instances_(instances),
        ledger_(ledger),
        changed_(changed),
        progress_("evolve", config.budget) {
    result_.dev = instances.dev;
  }

  Evolution run(const Texts& seed) {
    Candidate first;
    first.texts = seed;
    add(std::move(first));
    changed();
    for (int barren = 0; result_.ended.empty();) {
      const std::size_t before = result_.candidates.size();
      if (perfect()) {
        result_.ended = "perfect";
      } else if (config_.iterations > 0 && result_.iterations == config_.iterations) {
        result_.ended = "iterations";
      } else if (barren == config_.patience) {
        result_.ended = "patience";
      } else {
        iterate();
        barren = result_.candidates.size() > before ? 0 : barren + 1;
        changed();
      }
    }
    return std::move(result_);
  }

 private:
  // Evaluates on the dev set.
  void add(Candidate&& candidate) {
    for (const Evaluated* one : ledger_.evaluate(jobs_of(candidate.texts, instances_.dev)))
      candidate.scores.push_back(one->score);
    candidate.iteration = static_cast<int>(result_.iterations);
    candidate.metric_calls = ledger_.calls();
    result_.candidates.push_back(std::move(candidate));
  }

  bool perfect() const {
    const Scores scores = result_.scores();
    return mean_score(scores[best_candidate(scores)]) >= 1;
  }

  void changed() {
    result_.metric_calls = ledger_.calls();
    result_.rollout_tokens = ledger_.rollout_tokens();
    result_.reflection_tokens = ledger_.reflection_tokens();
    result_.reflection_prompt_tokens = ledger_.reflection_prompt_tokens();
    result_.failures = ledger_.failures();
    result_.damaged = ledger_.damaged();
    const Scores scores = result_.scores();
    progress_.update(static_cast<double>(result_.metric_calls),
                     fmt::format("iteration {}, {} candidates, best {:.3f}", result_.iterations,
                                 scores.size(), mean_score(scores[best_candidate(scores)])));
    if (changed_) changed_(result_);
  }

  RngStream random(std::string_view purpose, std::int64_t number) const {
    return {seed_number_, {key_of(purpose), static_cast<std::uint64_t>(number)}};
  }

  std::int64_t left() const { return config_.budget - ledger_.calls(); }

  void iterate() {
    if (merge_next_) {
      merge_next_ = false;
      if (try_merge()) return;
    }
    std::vector<Attempt> attempts = begin();
    if (attempts.empty()) {
      result_.ended = "budget";
      return;
    }
    ++result_.iterations;
    for (Attempt& attempt : attempts) attempt.proposal.iteration = static_cast<int>(result_.iterations);
    try_parents(attempts);
    reflect(attempts);
    try_children(attempts);
    for (Attempt& attempt : attempts) {
      if (attempt.proposal.outcome == "accepted") accept(attempt);
      result_.proposals.push_back(std::move(attempt.proposal));
    }
  }

  // Parents and minibatches, as many as the budget is sure to bring to their end.
  std::vector<Attempt> begin() {
    std::vector<Attempt> attempts;
    std::vector<EvaluationJob> parents;
    for (int i = 0; i < config_.parallel; ++i) {
      Attempt attempt;
      attempt.proposal.parents = {draw_parent()};
      attempt.proposal.instances = next_minibatch();
      const Texts& texts = result_.candidates[attempt.proposal.parents[0]].texts;
      for (const EvaluationJob& job : jobs_of(texts, attempt.proposal.instances)) parents.push_back(job);
      const std::int64_t child = std::ssize(attempt.proposal.instances) + std::ssize(instances_.dev);
      if (ledger_.cost(parents) + child * (i + 1) > left()) break;
      attempts.push_back(std::move(attempt));
    }
    return attempts;
  }

  // In proportion to the fronts that a candidate stands in, once dominated ones are out.
  int draw_parent() {
    const std::vector<int> counts = front_counts(pruned_fronts(result_.scores()), result_.candidates.size());
    const int total = std::accumulate(counts.begin(), counts.end(), 0);
    auto at =
        static_cast<int>(random("evolve parent", parents_drawn_++).below(static_cast<std::uint64_t>(total)));
    int parent = 0;
    while (at >= counts[parent]) at -= counts[parent++];
    return parent;
  }

  // Every epoch is a new order of all instances, cut into minibatches; the last is filled up from the epoch's
  // beginning.
  std::vector<std::string> next_minibatch() {
    const std::size_t n = instances_.feedback.size();
    const std::size_t size = std::min<std::size_t>(config_.minibatch, n), per_epoch = (n + size - 1) / size;
    const std::int64_t number = minibatches_drawn_++;
    const auto epoch = number / static_cast<std::int64_t>(per_epoch);
    const std::size_t begin = static_cast<std::size_t>(number) % per_epoch * size;
    const std::vector<std::size_t> order = random("evolve minibatch", epoch).permutation(n);
    std::vector<std::string> minibatch;
    for (std::size_t i = begin; i < begin + size; ++i) minibatch.push_back(instances_.feedback[order[i % n]]);
    return minibatch;
  }

  void try_parents(std::vector<Attempt>& attempts) {
    std::vector<EvaluationJob> jobs;
    for (const Attempt& attempt : attempts) {
      const Texts& texts = result_.candidates[attempt.proposal.parents[0]].texts;
      for (const EvaluationJob& job : jobs_of(texts, attempt.proposal.instances)) jobs.push_back(job);
    }
    const std::vector<const Evaluated*> evaluations = ledger_.evaluate(jobs);
    auto next = evaluations.begin();
    for (Attempt& attempt : attempts) {
      const auto end = next + std::ssize(attempt.proposal.instances);
      attempt.before.assign(next, end);
      next = end;
      attempt.proposal.before = sum_of(attempt.before);
      const auto is_perfect = [](const Evaluated* one) { return one->score >= 1; };
      if (std::all_of(attempt.before.begin(), attempt.before.end(), is_perfect))
        attempt.close("nothing to improve");
    }
  }

  void reflect(std::vector<Attempt>& attempts) {
    std::vector<ReflectionJob> jobs;
    std::vector<Attempt*> asked;
    const std::int64_t first = result_.reflections;
    for (Attempt& attempt : attempts) {
      if (!attempt.open) continue;
      Candidate& parent = result_.candidates[attempt.proposal.parents[0]];
      const auto component =
          std::next(parent.texts.begin(), static_cast<std::ptrdiff_t>(parent.next_component));
      parent.next_component = (parent.next_component + 1) % parent.texts.size();
      attempt.proposal.component = component->first;
      jobs.push_back({component->first, component->second, attempt.proposal.instances, attempt.before,
                      random("evolve reflection", result_.reflections++).next()});
      asked.push_back(&attempt);
    }
    const std::vector<std::string> replies = ledger_.reflect(jobs, first);
    for (std::size_t i = 0; i < asked.size(); ++i) read_reply(*asked[i], replies[i]);
  }

  void read_reply(Attempt& attempt, const std::string& reply) {
    Proposal& proposal = attempt.proposal;
    proposal.reply = reply;
    attempt.child = result_.candidates[proposal.parents[0]].texts;
    std::string& text = attempt.child.at(proposal.component);
    const std::optional<std::string> rewritten = fenced_text(reply);
    if (!rewritten) return attempt.close(trim(reply).empty() ? "empty" : "no fence");
    if (rewritten->empty()) return attempt.close("empty");
    if (*rewritten == text) return attempt.close("unchanged");
    text = *rewritten;
    if (known(attempt.child)) return attempt.close("known");
    proposal.note = adapter_.refusal(proposal.component, text);
    if (!proposal.note.empty()) attempt.close("refused");
  }

  bool known(const Texts& texts) const {
    return std::any_of(result_.candidates.begin(), result_.candidates.end(),
                       [&](const Candidate& one) { return one.texts == texts; });
  }

  void try_children(std::vector<Attempt>& attempts) {
    std::vector<EvaluationJob> jobs;
    for (const Attempt& attempt : attempts) {
      if (!attempt.open) continue;
      for (const EvaluationJob& job : jobs_of(attempt.child, attempt.proposal.instances)) jobs.push_back(job);
    }
    const std::vector<const Evaluated*> evaluations = ledger_.evaluate(jobs);
    auto next = evaluations.begin();
    std::vector<EvaluationJob> dev;
    std::set<Texts> accepted;
    for (Attempt& attempt : attempts) {
      if (!attempt.open) continue;
      const auto end = next + std::ssize(attempt.proposal.instances);
      attempt.proposal.after = sum_of({next, end});
      next = end;
      if (attempt.proposal.after <= attempt.proposal.before) {
        attempt.close("not better");
      } else if (!accepted.insert(attempt.child).second) {
        attempt.close("known");
      } else {
        attempt.close("accepted");
        for (const EvaluationJob& job : jobs_of(attempt.child, instances_.dev)) dev.push_back(job);
      }
    }
    ledger_.evaluate(dev);  // of all of them at once; accept() finds them there
  }

  void accept(Attempt& attempt) {
    const int parent = attempt.proposal.parents[0];
    attempt.proposal.candidate = static_cast<int>(result_.candidates.size());
    Candidate child;
    child.texts = std::move(attempt.child);
    child.parents = {parent};
    child.component = attempt.proposal.component;
    child.next_component = result_.candidates[parent].next_component;
    add(std::move(child));
    merge_next_ = result_.merges < config_.merges;
  }

  // Whether there was something to merge: the iteration is over then, also where the merge is not accepted.
  bool try_merge() {
    if (left() < std::ssize(instances_.dev)) return false;
    const Fronts fronts = pruned_fronts(result_.scores());
    const std::vector<int> counts = front_counts(fronts, result_.candidates.size());
    std::vector<int> from;
    for (int i = 0; i < std::ssize(counts); ++i)
      if (counts[i] > 0) from.push_back(i);
    const std::int64_t number = result_.iterations + 1;
    std::optional<Merge> merge =
        draw_merge(result_.candidates, from, merges_tried_, random("evolve merge", number));
    if (!merge) return false;
    ++result_.iterations;
    merges_tried_.insert({merge->first, merge->second, merge->ancestor});
    const Candidate &first = result_.candidates[merge->first], &second = result_.candidates[merge->second];
    Proposal proposal;
    proposal.iteration = static_cast<int>(number);
    proposal.parents = {merge->first, merge->second};
    double of_first = 0, of_second = 0;
    for (const std::size_t i : merge_instances(first.scores, second.scores, kMergeInstances,
                                               random("evolve merge instances", number))) {
      proposal.instances.push_back(instances_.dev[i]);
      of_first += first.scores[i];
      of_second += second.scores[i];
    }
    proposal.before = std::max(of_first, of_second);
    proposal.after = sum_of(ledger_.evaluate(jobs_of(merge->texts, proposal.instances)));
    proposal.outcome = proposal.after >= proposal.before ? "accepted" : "not better";
    if (proposal.outcome == "accepted") {
      proposal.candidate = static_cast<int>(result_.candidates.size());
      Candidate child;
      child.texts = std::move(merge->texts);
      child.parents = proposal.parents;
      child.next_component = std::max(first.next_component, second.next_component);
      ++result_.merges;
      add(std::move(child));
    }
    result_.proposals.push_back(std::move(proposal));
    return true;
  }

  Adapter& adapter_;
  const EvolveConfig& config_;
  const std::uint64_t seed_number_;
  const Instances& instances_;
  Ledger& ledger_;
  const std::function<void(const Evolution&)>& changed_;
  Progress progress_;
  Evolution result_;
  std::int64_t parents_drawn_ = 0, minibatches_drawn_ = 0;
  bool merge_next_ = false;  // a mutation has just been accepted
  std::set<MergeKey> merges_tried_;
};

}  // namespace

Evolution evolve(Adapter& adapter, const EvolveConfig& config, std::uint64_t seed_number, const Texts& seed,
                 const Instances& instances, const std::vector<Json>& kept, const KeepItem& keep,
                 const std::function<void(const Evolution&)>& changed) {
  check(config);
  if (instances.dev.empty() || instances.feedback.empty())
    refuse_setting("evolve", "instances to evaluate on and to learn from", "none");
  if (config.budget < std::ssize(instances.dev))
    refuse_setting("evolve.budget", fmt::format("at least {}, the seed on the dev set", instances.dev.size()),
                   std::to_string(config.budget), "raise it, or lower evolve.dev");
  Ledger ledger(adapter, kept, keep);
  return Evolver(adapter, config, seed_number, instances, ledger, changed).run(seed);
}

}  // namespace pope
