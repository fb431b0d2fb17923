// See decoder.h.
#include "rollout/decoder.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>
#include <utility>

#include "rollout/sample_rows.h"

namespace pope {
namespace {

class HostDecoder final : public Decoder {
 public:
  HostDecoder(const Model& model, int slots, double temperature)
      : Decoder(KvCache(model.architecture(), slots, 1, model.compute_type())),
        model_(model),
        temperature_(temperature) {}

  void begin(int slot, const std::shared_ptr<const KvCache>& prompt, int length) override {
    cache_.share(slot, prompt, length);
  }

  void step(const DecodeInputs& in, std::vector<SampledToken>& draws) override {
    const auto batch = static_cast<std::int64_t>(in.tokens.size());
    reserve(in.starts);
    const auto view = [&](const std::vector<std::int64_t>& values, at::IntArrayRef sizes) {
      return at::from_blob(const_cast<std::int64_t*>(values.data()), sizes, at::kLong);
    };
    const auto hidden = model_.decode(view(in.tokens, {batch, 1}), view(in.starts, {batch}), cache_);
    const auto logits = model_.logits(hidden.flatten(0, 1));
    const auto vocab = logits.size(1);
    const auto* rows = logits.const_data_ptr<float>();
    draws.resize(in.tokens.size());
    at::parallel_for(0, batch, std::max<std::int64_t>(1, 4096 / vocab),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (auto s = begin; s < end; ++s)
                         draws[s] = draw_token(rows + s * vocab, vocab, temperature_, in.uniforms[s]);
                     });
  }

 private:
  // Grows by half, so that the copying stays small beside the decoding.
  void reserve(const std::vector<std::int64_t>& starts) {
    int rows = 0;
    for (std::size_t s = 0; s < starts.size(); ++s)
      rows = std::max(rows, static_cast<int>(starts[s]) - cache_.shared(static_cast<int>(s)) + 1);
    if (rows <= cache_.positions()) return;
    cache_.reserve(std::min(model_.architecture().context, std::max(rows, cache_.positions() * 3 / 2 + 32)));
  }

  const Model& model_;
  const double temperature_;
};

// Recorded steps read the weights, the rotary tables and the cache where these lay when they were recorded.
// Weights may change between steps, for whoever changes them does so in place (Model::sync_compute_weights,
// the optimiser, a checkpoint), and the tables are made once; when the cache moves, all steps are recorded
// anew. Slots that hold no rollout take part up to the step's size: they write to position 0 of their own
// slot and see nothing else.
class DeviceDecoder final : public Decoder {
 public:
  DeviceDecoder(const Model& model, int slots, double temperature, GraphRecorder* recorder)
      : Decoder(KvCache(model.architecture(), slots, 1, model.compute_type(), model.device())),
        model_(model),
        temperature_(temperature),
        recorder_(recorder) {}

  void begin(int slot, const std::shared_ptr<const KvCache>& prompt, int length) override {
    reserve(length);
    cache_.copy_from(*prompt, 0, slot, length);
  }

  void step(const DecodeInputs& in, std::vector<SampledToken>& draws) override {
    const c10::NoGradGuard no_grad;
    const auto n = static_cast<std::int64_t>(in.tokens.size());
    const auto slots = std::min<std::int64_t>(step_size(n), cache_.slots());
    const auto longest = *std::max_element(in.starts.begin(), in.starts.end()) + 1;
    reserve(longest);
    const auto length = std::min<std::int64_t>(size_of(longest), cache_.positions());
    Step& step = steps_[{slots, length}];
    // One transfer each way: ids and positions are exact in f64, logprobs too.
    auto upload = at::zeros({3, slots}, at::kDouble);
    auto* row = upload.data_ptr<double>();
    std::copy(in.tokens.begin(), in.tokens.end(), row);
    std::copy(in.starts.begin(), in.starts.end(), row + slots);
    std::copy(in.uniforms.begin(), in.uniforms.end(), row + 2 * slots);
    if (!step.inputs.defined()) {
      step.inputs = at::empty({3, slots}, upload.options().device(model_.device()));
      step.outputs = at::empty({2, slots}, step.inputs.options());
    }
    step.inputs.copy_(upload);
    run(step, length);
    const auto drawn = step.outputs.cpu();
    const auto* tokens = drawn.const_data_ptr<double>();
    draws.clear();
    for (std::int64_t s = 0; s < n; ++s)
      draws.push_back({static_cast<int>(tokens[s]), static_cast<float>(tokens[slots + s])});
  }

 private:
  // In the sizes of the steps: a larger cache then means that longer steps begin.
  void reserve(std::int64_t positions) {
    if (positions <= cache_.positions()) return;
    steps_.clear();  // recorded with the old cache
    const std::int64_t context = model_.architecture().context;
    cache_.reserve(static_cast<int>(std::min(context, size_of(positions))));
  }

  struct Step {
    at::Tensor inputs, outputs;  // [3,slots] tokens, starts, uniforms; [2,slots] tokens, logprobs; f64
    bool done_before = false;
    std::unique_ptr<Graph> graph;
  };

  // Short steps would differ in little but that each has to be recorded.
  static std::int64_t size_of(std::int64_t positions) {
    return step_size(std::max<std::int64_t>(positions, 64));
  }

  // A step is recorded the second time it is wanted: many are wanted only once.
  void run(Step& step, std::int64_t length) {
    const auto work = [&] { compute(step, length); };
    if (step.graph) {
      step.graph->replay();
    } else if (recorder_ && step.done_before) {
      step.graph = recorder_->record(work);
    } else {
      work();
    }
    step.done_before = true;
  }

  void compute(Step& step, std::int64_t length) {
    const auto tokens = step.inputs[0].to(at::kLong).unsqueeze(1), starts = step.inputs[1].to(at::kLong);
    const auto hidden = model_.decode_within(tokens, starts, length, cache_).flatten(0, 1);
    const auto drawn = draw_rows(model_.logits(hidden), temperature_, step.inputs[2]);
    step.outputs[0].copy_(drawn.tokens);
    step.outputs[1].copy_(drawn.logprobs);
  }

  const Model& model_;
  const double temperature_;
  GraphRecorder* const recorder_;
  std::map<std::pair<std::int64_t, std::int64_t>, Step> steps_;  // by slots and length
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Model& model, int slots, double temperature,
                                      GraphRecorder* recorder) {
  if (model.device().is_cpu()) return std::make_unique<HostDecoder>(model, slots, temperature);
  return std::make_unique<DeviceDecoder>(model, slots, temperature, recorder);
}

std::int64_t step_size(std::int64_t n) {
  std::int64_t size = 1;
  while (size < n) {
    if (size > 1 && size * 3 / 2 >= n) return size * 3 / 2;
    size *= 2;
  }
  return size;
}

}  // namespace pope
