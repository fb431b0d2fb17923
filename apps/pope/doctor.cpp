// pope doctor: what a server can do as an engine, and whether it runs the weights that are here.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "model/load.h"
#include "model/model_folder.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "rollout/http_completion.h"
#include "rollout/http_inspect.h"
#include "rollout/logprob_gap.h"
#include "rollout/server_weights.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
constexpr HttpLimits kLimits{.timeout_s = 300, .max_reply_bytes = 64 << 20};
constexpr int kTokens = 32;  // of a trial's samples

// What is here of the model that the servers are to run.
struct Local {
  std::shared_ptr<const Tokenizer> tokenizer;  // null: no model was given
  std::shared_ptr<const Model> model;          // null: its folder holds no weights
};

bool has_weights(const fs::path& path) {
  if (!fs::is_directory(path)) return true;
  return std::any_of(
      fs::directory_iterator(path), fs::directory_iterator(),
      [](const fs::directory_entry& entry) { return entry.path().extension() == ".safetensors"; });
}

Local local_model(const Settings& settings) {
  if (settings.paths.model.empty()) return {};
  Local local{load_head(settings.paths.model).tokenizer, nullptr};
  if (has_weights(find_model(settings.paths.model)))
    local.model = load_model(settings, Weights::frozen, local.tokenizer).model;
  return local;
}

// One server under examination.
class Examination {
 public:
  Examination(const EngineConfig& config, const std::string& url, const Local& local)
      : config_(config), url_(server_url(url)), client_(url_.origin, key_header(config)), local_(local) {}

  Json run() {
    Json report = {{"url", text_of(url_)}};
    const Inspection found = inspect_server(client_, url_, config_, local_.tokenizer.get());
    if (!found.info) return with_problem(report, found.problem);
    info_ = *found.info;
    report.update({{"server", name_of(info_.kind)},
                   {"owner", info_.owner},
                   {"model", info_.model},
                   {"context", info_.context == ServerInfo().context ? Json(nullptr) : Json(info_.context)},
                   {"takes_ids", info_.takes_ids},
                   {"gives_ids", info_.gives_ids},
                   {"logprobs", !info_.gives_logprobs ? "none"
                                : info_.tempered      ? "tempered"
                                                      : "raw"}});
    CompletionCall call = trial_call(info_, local_.tokenizer.get());
    call.max_new_tokens = kTokens;
    call.samples = info_.most_samples;
    const CompletionReply several = ask(call);
    call.samples = 1;
    const CompletionReply first = ask(call), again = ask(call);
    call.seed = 2;
    const CompletionReply other = ask(call);
    for (const CompletionReply* reply : {&several, &first, &again, &other})
      if (!reply->problem.empty()) return with_problem(report, reply->problem);
    report["samples_asked"] = config_.samples_per_request;
    report["samples_given"] = several.completions.size();
    std::set<std::string> texts;
    for (const Completion& one : several.completions) texts.insert(one.text);
    report["samples_that_differ"] = texts.size();
    const std::string text = first.completions[0].text;
    report["seeds"] = text == other.completions[0].text   ? "ignored"
                      : text == again.completions[0].text ? "repeatable"
                                                          : "not repeatable";
    report["tokenizer"] = tokenizer_of(several.completions);
    report["gap"] = gap_of(call, several.completions);
    return report;
  }

 private:
  static Json with_problem(Json report, const std::string& problem) {
    report["problem"] = problem;
    return report;
  }

  CompletionReply ask(const CompletionCall& call) {
    const HttpReply reply =
        client_.post(url_.path + completion_path(info_.kind), completion_body(info_.kind, call), kLimits);
    refuse_if_final(reply, text_of(url_), config_);
    if (!reply.ok()) return {.problem = reply.problem + " " + error_message(reply.body)};
    return read_completions(info_.kind, call, reply.body);
  }

  // Whether the server's tokenizer is that of the model here.
  std::string tokenizer_of(const std::vector<Completion>& completions) const {
    if (!local_.tokenizer) return "not compared";
    std::string spelled = "not shown";
    for (const Completion& one : completions) {
      const std::optional<bool> fits = text_fits(one, *local_.tokenizer);
      if (fits && !*fits) return "another";
      if (fits) spelled = "same";
    }
    return info_.same_tokenizer.value_or(false) ? "same" : spelled;
  }

  // Null where there is nothing to compare.
  Json gap_of(const CompletionCall& call, const std::vector<Completion>& completions) const {
    if (!local_.model) return nullptr;
    const LogprobGap gap = logprob_gap(*local_.model, call, completions);
    if (gap.tokens == 0) return nullptr;
    return {{"tokens", gap.tokens}, {"mean", gap.mean}, {"max", gap.max}};
  }

  const EngineConfig& config_;
  const HttpUrl url_;
  HttpClient client_;
  const Local& local_;
  ServerInfo info_;
};

