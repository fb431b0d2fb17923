// See http_inspect.h.
#include "rollout/http_inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "core/nearest.h"

namespace pope {
namespace {

constexpr auto kOperation = "http engine";
constexpr HttpLimits kLimits{.timeout_s = 120, .max_reply_bytes = 16 << 20};

const Json* field(const Json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}
std::string string_in(const Json* object, const char* key) {
  const Json* value = field(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}
std::int64_t count_in(const Json* object, const char* key) {
  const Json* value = field(object, key);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

// Nothing where the vocabulary is one of words and lacks some of these.
std::vector<int> encoded(const Tokenizer& tokenizer, const std::string& text) {
  try {
    return tokenizer.encode(text);
  } catch (const Error&) {
    return {};
  }
}

class Inspector {
 public:
  Inspector(HttpClient& client, const HttpUrl& url, const EngineConfig& config, const Tokenizer* tokenizer)
      : client_(client), url_(url), name_(pope::text_of(url)), config_(config), tokenizer_(tokenizer) {}

  Inspection run() {
    const bool found =
        find_model() && count_slots() && compare_tokenizers() && try_forms() && try_temperature();
    if (!found) return {.problem = problem_, .retry_after_s = retry_after_s_};
    return {.info = info_};
  }

 private:
  // The reply's JSON. Null: it is away, which `problem_` says, or it does not have this route.
  std::optional<Json> ask(const HttpReply& reply) {
    if (reply.ok()) return parse_foreign(reply.body);
    if (is_away(reply) || reply.outcome != HttpReply::Outcome::answered) {
      problem_ = reply.problem;
      retry_after_s_ = reply.retry_after_s;
    }
    return std::nullopt;
  }

  bool find_model() {
    const HttpReply reply = client_.get(url_.path + "/v1/models", kLimits);
    refuse_if_final(reply, name_, config_);
    const std::optional<Json> json = ask(reply);
    const Json* models = json ? field(&*json, "data") : nullptr;
    if (models == nullptr || !models->is_array() || models->empty()) {
      if (problem_.empty())
        problem_ = reply.ok() ? "/v1/models lists no model" : "/v1/models: " + reply.problem;
      return false;
    }
    std::vector<std::string> names;
    const Json* chosen = nullptr;
    const Json* whole = nullptr;
    for (const Json& model : *models) {
      if (!string_in(&model, "parent").empty() && config_.model.empty()) continue;  // vLLM: an adapter
      names.push_back(string_in(&model, "id"));
      if (names.back() == config_.model) chosen = &model;
      whole = &model;
    }
    if (config_.model.empty() && names.size() == 1) chosen = whole;
    if (chosen == nullptr) {
      throw Error(
          kOperation,
          fmt::format("{}: expected {}, it has {}", name_,
                      config_.model.empty() ? "one model" : "model '" + config_.model + "'", listed(names)),
          "engine.model names the one to sample");
    }
    info_.model = string_in(chosen, "id");
    const bool told = config_.server != "auto";
    info_.owner = told ? config_.server : string_in(chosen, "owned_by");
    info_.kind = told ? server_kind(config_.server) : kind_of_owner(info_.owner);
    const std::int64_t context =
        std::max(count_in(chosen, "max_model_len"), count_in(field(chosen, "meta"), "n_ctx"));
    if (context > 0) info_.context = context;
    return true;
  }

  // llama.cpp refuses more samples in a request than it has slots. Its props also know the context of one.
  bool count_slots() {
    info_.most_samples = config_.samples_per_request;
    if (info_.kind != ServerKind::llama_cpp) return true;
    const std::optional<Json> props = ask(client_.get(url_.path + "/props", kLimits));
    if (!problem_.empty()) return false;
    if (!props) return true;
    const std::int64_t slots = count_in(&*props, "total_slots");
    if (slots > 0) info_.most_samples = static_cast<int>(std::min<std::int64_t>(info_.most_samples, slots));
    const std::int64_t context = count_in(field(&*props, "default_generation_settings"), "n_ctx");
    if (context > 0) info_.context = std::min(info_.context, context);
    return true;
  }

  // Where the server shows how it splits a text, it must be as ours does. How a text begins may differ: some
  // tokenizers put a space in front.
  bool compare_tokenizers() {
    if (info_.kind == ServerKind::openai || tokenizer_ == nullptr) return true;
    const std::string text =
        "Solve for x: 3x + 7 = 22.\n\nWe get 3x = 15, so x = 5, and the answer is \\boxed{5}.";
    const Json body = info_.kind == ServerKind::llama_cpp
                          ? Json{{"content", text}, {"add_special", false}}
                          : Json{{"model", info_.model}, {"prompt", text}, {"add_special_tokens", false}};
    const std::optional<Json> reply = ask(client_.post(url_.path + "/tokenize", dump(body), kLimits));
    if (!problem_.empty()) return false;
    const Json* tokens = reply ? field(&*reply, "tokens") : nullptr;
    if (tokens == nullptr || !tokens->is_array()) return true;
    std::vector<int> theirs;
    for (const Json& token : *tokens) theirs.push_back(token.is_number_integer() ? token.get<int>() : -1);
    const std::vector<int> ours = encoded(*tokenizer_, text);
    if (ours.empty()) return true;
    const auto [at, end] = std::mismatch(ours.rbegin(), ours.rend(), theirs.rbegin(), theirs.rend());
    info_.same_tokenizer = 2 * (at - ours.rbegin()) >= std::ssize(ours);
    if (!*info_.same_tokenizer) {
      throw Error(
          kOperation,
          fmt::format("{}: expected the tokenizer of --model, the server splits a text into {} tokens where "
                      "it gives {} or others",
                      name_, theirs.size(), ours.size()),
          "the server's model '" + info_.model + "' and --model do not belong together");
    }
    return true;
  }

  // The fullest form of a request that the server answers.
  bool try_forms() {
    const bool ids_first = info_.kind != ServerKind::openai || config_.server == "auto";
    const int several = std::min(2, info_.most_samples);
    std::string refusal;
    for (const bool logprobs : {true, false})
      for (const bool ids : {true, false}) {
        if (ids && !ids_first) continue;
        for (int samples = several; samples >= 1; --samples) {
          CompletionCall call = trial(ids, samples, logprobs);
          const HttpReply reply = complete(call);
          if (reply.status == 401 || reply.status == 403 || reply.status == 404)
            refuse_if_final(reply, name_, config_);
          if (is_away(reply) || reply.outcome != HttpReply::Outcome::answered) {
            problem_ = reply.problem;
            retry_after_s_ = reply.retry_after_s;
            return false;
          }
          const CompletionReply read = read_completions(info_.kind, call, reply.body);
          if (reply.ok() && read.problem.empty()) return learn(call, read.completions);
          refusal = reply.ok() ? read.problem
                               : fmt::format("status {}: {}", reply.status, error_message(reply.body));
        }
      }
    throw Error(kOperation, fmt::format("{}{}: {}", name_, completion_path(info_.kind), refusal),
                "engine.server says what the server is, if it does not say so itself");
  }

  // Status 500 or half a body may be chance: a form is given up only where that comes three times.
  HttpReply complete(const CompletionCall& call) {
    HttpReply reply;
    for (int attempt = 0; attempt < 3; ++attempt) {
      reply =
          client_.post(url_.path + completion_path(info_.kind), completion_body(info_.kind, call), kLimits);
      if (reply.outcome != HttpReply::Outcome::answered) break;
      if (reply.status != 500 && !(reply.status == 200 && !parse_foreign(reply.body))) break;
    }
    return reply;
  }

  CompletionCall trial(bool ids, int samples, bool logprobs) const {
    ServerInfo form = info_;
    form.takes_ids = ids;
    CompletionCall call = trial_call(form, tokenizer_);
    call.samples = samples;
    call.logprobs = logprobs;
    return call;
  }

  bool learn(const CompletionCall& call, const std::vector<Completion>& completions) {
    info_.takes_ids = !call.prompt.empty();
    const auto all = [&](auto holds) { return std::all_of(completions.begin(), completions.end(), holds); };
    info_.gives_ids = all([](const Completion& one) { return one.tokens.has_value(); });
    info_.gives_logprobs =
        call.logprobs && all([](const Completion& one) {
          return !one.logprobs.empty() && std::none_of(one.logprobs.begin(), one.logprobs.end(),
                                                       [](float logprob) { return std::isnan(logprob); });
        });
    if (call.samples == 1 || completions.size() < 2) info_.most_samples = 1;
    return true;
  }

  // At a temperature near 0 a sampled token is next to certain; where its logprob does not say so, it is that
  // at temperature 1. Several texts are tried, since two tokens may be as likely as each other, and one may
  // be certain at any temperature.
  bool try_temperature() {
    if (!info_.gives_logprobs) return true;
    int certain = 0;
    for (int which = 0; which < kTrials; ++which) {
      CompletionCall call = trial_call(info_, tokenizer_, which);
      call.max_new_tokens = 1;
      call.temperature = 0.01;
      const HttpReply reply =
          client_.post(url_.path + completion_path(info_.kind), completion_body(info_.kind, call), kLimits);
      const CompletionReply read = read_completions(info_.kind, call, reply.body);
      if (!reply.ok() || !read.problem.empty()) {
        problem_ = reply.ok() ? read.problem : reply.problem;
        retry_after_s_ = reply.retry_after_s;
        return false;
      }
      const std::vector<float>& logprobs = read.completions.front().logprobs;
      constexpr float kCertain = -0.05F;
      certain += !logprobs.empty() && logprobs.front() > kCertain ? 1 : 0;
    }
    info_.tempered = 2 * certain > kTrials;
    return true;
  }

  HttpClient& client_;
  const HttpUrl& url_;
  const std::string name_;
  const EngineConfig& config_;
  const Tokenizer* tokenizer_;
  ServerInfo info_;
  std::string problem_;
  std::optional<double> retry_after_s_;
};

}  // namespace

Inspection inspect_server(HttpClient& client, const HttpUrl& url, const EngineConfig& config,
                          const Tokenizer* tokenizer) {
  return Inspector(client, url, config, tokenizer).run();
}

HttpClient::Headers key_header(const EngineConfig& config) {
  if (config.key_env.empty()) return {};
  const char* key = std::getenv(config.key_env.c_str());
  if (key == nullptr || *key == '\0') {
    throw Error(kOperation, "engine.key_env: the environment has no variable " + config.key_env,
                "export it, or leave the setting out where the servers need no key");
  }
  return {{"Authorization", std::string("Bearer ") + key}};
}

HttpUrl server_url(const std::string& text) {
  HttpUrl url = parse_http_url(text).value();
  if (url.path.ends_with("/v1")) url.path.resize(url.path.size() - 3);
  return url;
}

std::string text_of(const HttpUrl& url) { return url.origin + url.path; }

void refuse_if_final(const HttpReply& reply, const std::string& url, const EngineConfig& config) {
  if (reply.outcome == HttpReply::Outcome::untrusted) {
    throw Error(kOperation, url + ": " + reply.problem,
                "SSL_CERT_FILE names the file of the certificates to trust, where it is one of your own");
  }
  if (reply.outcome != HttpReply::Outcome::answered) return;
  const std::string said = fmt::format("{}: status {}: {}", url, reply.status, error_message(reply.body));
  if (reply.status == 401 || reply.status == 403) {
    throw Error(kOperation, said,
                config.key_env.empty() ? "engine.key_env names the environment variable that holds the key"
                                       : "is the key in " + config.key_env + " the server's?");
  }
  if (reply.status == 404)
    throw Error(kOperation, said,
                "engine.urls are the addresses of OpenAI-compatible servers, with or without /v1");
  if (reply.status >= 300 && reply.status < 500 && reply.status != 408 && reply.status != 429)
    throw Error(kOperation, said, "pope doctor --engine " + url + " says what the server can do");
}

bool is_away(const HttpReply& reply) {
  if (reply.outcome == HttpReply::Outcome::unreachable) return true;
  return reply.outcome == HttpReply::Outcome::answered &&
         (reply.status == 429 || reply.status == 502 || reply.status == 503);
}

CompletionCall trial_call(const ServerInfo& info, const Tokenizer* tokenizer, int which) {
  constexpr std::array<const char*, kTrials> kTexts = {"My favourite", "The next day", "A list of",
                                                       "In the year", "She told him that"};
  const std::string text = kTexts.at(static_cast<std::size_t>(which));
  std::vector<int> ids = {100 + which, 200, 300};  // any language model has them
  if (tokenizer != nullptr) {
    std::vector<int> words = encoded(*tokenizer, text);
    if (words.empty()) words = {(1 + which) % tokenizer->size(), (2 + which) % tokenizer->size()};
    ids = tokenizer->prefix();
    ids.insert(ids.end(), words.begin(), words.end());
  }
  CompletionCall call;
  call.model = info.model;
  if (info.takes_ids) {
    call.prompt = std::move(ids);
  } else {
    call.prompt_text = text;
  }
  call.logprobs = info.gives_logprobs;
  call.seed = 1;
  return call;
}

std::string prompt_text(const std::vector<int>& prompt, const Tokenizer& tokenizer) {
  // What the tokenizer puts in front by itself the server will put there.
  const std::vector<int> prefix = tokenizer.prefix();
  const bool begins =
      prompt.size() > prefix.size() && std::equal(prefix.begin(), prefix.end(), prompt.begin());
  return tokenizer.decode(std::span(prompt).subspan(begins ? prefix.size() : 0), false);
}

}  // namespace pope
