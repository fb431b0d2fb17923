// Benchmark of the trainer, synchronous and asynchronous, on the embedded micro model. Verifies first (async
// at lag 0 leaves the bytes that the synchronous trainer leaves), then trains in each mode and reports the
// tokens learned from per second and the part of the time for which each side waited for the other, both over
// the steps between the first and the last kEdge: filling and emptying the pipeline is left out.
//   bench_async [--model-config configs/micro.json] [--steps 60] [--repeats 3] [--signal 1] [--json]
// Rewards are a coin thrown by the completion's text, so that the work of a step does not depend on what the
// model learns. --signal 0.1: only one problem in ten has the coin, the others none, as hard problems do; the
// trainer has little to do then.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/version.h"
#include "data/source.h"
#include "learn/trainer.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
constexpr int kEdge = 5;

struct Arguments {
  std::string model_config = "configs/micro.json";
  int steps = 60, repeats = 3;
  double signal = 1;
  bool json = false;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  bench::Words words(argc, argv);
  while (words.left()) {
    const std::string& word = words.next();
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--model-config") {
      arguments.model_config = words.value();
    } else if (word == "--steps") {
      arguments.steps = std::stoi(words.value());
    } else if (word == "--repeats") {
      arguments.repeats = std::stoi(words.value());
    } else if (word == "--signal") {
      arguments.signal = std::stod(words.value());
    } else {
      throw Error("bench", "unknown argument '" + word + "'",
                  "[--model-config FILE] [--steps N] [--repeats N] [--signal F] [--json]");
    }
  }
  if (arguments.steps <= 3 * kEdge || arguments.repeats < 1) {
    throw Error("bench", fmt::format("expected more than {} steps and a repeat", 3 * kEdge));
  }
  return arguments;
}

class CoinVerifier : public Verifier {
 public:
  explicit CoinVerifier(double signal) : signal_(signal) {}
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const bool coin = RngStream(1, {key_of(problem.id)}).uniform() < signal_;
    return {coin && RngStream(2, {key_of(completion)}).uniform() < 0.5, "", ""};
  }

 private:
  double signal_;
};

