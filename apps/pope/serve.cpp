// pope serve: a model behind the OpenAI API.
#include <fmt/format.h>

#include <thread>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "learn/checkpoint.h"
#include "pope/setup.h"
#include "pope/verb.h"
#include "serve/model_server.h"

namespace pope {
namespace {

ServedModel served_model(const Settings& settings) {
  const ModelHead head = load_head(settings.paths.model);
  const PromptRenderer prompts(settings.prompt, head.tokenizer);
  const std::shared_ptr<Model> model = load_model(settings, Weights::frozen, head.tokenizer).model;
  const auto load = [type = model->compute_type(), device = model->device(),
                     tokenizer = head.tokenizer](const std::string& folder) -> std::shared_ptr<const Model> {
    return load_model(folder, type, Weights::frozen, device, tokenizer).model;
  };
  return {.model = model,
          .tokenizer = head.tokenizer,
          .stop_tokens = prompts.end_tokens(head.eos_tokens),
          .name = settings.serve.name.empty() ? settings.paths.model : settings.serve.name,
          .chat_template = settings.prompt.chat_template,
          .load = load};
}

// Has a server take the weights of a run's newest checkpoint. What cannot be taken is tried again, now and
// then: it may have been made room for, or be written anew.
class Follower {
 public:
  Follower(ModelServer& server, std::string run) : server_(server), run_(std::move(run)) {}

  // At most once a second.
  void look() {
    if (run_.empty() || Clock::now() < next_) return;
    next_ = Clock::now() + std::chrono::seconds(1);
    std::optional<std::filesystem::path> newest;
    try {
      newest = newest_checkpoint(run_);
      if (!newest) return say("note: " + run_ + " has no checkpoint yet: those that come are served");
      if (*newest == taken_) return;
      server_.take_weights(newest->string(), newest->filename().string());
      taken_ = *newest;
      say("weights of " + newest->string());
    } catch (const std::exception& error) {
      say("warning: " + newest.value_or(run_).string() + " was not taken: " + error.what());
      next_ += std::chrono::seconds(10);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  void say(const std::string& line) {
    if (line != std::exchange(said_, line)) log_line(line);
  }

  ModelServer& server_;
  const std::string run_;
  std::string said_;
  std::filesystem::path taken_;
  Clock::time_point next_;
};

Json run_serve(const Invocation& invocation) {
  Settings& settings = invocation.settings;
  settings.paths.model = invocation.arguments.front();
  ServedModel served = served_model(settings);
  const std::string name = served.name;
  const CatchInterrupts catches;
  ModelServer server(std::move(served), settings.serve, settings.sampling.batch_size);
  log_line(fmt::format("'{}' is served at {}/v1: Ctrl-C ends it", name, server.url()));
  Follower follower(server, settings.serve.follow);
  while (!interrupted()) {
    follower.look();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const LiveBatch::Stats now = server.stats();
  if (now.running + now.waiting > 0)
    log_line(fmt::format("what runs may end within {} s ({} samples); a second signal ends it at once",
                         settings.serve.grace_s, now.running + now.waiting));
  server.stop(settings.serve.grace_s);
  const LiveBatch::Stats all = server.stats();
  return {
      {"url", server.url()}, {"prompt_tokens", all.prompt_tokens}, {"sampled_tokens", all.sampled_tokens}};
}

std::string show_serve(const Json& result) {
  return fmt::format("Ended; {} tokens of prompts were read and {} sampled.\n",
                     result.at("prompt_tokens").get<std::int64_t>(),
                     result.at("sampled_tokens").get<std::int64_t>());
}

}  // namespace

const Verb serve_verb = {
    .name = "serve",
    .group = VerbGroup::data,
    .summary = "answer the OpenAI API with a model",
    .description =
        "Answers /v1/completions, /v1/chat/completions, /v1/models, /tokenize, /health and /metrics with "
        "the\n"
        "model, a Hugging Face directory or a .gguf file; samples of all requests are decoded together. On\n"
        "this machine alone, unless --host names another address: then a key is needed. Ctrl-C or SIGTERM:\n"
        "what runs may end within serve.grace_s, nothing new is taken. serve.updates lets pope train give "
        "it\n"
        "weights, serve.follow takes those of a run as it saves them.\n"
        "\n"
        "  pope serve runs/pope/model --port 8000\n"
        "  pope doctor --engine http://127.0.0.1:8000 --model runs/pope/model",
    .arguments = "MODEL",
    .shortcuts = {{"--host", "serve.host", "ADDRESS"}, {"--port", "serve.port", "PORT"}},
    .keys = {"serve.*", "sampling.batch_size", "prompt.chat_template", "run.threads", "run.dtype",
             "run.device"},
    .needs_out = false,
    .run = run_serve,
    .show = show_serve};

}  // namespace pope
