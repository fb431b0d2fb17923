// The settings of the program itself; the rooms declare their own sections.
#include "pope/settings.h"

#include "model/device_name.h"
#include "pope/verify_rows.h"

namespace pope {
namespace {

bool is_named_file(const std::string& entry) {
  const std::size_t equals = entry.find('=');
  return equals != std::string::npos && equals > 0 && equals + 1 < entry.size();
}

}  // namespace

void RunConfig::fields(Options& options) {
  options.add("label", label, "the method's name in reports; empty: the run's folder").may_change();
  options.add("seed", seed,
              "seed of everything random; runs with one label and several seeds are one method");
  options.add("threads", threads, "CPU threads; 0: all cores").range(0, 1024).may_change();
  options.add("dtype", dtype, "what the model computes in (weights are kept in fp32 either way)")
      .choices({"fp32", "bf16"});
  options
      .add("activation_checkpointing", activation_checkpointing,
           "compute each block again in the backward pass; less memory, more time")
      .may_change();
  options.add("device", device, "where the model computes")
      .form(is_device_name, "cpu, cuda or cuda:N")
      .may_change();
}

void PathsConfig::fields(Options& options) {
  options.add("model", model, "Hugging Face model directory, or a .gguf file").by_content();
  options
      .add("problems", problems,
           "problem file (JSON Lines, JSON array, Parquet); train: hard problems with guidance")
      .by_content();
  options.add("easy", easy, "file of easy problems; train: drawn with weight mixture.easy").by_content();
  options
      .add(
          "reference", reference,
          "model that objective.kl_coef keeps the policy near, or a frozen teacher; empty: the initial model")
      .by_content();
  options.add("eval_sets", eval_sets, "problem sets to evaluate on")
      .form(is_named_file, "NAME=FILE")
      .by_content();
}

void CheckConfig::fields(Options& options) {
  options.add("gold", gold, "reference answer");
  options.add("pred", pred, "what is checked: an answer, or a response that holds one");
  options.add("form", form, "how the answer stands in pred").choices(answer_forms());
}

}  // namespace pope