// Training of the embedded model: 32 prompts × 8 rollouts of at most 32 tokens.
TrainJob job_of(const Arguments& arguments) {
  TrainJob job;
  SourceConfig source;
  source.walks = 7;
  source.count = 256;
  const ProblemSource& family = problem_source(source.kind);
  job.hard = family.generate(source, 1);
  const std::vector<std::string> words = family.vocabulary(source);
  const auto tokenizer = make_word_tokenizer(words, words.at(0));
  Json config = read_json(arguments.model_config);
  config["vocab_size"] = tokenizer->size();
  config["eos_token_id"] = tokenizer->find(words[0]).value();
  job.model = Model::random(architecture_from_json(config), 1);
  PromptConfig prompt;
  prompt.chat_template = "plain";
  prompt.system = "";
  prompt.unguided = "{problem} :";
  job.prompts = std::make_shared<const PromptRenderer>(prompt, tokenizer);
  job.verifier = std::make_shared<CoinVerifier>(arguments.signal);
  job.mixture.guided = 0;
  job.sampling.max_new_tokens = 32;
  job.sampling.batch_size = 256;
  job.stop_tokens = job.model->architecture().eos_tokens;
  job.optimizer.lr = 1e-5;
  job.config.steps = arguments.steps;
  job.config.rollouts_every = 0;
  job.config.save_every = arguments.steps;
  return job;
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("pope-bench-async-{}", getpid())) {
    fs::remove_all(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct Mode {
  std::string name;
  int threads;  // all of them
  std::string mode;
  AsyncConfig async;
};

// Trains; returns the rows. The weights that it leaves stay under `folder`.
std::vector<Json> train_in(const fs::path& folder, const Arguments& arguments, const Mode& mode, int steps) {
  TrainJob job = job_of(arguments);
  job.config.mode = mode.mode;
  job.config.steps = steps;
  job.async = mode.async;
  NativeEngine engine(job.model);
  job.engine = &engine;
  at::set_num_threads(mode.threads);
  Options options;
  RunDir run = RunDir::open(folder, "train", options);
  train(run, job);
  std::vector<Json> rows;
  read_jsonl(folder / "metrics.jsonl", [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  return rows;
}

void verify(const Arguments& arguments) {
  std::string weights[2];
  for (const int async : {0, 1}) {
    const Folder folder;
    const Mode mode{"", 1, async ? "async" : "sync", {.max_lag = 0}};
    train_in(folder.path(), arguments, mode, 4);
    weights[async] = read_file(folder.path() / "model/model.safetensors");
  }
  if (weights[0] != weights[1]) throw Error("bench", "expected the weights of both trainers to be equal");
}

struct Result {
  std::vector<double> tokens_per_s, step_s, sampler_idle, learner_idle, lag_mean, ess, dropped;
  std::int64_t lag_max = 0;

  void add(const std::vector<Json>& rows) {
    double wall = 0, sampler = 0, learner = 0, lag = 0, effective = 0, lost = 0;
    const std::size_t first = kEdge, last = rows.size() - kEdge;
    for (std::size_t i = first; i < last; ++i) {
      wall += rows[i]["time/step_s"].get<double>();
      sampler += rows[i]["time/sampler_wait_s"].get<double>();
      learner += rows[i]["time/learner_wait_s"].get<double>();
      lag += rows[i].value("async/lag_mean", 0.0);
      lost += rows[i].value("async/dropped", 0.0);
      effective += rows[i].value("ratio/ess", 1.0);
      lag_max = std::max(lag_max, rows[i].value("async/lag_max", std::int64_t{0}));
    }
    const double tokens =
        rows[last - 1]["tokens/sampled"].get<double>() - rows[first - 1]["tokens/sampled"].get<double>();
    const auto n = static_cast<double>(last - first);
    tokens_per_s.push_back(tokens / wall);
    step_s.push_back(wall / n);
    sampler_idle.push_back(sampler / wall);
    learner_idle.push_back(learner / wall);
    lag_mean.push_back(lag / n);
    ess.push_back(effective / n);
    dropped.push_back(lost / n);
  }
};

Json measure(const Arguments& arguments) {
  verify(arguments);
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<Mode> modes = {{"sync, 1 thread", 1, "sync", {}}};
  if (cores > 1) modes.push_back({fmt::format("sync, {} threads", cores), cores, "sync", {}});
  const int both = std::max(2, cores);
  for (const int lag : {1, 3})
    modes.push_back({fmt::format("async, max_lag {}", lag), both, "async", {.max_lag = lag}});
  modes.push_back({"async, wait", both, "async", {.on_full = "wait"}});
  modes.push_back({"async, drop", both, "async", {.on_full = "drop"}});
  std::vector<Result> results(modes.size());
  for (int repeat = 0; repeat < arguments.repeats; ++repeat) {
    for (std::size_t m = 0; m < modes.size(); ++m) {  // in turn, so that load from elsewhere meets all alike
      const Folder folder;
      results[m].add(train_in(folder.path(), arguments, modes[m], arguments.steps));
    }
  }
  Json rows = Json::array();
  const double base = bench::spread(results[0].tokens_per_s)["median"];
  for (std::size_t m = 0; m < modes.size(); ++m) {
    const Result& r = results[m];
    const Json rate = bench::spread(r.tokens_per_s);
    rows.push_back({{"mode", modes[m].name},
                    {"tokens_per_s", rate},
                    {"ratio", rate["median"].get<double>() / base},
                    {"step_s", bench::spread(r.step_s)},
                    {"sampler_idle", bench::spread(r.sampler_idle)},
                    {"learner_idle", bench::spread(r.learner_idle)},
                    {"lag_mean", bench::spread(r.lag_mean)},
                    {"lag_max", r.lag_max},
                    {"ess", bench::spread(r.ess)},
                    {"dropped_groups_per_step", bench::spread(r.dropped)}});
  }
  return {{"benchmark", "async"},
          {"version", kVersion},
          {"cores", cores},
          {"model_config", arguments.model_config},
          {"signal", arguments.signal},
          {"steps", arguments.steps},
          {"repeats", arguments.repeats},
          {"verified", "async at lag 0 leaves the weights of the synchronous trainer, byte for byte"},
          {"modes", rows}};
}

void print(const Json& r) {
  fmt::print("async: {} steps, {} cores, signal in {:.0f} % of the problems\n", r["steps"].get<int>(),
             r["cores"].get<int>(), 100 * r["signal"].get<double>());
  fmt::print("  verified: {}\n", r["verified"].get<std::string>());
  fmt::print("  {:22} {:>9} {:>18} {:>6} {:>9} {:>13} {:>13} {:>9} {:>4} {:>6} {:>8}\n", "mode", "tokens/s",
             "(min … max)", "ratio", "step, ms", "sampler idle", "learner idle", "mean lag", "max", "ESS",
             "dropped");
  for (const Json& m : r["modes"]) {
    const auto median = [&](const char* key) { return m[key]["median"].get<double>(); };
    const Json& rate = m["tokens_per_s"];
    fmt::print("  {:22} {:9.0f} {:>18} {:6.2f} {:9.1f} {:11.0f} % {:11.0f} % {:9.2f} {:4} {:6.3f} {:8.1f}\n",
               m["mode"].get<std::string>(), median("tokens_per_s"),
               fmt::format("({:.0f} … {:.0f})", rate["min"].get<double>(), rate["max"].get<double>()),
               m["ratio"].get<double>(), 1000 * median("step_s"), 100 * median("sampler_idle"),
               100 * median("learner_idle"), median("lag_mean"), m["lag_max"].get<std::int64_t>(),
               median("ess"), median("dropped_groups_per_step"));
  }
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::bench::run(argc, argv, pope::parse, pope::measure, pope::print);
}
