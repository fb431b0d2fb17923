// Supervised fine-tuning (see sft.h): the steps of a TrainingRun on sequences that were given, not sampled.
#include "learn/sft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "learn/checkpoint.h"
#include "learn/policy_gradient.h"
#include "learn/sft_data.h"
#include "learn/stopwatch.h"
#include "learn/training_run.h"

namespace pope {
namespace {

class Sft {
 public:
  Sft(RunDir& run, const SftJob& job)
      : job_(job),
        examples_(job.config, job.problems, *job.prompts, job.end_token, job.model->architecture().context),
        optimizer_(job.optimizer, *job.model),
        draws_(
            static_cast<std::int64_t>(std::ceil(job.config.epochs * static_cast<double>(examples_.size())))),
        steps_((draws_ + job.config.batch_size - 1) / job.config.batch_size),
        run_(run, *job.model, optimizer_, job.prompts->tokenizer(),
             {job.config.save_every, job.config.save_minutes, job.config.keep}, steps_) {
    check_warmup(job.optimizer, steps_);
  }

  Json train() {
    if (const std::optional<Json> state = run_.resume(*job_.model, optimizer_, 1))
      tokens_ = state->at("tokens").get<std::int64_t>();
    Progress progress("sft", static_cast<double>(steps_));
    progress.update(static_cast<double>(run_.start()));
    for (std::int64_t t = run_.start(); t < steps_; ++t) {
      if (interrupted()) run_.stop(t, state(), /*together=*/true);
      const double loss = step(t);
      progress.update(static_cast<double>(t + 1), fmt::format("loss {:.4f}", loss));
    }
    run_.save_model();
    return result();
  }

 private:
  // Does 0-based step t; returns its loss, the mean negative log-likelihood over the batch's target tokens.
  double step(std::int64_t t) {
    const std::int64_t size = job_.config.batch_size;
    const auto sequences = examples_.draw(t * size, std::min((t + 1) * size, draws_), job_.seed);
    BatchTotals totals{0, static_cast<std::int64_t>(sequences.size())};
    for (const Sequence& s : sequences) totals.tokens += static_cast<std::int64_t>(s.completion.size());
    const ObjectiveConfig objective{.aggregation = "token_mean"};
    double learn_s = 0, optimizer_s = 0;
    const double loss = timed(learn_s, [&] {
      return policy_gradient(objective, sequences, totals, /*temperature=*/1.0,
                             job_.config.micro_batch_tokens, *job_.model, optimizer_)
          .loss;
    });
    require_finite("sft", "loss", loss, t);
    const double lr = learning_rate(job_.optimizer, t, steps_);
    const double grad_norm = timed(optimizer_s, [&] { return optimizer_.step(lr); });
    require_finite("sft", "gradient norm", grad_norm, t);
    tokens_ += totals.tokens;
    const Json row = {{"step", t + 1},
                      {"loss", loss},
                      {"lr", lr},
                      {"grad_norm", grad_norm},
                      {"tokens", tokens_},
                      {"time/learn_s", learn_s},
                      {"time/optimizer_s", optimizer_s},
                      {"time/checkpoint_s", checkpoint_s_}};
    checkpoint_s_ = run_.end_step(t + 1, row, [&] { return state(); });
    return loss;
  }

  // What a checkpoint keeps.
  Json state() const { return {{"tokens", tokens_}}; }

  Json result() const {
    Json last;
    run_.each_row([&](Json&& row) { last = std::move(row); });
    return {{"steps", steps_},
            {"examples", examples_.size()},
            {"without_solution", examples_.without_solution()},
            {"too_long", examples_.too_long()},
            {"tokens", tokens_},
            {"final", last}};
  }

  const SftJob& job_;
  SftExamples examples_;
  Optimizer optimizer_;
  const std::int64_t draws_, steps_;
  TrainingRun run_;
  std::int64_t tokens_ = 0;  // targets trained on so far
  double checkpoint_s_ = 0;  // of the step before
};

}  // namespace

Json sft(RunDir& run, const SftJob& job) {
  check(job.config);
  return Sft(run, job).train();
}

}  // namespace pope
