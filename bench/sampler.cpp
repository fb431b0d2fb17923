// Benchmark of the native engine. Verifies first (the logprobs recorded while sampling = those of the
// training forward), then samples rollouts of fixed length at several batch sizes. Beside each stand its
// ceilings: the step's matrix products alone (libtorch's), with the model's own weights at that batch size;
// the speed at which memory is read, since every step reads all weights; and the speed of a large product.
//   bench_sampler MODEL [--dtype fp32|bf16] [--device cpu|cuda] [--repeats 3] [--new-tokens 128]
//                 [--prompt-tokens 64] [--group 1] [--batch N] [--rollout FILE] [--json]
// --group: so many rollouts to a prompt.
// --rollout writes one of the verified rollouts, for others to score.
// MODEL: a Hugging Face model directory or a .gguf file.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bench.h"
#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "core/version.h"
#include "model/device.h"
#include "model/load.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

struct Arguments {
  std::string model, dtype = "bf16", device = "cpu", rollout;
  int repeats = 3, new_tokens = 128, prompt_tokens = 64, group = 1, batch = 0;  // 0: several
  bool json = false;
  at::ScalarType type() const { return dtype == "fp32" ? at::kFloat : at::kBFloat16; }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  bench::Words words(argc, argv);
  while (words.left()) {
    const std::string& word = words.next();
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--rollout") {
      arguments.rollout = words.value();
    } else if (word == "--dtype") {
      arguments.dtype = words.value();
    } else if (word == "--device") {
      arguments.device = words.value();
    } else if (word == "--repeats") {
      arguments.repeats = std::stoi(words.value());
    } else if (word == "--new-tokens") {
      arguments.new_tokens = std::stoi(words.value());
    } else if (word == "--batch") {
      arguments.batch = std::stoi(words.value());
    } else if (word == "--prompt-tokens") {
      arguments.prompt_tokens = std::stoi(words.value());
    } else if (word == "--group") {
      arguments.group = std::stoi(words.value());
    } else if (arguments.model.empty() && !word.starts_with("-")) {
      arguments.model = word;
    } else {
      throw Error("bench", "unknown argument '" + word + "'");
    }
  }
  const bool known_type = arguments.dtype == "fp32" || arguments.dtype == "bf16";
  if (arguments.model.empty() || !known_type ||
      std::min({arguments.repeats, arguments.new_tokens, arguments.prompt_tokens, arguments.group}) < 1) {
    throw Error("bench",
                "expected MODEL [--dtype fp32|bf16] [--device cpu|cuda] [--repeats N] [--new-tokens N] "
                "[--prompt-tokens N] [--group N] [--batch N] [--rollout FILE] [--json]");
  }
  return arguments;
}

// A prompt of random tokens for each group of rollouts; nothing stops them but their length.
std::vector<Request> requests(const Model& model, const Arguments& arguments, int rollouts) {
  RngStream random(1, {key_of("bench")});
  std::vector<Request> all;
  for (int i = 0; i < rollouts; i += arguments.group) {
    Request request;
    request.rng_key = static_cast<std::uint64_t>(i);
    request.samples = std::min(arguments.group, rollouts - i);
    for (int t = 0; t < arguments.prompt_tokens; ++t) {
      request.prompt.push_back(
          static_cast<int>(random.below(static_cast<std::uint64_t>(model.architecture().vocab_size))));
    }
    all.push_back(std::move(request));
  }
  return all;
}

SamplingConfig sampling(const Arguments& arguments, int batch) {
  SamplingConfig config;
  config.max_new_tokens = arguments.new_tokens;
  config.batch_size = batch;
  return config;
}