Json run_doctor(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const Local local = local_model(settings);
  Json servers = Json::array();
  for (const std::string& url : settings.engine.urls)
    servers.push_back(Examination(settings.engine, url, local).run());
  return {{"verb", "doctor"}, {"model", settings.paths.model}, {"servers", std::move(servers)}};
}

std::string logprobs_line(const std::string& logprobs) {
  if (logprobs == "none") return "none";
  if (logprobs == "tempered") return "of each token, at the sampling temperature";
  return "of each token, but at temperature 1: left out of rollouts at others";
}

std::string gap_line(const Json& gap) {
  constexpr double kNear = 0.1;  // nats a token: quantised weights and other kernels stay below
  if (gap.is_null()) return "not compared: give --model with its weights";
  const double mean = gap.at("mean");
  return fmt::format("{:.3f} nats a token, {:.2f} at most, over {}: {}", mean, gap.at("max").get<double>(),
                     grouped(gap.at("tokens")),
                     mean <= kNear ? "the weights of --model" : "NOT the weights of --model");
}

std::string verbs_line(const Json& server) {
  const std::string owner = server["owner"];
  const bool trains = server["gives_ids"] && server["logprobs"] != "none" && server_weights(owner) != nullptr;
  return std::string("mine, guide, collect, eval") +
         (trains ? fmt::format("; train, where it was started with {}", server_weights(owner)->needs)
                 : "; not train: it takes no weights, or gives no ids and logprobs");
}

std::string show_server(const Json& server) {
  std::string text = server.at("url").get<std::string>() + "\n";
  const auto line = [&](const char* what, const std::string& value) {
    text += fmt::format("  {:<12}{}\n", what, value);
  };
  if (server.contains("server")) {
    line("server",
         fmt::format("{}, model '{}', context {}", server["server"].get<std::string>(),
                     server["model"].get<std::string>(),
                     server["context"].is_null() ? "not told" : grouped(server["context"]) + " tokens"));
    line("prompts",
         server["takes_ids"] ? "as token ids" : "as text: special tokens in it are the server's to find");
    line("samples", server["gives_ids"] ? "as token ids" : "as text: tokens are those of splitting it again");
    line("logprobs", logprobs_line(server["logprobs"]));
  }
  if (server.contains("problem")) {
    line("problem", server["problem"]);
    return text;
  }
  const int given = server["samples_given"], asked = server["samples_asked"];
  line("a request", fmt::format("{} samples{}{}", given,
                                given < asked ? fmt::format(", where {} were asked for", asked) : "",
                                server["samples_that_differ"] < given ? ", SOME OF THEM THE SAME" : ""));
  line("seeds",
       server["seeds"] == "ignored" ? "IGNORED: another seed gives the same sample" : server["seeds"]);
  line("tokenizer", server["tokenizer"] == "another" ? "ANOTHER: its ids spell other texts with --model's"
                                                     : server["tokenizer"]);
  line("logprob gap", gap_line(server["gap"]));
  line("verbs", verbs_line(server));
  return text;
}

std::string show_doctor(const Json& result) {
  std::string text;
  for (const Json& server : result.at("servers")) text += (text.empty() ? "" : "\n") + show_server(server);
  return text;
}

void refuse_unfit(const Json& result) {
  for (const Json& server : result.at("servers")) {
    const bool unfit =
        server.contains("problem") || server["seeds"] == "ignored" || server["tokenizer"] == "another";
    if (unfit)
      throw Error("doctor", server.at("url").get<std::string>() + " cannot be sampled from as it is");
  }
}

}  // namespace

const Verb doctor_verb = {
    .name = "doctor",
    .group = VerbGroup::data,
    .summary = "say what a server can do as an engine (engine.kind=http)",
    .description =
        "Asks an OpenAI-compatible server (vLLM, SGLang, llama.cpp, others) what it is, and tries out what\n"
        "the http engine needs: token ids, samples, logprobs, seeds. With --model its tokenizer is compared\n"
        "and, where the weights are there, the logprobs of a few samples. Several --engine are examined one\n"
        "by one. Exit code 1: one of them cannot be sampled from.\n"
        "\n"
        "  pope doctor --engine http://127.0.0.1:8000 --model MODEL\n"
        "  pope mine --set engine.kind=http --set engine.urls=[http://127.0.0.1:8000] --model MODEL …",
    .shortcuts = {{"--engine", "engine.urls", "URL", Need::required}, {"--model", "paths.model", "MODEL"}},
    .keys = {"run.threads", "run.dtype", "run.device", "paths.model", "engine.urls", "engine.server",
             "engine.model", "engine.key_env", "engine.samples_per_request"},
    .needs_out = false,
    .run = run_doctor,
    .show = show_doctor,
    .after = refuse_unfit};

}  // namespace pope
