// Supervised fine-tuning (see sft.h). Loss = mean negative log-likelihood over the target tokens of the
// batch. A step's row is appended before its checkpoint is saved: a kill in between costs the step, never its
// row.
#include "learn/sft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/progress.h"
#include "learn/batch.h"
#include "learn/checkpoint.h"
#include "learn/objective.h"
#include "learn/sft_data.h"
#include "learn/stopwatch.h"
#include "model/load.h"

namespace pope {
namespace {

struct SftBatch {
  double loss = 0;
  std::int64_t tokens = 0;  // targets
};

// Forward and backward of all sequences; the gradient is left in the optimiser's sums.
SftBatch likelihood_gradient(const std::vector<Sequence>& sequences, std::int64_t micro_batch_tokens,
                             const Model& model, Optimizer& optimizer) {
  SftBatch batch;
  for (const Sequence& s : sequences) batch.tokens += static_cast<std::int64_t>(s.completion.size());
  const BatchTotals totals{batch.tokens, static_cast<std::int64_t>(sequences.size())};
  for (const MicroBatch& made : micro_batches(sequences, micro_batch_tokens)) {
    const MicroBatch micro = made.to(model.device());
    const at::Tensor rows = model.hidden(micro.tokens, micro.packing).index_select(0, micro.rows);  // [M,W]
    const TokenLogprobs out =
        token_logprobs(rows, model.output_embedding(), micro.targets, /*temperature=*/1.0);
    const at::Tensor loss = negative_log_likelihood(out.logprobs, totals);
    loss.backward();
    optimizer.accumulate();
    batch.loss += loss.item<double>();
  }
  return batch;
}

class Sft {
 public:
  Sft(RunDir& run, const SftJob& job)
      : run_(run),
        job_(job),
        examples_(job.config, job.problems, *job.prompts, job.end_token, job.model->architecture().context),
        optimizer_(job.optimizer, *job.model) {
    draws_ = static_cast<std::int64_t>(std::ceil(job.config.epochs * static_cast<double>(examples_.size())));
    steps_ = (draws_ + job.config.batch_size - 1) / job.config.batch_size;
    check_warmup(job.optimizer, steps_);
  }

  Json train() {
    const std::int64_t start = resume();
    Progress progress("sft", static_cast<double>(steps_));
    progress.update(static_cast<double>(start));
    for (std::int64_t t = start; t < steps_; ++t) {
      const double loss = step(t);
      progress.update(static_cast<double>(t + 1), fmt::format("loss {:.4f}", loss));
    }
    write_folder(run_.path() / "model", [&](const std::filesystem::path& folder) {
      save_model(folder, *job_.model, job_.prompts->tokenizer());
    });
    return result();
  }

 private:
  std::int64_t resume() {
    const std::optional<Json> state = load_newest_checkpoint(run_.path(), *job_.model, optimizer_);
    const std::int64_t done = state ? state->at("step").get<std::int64_t>() : 0;
    run_.truncate_metrics(state ? done : -1);
    if (!state) return 0;
    tokens_ = state->at("tokens").get<std::int64_t>();
    log_line(fmt::format("resuming after step {} of {}", done, steps_));
    return done;
  }

  // Does 0-based step t; returns its loss.
  double step(std::int64_t t) {
    const std::int64_t size = job_.config.batch_size;
    const auto sequences = examples_.draw(t * size, std::min((t + 1) * size, draws_), job_.seed);
    double learn_s = 0, optimizer_s = 0;
    const SftBatch batch = timed(learn_s, [&] {
      return likelihood_gradient(sequences, job_.config.micro_batch_tokens, *job_.model, optimizer_);
    });
    require_finite("sft", "loss", batch.loss, t);
    const double lr = learning_rate(job_.optimizer, t, steps_);
    const double grad_norm = timed(optimizer_s, [&] { return optimizer_.step(lr); });
    require_finite("sft", "gradient norm", grad_norm, t);
    tokens_ += batch.tokens;
    run_.append_metrics({{"step", t + 1},
                         {"loss", batch.loss},
                         {"lr", lr},
                         {"grad_norm", grad_norm},
                         {"tokens", tokens_},
                         {"time/learn_s", learn_s},
                         {"time/optimizer_s", optimizer_s},
                         {"time/checkpoint_s", checkpoint_s_}});
    checkpoint_s_ = 0;
    if (t + 1 == steps_ || (t + 1) % job_.config.save_every == 0) save(t + 1);
    return batch.loss;
  }

  void save(std::int64_t number) {
    timed(checkpoint_s_, [&] {
      save_checkpoint(run_.path(), number, *job_.model, optimizer_, job_.prompts->tokenizer(),
                      {{"tokens", tokens_}}, job_.config.keep);
    });
  }

  Json result() const {
    Json last;
    read_jsonl(run_.path() / "metrics.jsonl", [&](Json&& row, std::size_t) { last = std::move(row); });
    return {{"steps", steps_},
            {"examples", examples_.size()},
            {"without_solution", examples_.without_solution()},
            {"too_long", examples_.too_long()},
            {"tokens", tokens_},
            {"final", last}};
  }

  RunDir& run_;
  const SftJob& job_;
  SftExamples examples_;
  Optimizer optimizer_;
  std::int64_t draws_ = 0, steps_ = 0;
  std::int64_t tokens_ = 0;  // targets trained on so far
  double checkpoint_s_ = 0;  // since the last row
};

}  // namespace

Json sft(RunDir& run, const SftJob& job) {
  check(job.config);
  return Sft(run, job).train();
}

}  // namespace pope