// The mean and the largest difference between recorded logprobs and those of the training forward.
std::pair<double, double> verify(const std::shared_ptr<const Model>& model, const Arguments& arguments) {
  const c10::NoGradGuard no_grad;
  NativeEngine engine(model, make_graph_recorder(model->device()));
  const auto all = requests(*model, arguments, 5);
  const auto rollouts = engine.sample(sampling(arguments, 3), 7, {}, all);
  if (!arguments.rollout.empty()) {
    const Json written = {
        {"prompt", all[0].prompt}, {"tokens", rollouts[0][0].tokens}, {"logprobs", rollouts[0][0].logprobs}};
    write_file(arguments.rollout, written.dump() + "\n");
  }
  double sum = 0, largest = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& rollout : rollouts[i]) {
      std::vector<std::int64_t> tokens(all[i].prompt.begin(), all[i].prompt.end());
      tokens.insert(tokens.end(), rollout.tokens.begin(), rollout.tokens.end());
      const auto input = at::tensor(tokens, at::kLong).to(model->device());
      const auto n = static_cast<std::int64_t>(rollout.tokens.size()), prompt = input.size(0) - n;
      const auto rows = model->forward_hidden(input, Packing::equal(1, prompt + n)).narrow(0, prompt - 1, n);
      const auto expected =
          token_logprobs(rows, model->output_embedding(), input.narrow(0, prompt, n), 1.0).logprobs;
      for (std::int64_t t = 0; t < n; ++t) {
        const double difference =
            std::abs(expected[t].item<double>() - rollout.logprobs[static_cast<std::size_t>(t)]);
        sum += difference;
        largest = std::max(largest, difference);
        ++count;
      }
    }
  }
  return {sum / static_cast<double>(count), largest};
}

// Every matrix of the model times a batch of rows: what a decoding step cannot do without.
double product_seconds(const Model& model, std::int64_t batch, int repeats) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> inputs;
  std::vector<const at::Tensor*> weights;
  for (const auto& parameter : model.parameters()) {
    const bool looked_up =
        parameter.name == "model.embed_tokens.weight" && !model.architecture().tied_embeddings;
    if (parameter.compute.dim() != 2 || looked_up) continue;
    weights.push_back(&parameter.compute);
    inputs.push_back(
        at::rand({batch, parameter.compute.size(1)}).to(parameter.compute.options().requires_grad(false)));
  }
  std::vector<double> times;
  for (int i = 0; i < repeats + 1; ++i) {
    times.push_back(bench::seconds([&] {
      for (std::size_t w = 0; w < weights.size(); ++w) at::linear(inputs[w], *weights[w]);
      wait_for(model.device());
    }));
  }
  return *std::min_element(times.begin() + 1, times.end());
}

// GB/s of reading far more than the caches hold, best of five.
double read_speed(at::Device device) {
  const c10::NoGradGuard no_grad;
  const auto values = at::ones({1 << 28}, device);  // f32: 1 GiB
  wait_for(device);
  double best = 1e30;
  for (int i = 0; i < 5; ++i) {
    best = std::min(best, bench::seconds([&] {
                      values.sum();
                      wait_for(device);
                    }));
  }
  return static_cast<double>(values.nbytes()) / best / 1e9;
}

Json measure_batch(const std::shared_ptr<const Model>& model, const Arguments& arguments, int batch) {
  const auto& a = model->architecture();
  std::vector<double> rates;
  EngineStats stats;
  for (int i = 0; i < arguments.repeats; ++i) {
    NativeEngine engine(model, make_graph_recorder(model->device()));
    engine.sample(sampling(arguments, batch), static_cast<std::uint64_t>(i), {},
                  requests(*model, arguments, batch));
    stats = engine.stats();
    rates.push_back(static_cast<double>(stats.sampled_tokens) / stats.seconds);
  }
  const Json spread = bench::spread(rates);
  const double rate = spread["median"];
  const double products = product_seconds(*model, batch, 5) / batch;  // per token
  const auto matrices =
      static_cast<double>(a.parameters() - (a.tied_embeddings ? 0 : std::int64_t{a.vocab_size} * a.width));
  return {{"batch", batch},
          {"tokens_per_s", spread},
          {"gflops", 2 * matrices * rate / 1e9},
          {"weights_gb_per_s",
           matrices * static_cast<double>(at::elementSize(arguments.type())) * rate / batch / 1e9},
          {"products_tokens_per_s", 1 / products},
          {"fraction_of_products", rate * products},
          {"us_per_token", 1e6 / rate},
          {"us_per_token_besides_products", 1e6 * (1 / rate - products)}};
}

