// A tiny world for the tests of learning: a word language, a random model, fake engines and verifiers.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"
#include "core/run_dir.h"
#include "learn/optimizer.h"
#include "learn/trainer.h"
#include "model/model.h"
#include "rollout/engine.h"
#include "text/prompt.h"
#include "text/tokenizer.h"
#include "verify/verifier.h"

namespace pope::test {

// Ids follow this order.
inline const std::vector<std::string> kWords = {"<eos>", "yes", "no",   "one", "two",
                                                "three", "red", "blue", "hint"};

inline Architecture tiny_architecture() {
  Architecture a;
  a.vocab_size = static_cast<int>(kWords.size());
  a.width = 12;
  a.layers = 2;
  a.heads = 2;
  a.kv_heads = 1;
  a.head_width = 6;
  a.ffn_width = 20;
  a.context = 32;
  a.eos_tokens = {0};
  return a;
}

inline std::shared_ptr<const PromptRenderer> tiny_prompts(const std::string& guidance_in = "user",
                                                          const std::string& instruction = "default") {
  PromptConfig config;
  config.instruction = instruction;
  config.guidance_in = guidance_in;
  config.chat_template = "plain";
  config.unguided = "{problem}";
  config.guided = "{problem} hint {guidance}";
  config.guided_silent = "{problem} {guidance}";
  return std::make_shared<PromptRenderer>(config, make_word_tokenizer(kWords, "<eos>"));
}

inline Problem problem(const std::string& id, const std::string& statement,
                       const std::string& guidance = "") {
  Problem p;
  p.id = id;
  p.statement = statement;
  p.answer = "yes";
  p.solution = "yes one";
  if (!guidance.empty()) p.guidance = Guidance{.text = guidance};
  return p;
}

// Calls a function; counts the calls.
class FakeVerifier : public Verifier {
 public:
  using Judge = std::function<bool(const Problem&, std::string_view)>;
  explicit FakeVerifier(Judge judge) : judge_(std::move(judge)) {}
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    return {judge_(problem, completion), std::string(completion), "judged"};
  }

 private:
  Judge judge_;
};

// Gives the rollouts that a function makes of (request, sample).
class FakeEngine : public Engine {
 public:
  using Make = std::function<Rollout(const Request&, int)>;
  explicit FakeEngine(Make make) : make_(std::move(make)) {}
  void run(const SamplingConfig&, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling&) override {
    while (const std::optional<Request> request = next()) {
      requests.push_back(*request);
      for (int i = 0; i < request->samples; ++i) {
        const int sample = request->first_sample + i;
        Rollout rollout = make_(*request, sample);
        rollout.tag = request->tag;
        rollout.sample = sample;
        done(std::move(rollout));
      }
    }
  }
  EngineStats stats() const override { return {}; }
  std::vector<Request> requests;

 private:
  Make make_;
};

// A temporary folder, removed at the end.
class TempFolder {
 public:
  explicit TempFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("pope_" + name + "_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline RunDir open_run(const std::filesystem::path& path) {
  Options options;
  return RunDir::open(path, "train", options);
}

inline std::vector<Json> metrics_of(const std::filesystem::path& run) {
  std::vector<Json> rows;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  return rows;
}

// Rows without the keys that begin with `prefix`.
inline std::vector<Json> without(const std::string& prefix, std::vector<Json> rows) {
  for (Json& row : rows) {
    Json kept = Json::object();
    for (const auto& [key, value] : row.items()) {
      if (!key.starts_with(prefix)) kept[key] = value;
    }
    row = kept;
  }
  return rows;
}
// … those that hold clock readings.
inline std::vector<Json> without_times(std::vector<Json> rows) { return without("time/", std::move(rows)); }

// Two run folders hold the same rows but for their clock readings, the same model and the same `files`.
inline void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b,
                            std::vector<std::string> files = {}) {
  const std::vector<Json> expected = without_times(metrics_of(a)), got = without_times(metrics_of(b));
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].dump(), expected[i].dump());
  files.push_back("model/model.safetensors");
  for (const std::string& file : files) EXPECT_EQ(read_file(a / file), read_file(b / file)) << file;
}

inline std::vector<at::Tensor> masters_of(const Model& model) {
  std::vector<at::Tensor> copies;
  for (const Parameter& p : model.parameters()) copies.push_back(p.master.detach().clone());
  return copies;
}

inline double largest_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  }
  return largest;
}

inline std::vector<at::Tensor> gradients_of(const Model& model) {
  std::vector<at::Tensor> copies;
  for (const Parameter& p : model.parameters()) copies.push_back(p.compute.grad().to(at::kFloat).clone());
  return copies;
}

inline std::vector<double> doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous().flatten();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace pope::test