Json measure(const Arguments& arguments) {
  const at::Device device = open_device(arguments.device);
  const std::shared_ptr<const Model> model =
      load_model(arguments.model, arguments.type(), Weights::frozen, device).model;
  const auto [mean, largest] = verify(model, arguments);
  // bf16 hidden states differ by roundings between one token at a time and all at once; an error of position
  // or masking makes differences of order 1 on average.
  const double tolerance = arguments.dtype == "fp32" ? 1e-4 : 0.1;
  if (!(mean < tolerance)) {
    throw Error(
        "bench",
        fmt::format("expected the logprobs of the training forward, got a mean difference of {}", mean));
  }
  Json batches = Json::array();
  auto sizes = arguments.batch > 0 ? std::vector{arguments.batch} : std::vector{1, 8, 32, 64};
  if (arguments.batch == 0 && !device.is_cpu()) sizes.insert(sizes.end(), {128, 256});
  for (const int batch : sizes) batches.push_back(measure_batch(model, arguments, batch));
  return {{"benchmark", "sampler"},
          {"version", kVersion},
          {"threads", at::get_num_threads()},
          {"model", arguments.model},
          {"dtype", arguments.dtype},
          {"device", arguments.device},
          {"parameters", model->architecture().parameters()},
          {"prompt_tokens", arguments.prompt_tokens},
          {"new_tokens", arguments.new_tokens},
          {"group", arguments.group},
          {"logprob_difference", {{"mean", mean}, {"max", largest}}},
          {"gemm_peak_gflops", bench::product_peak(arguments.type(), device)},
          {"read_gb_per_s", read_speed(device)},
          {"batches", batches}};
}

void print(const Json& r) {
  fmt::print("sampler {} {} {}: prompts of {} tokens for {} rollouts each, {} new tokens, {} threads\n",
             r["model"].get<std::string>(), r["dtype"].get<std::string>(), r["device"].get<std::string>(),
             r["prompt_tokens"].get<int>(), r["group"].get<int>(), r["new_tokens"].get<int>(),
             r["threads"].get<int>());
  fmt::print(
      "  verified: recorded logprobs differ from the training forward's by {:.1e} on average, {:.1e} at "
      "most\n",
      r["logprob_difference"]["mean"].get<double>(), r["logprob_difference"]["max"].get<double>());
  fmt::print("  a large product reaches {:.0f} GFLOP/s, memory is read at {:.1f} GB/s\n",
             r["gemm_peak_gflops"].get<double>(), r["read_gb_per_s"].get<double>());
  fmt::print(
      "  batch   tokens/s      (min … max)   GFLOP/s   weights GB/s   products alone   fraction   µs/token "
      "besides products\n");
  for (const auto& b : r["batches"]) {
    const auto& rate = b["tokens_per_s"];
    fmt::print("  {:5} {:10.0f} {:>18} {:9.0f} {:14.1f} {:16.0f} {:9.0f} % {:27.1f}\n", b["batch"].get<int>(),
               rate["median"].get<double>(),
               fmt::format("({:.0f} … {:.0f})", rate["min"].get<double>(), rate["max"].get<double>()),
               b["gflops"].get<double>(), b["weights_gb_per_s"].get<double>(),
               b["products_tokens_per_s"].get<double>(), 100 * b["fraction_of_products"].get<double>(),
               b["us_per_token_besides_products"].get<double>());
  }
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::bench::run(argc, argv, pope::parse, pope::measure, pope::print);
}
