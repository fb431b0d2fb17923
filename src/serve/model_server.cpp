// See model_server.h.
#include "serve/model_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <random>

#include "core/error.h"
#include "model/take_weights.h"
#include "rollout/http_protocol.h"
#include "serve/generation.h"
#include "serve/openai_reply.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::milliseconds(200);  // how soon it is seen that a client has gone
constexpr int kDefaultCompletion = 16;  // OpenAI's, where a completion does not say how long it may be

constexpr std::string_view kRoutes[] = {
    "/v1/completions", "/v1/chat/completions",     "/v1/models", "/tokenize", "/health",
    "/metrics",        "/update_weights_from_disk"};

std::string key_of_environment(const std::string& name) {
  if (name.empty()) return "";
  const char* const key = std::getenv(name.c_str());
  if (key != nullptr && *key != '\0') return key;
  throw Error("serve", fmt::format("serve.key_env: the environment has no variable '{}'", name),
              fmt::format("export {}=… first", name));
}

// Compared in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned char different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return different == 0;
}

int refuse(WebExchange& exchange, const ApiProblem& problem) {
  WebHeaders headers;
  if (problem.status == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
  if (problem.status == 429 || problem.status == 503) headers.emplace_back("Retry-After", "1");
  exchange.reply(problem.status, "application/json", dump(to_json(problem)), headers);
  return problem.status;
}

int reply_json(WebExchange& exchange, const Json& json) {
  exchange.reply(200, "application/json", dump(json));
  return 200;
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

WebLimits limits_of(const ServeConfig& config) {
  return {.connections = config.connections, .body_bytes = static_cast<std::size_t>(config.body_kb) * 1024};
}

ServeConfig checked(const ServeConfig& config) {
  check(config);
  return config;
}

}  // namespace

ModelServer::ModelServer(ServedModel served, const ServeConfig& config, int slots)
    : served_(std::move(served)),
      config_(checked(config)),
      key_(key_of_environment(config.key_env)),
      context_(served_.model->architecture().context),
      conversations_(served_.chat_template, served_.tokenizer),
      next_seed_((std::uint64_t{std::random_device()()} << 32) | std::random_device()()),
      batch_(served_.model, slots, config.queue) {
  server_ = std::make_unique<WebServer>(
      config.host, config.port, limits_of(config), [this](WebExchange& exchange) { answer(exchange); },
      [this](const WebRequest& request) { return admits(request); });
}

// By the head: nobody without the key is listened to at length.
int ModelServer::admits(const WebRequest& request) const {
  const bool empty =
      !request.headers.contains("content-length") && !request.headers.contains("transfer-encoding");
  return empty || has_key(request) ? 0 : 401;
}

ModelServer::~ModelServer() { stop(0); }

void ModelServer::stop(double grace_s) {
  stopping_ = true;
  server_->stop(grace_s);
}

void ModelServer::answer(WebExchange& exchange) {
  const int status = dispatch(exchange);
  const std::string& path = exchange.request().path;
  const bool known = std::find(std::begin(kRoutes), std::end(kRoutes), path) != std::end(kRoutes);
  metrics_.count(known ? path : "other", status);
}

int ModelServer::dispatch(WebExchange& exchange) {
  const WebRequest& request = exchange.request();
  const bool gets = request.method == "GET" || request.method == "HEAD", posts = request.method == "POST";
  const auto wrong_method = [&](const char* right) {
    return refuse(exchange, {405, fmt::format("{} takes {}", request.path, right), ""});
  };
  if (request.path == "/health") {
    if (!gets) return wrong_method("GET");
    if (stopping_) return refuse(exchange, {503, "the server ends", ""});
    return reply_json(exchange, {{"status", "ok"}});
  }
  if (!has_key(request))
    return refuse(exchange, {401, "expected the key of this server: Authorization: Bearer KEY", ""});
  if (request.path == "/v1/models" || request.path == "/metrics") {
    if (!gets) return wrong_method("GET");
    if (request.path == "/v1/models") return reply_json(exchange, models());
    exchange.reply(200, "text/plain; version=0.0.4", metrics_.text(batch_.stats(), server_->connections()));
    return 200;
  }
  const bool chat = request.path == "/v1/chat/completions";
  if (chat || request.path == "/v1/completions")
    return posts ? generate(exchange, chat) : wrong_method("POST");
  if (request.path == "/tokenize") return posts ? tokenize(exchange) : wrong_method("POST");
  if (request.path == "/update_weights_from_disk")
    return posts ? update_weights(exchange) : wrong_method("POST");
  return refuse(
      exchange,
      {404,
       "there are /v1/completions, /v1/chat/completions, /v1/models, /tokenize, /health, /metrics and "
       "/update_weights_from_disk",
       ""});
}

bool ModelServer::has_key(const WebRequest& request) const {
  if (key_.empty()) return true;
  const std::string given = request.header("authorization");
  return given.starts_with("Bearer ") && same_secret(std::string_view(given).substr(7), key_);
}

Json ModelServer::models() const {
  return {{"object", "list"},
          {"data", Json::array({{{"id", served_.name},
                                 {"object", "model"},
                                 {"created", 0},
                                 {"owned_by", "pope"},
                                 {"max_model_len", context_},
                                 {"weight_version", weights()}}})}};
}

std::string ModelServer::weights() const {
  const std::lock_guard lock(weights_mutex_);
  return weights_;
}

void ModelServer::take_weights(const std::string& folder, const std::string& label) {
  const std::lock_guard one(updating_);
  const std::shared_ptr<const Model> loaded = served_.load(folder);
  batch_.between_steps([&] { pope::take_weights(*served_.model, *loaded); });
  const std::lock_guard lock(weights_mutex_);
  weights_ = label;
}

// As SGLang answers it.
int ModelServer::update_weights(WebExchange& exchange) {
  if (!config_.updates)
    return refuse(exchange, {403, "weights are taken from clients only with serve.updates=true", ""});
  const std::optional<Json> body = parse_foreign(exchange.request().body);
  const auto text = [&](const char* key) {
    const Json value = body && body->is_object() ? body->value(key, Json()) : Json();
    return value.is_string() ? value.get<std::string>() : "";
  };
  if (text("model_path").empty())
    return refuse(exchange, {400, "model_path: expected the folder of a model", "model_path"});
  try {
    take_weights(text("model_path"), text("weight_version"));
  } catch (const Error& error) {
    return refuse(exchange, {400, error.what(), "model_path"});
  } catch (const Json::exception& error) {  // a file that is no JSON of a model's
    return refuse(exchange, {400, error.what(), "model_path"});
  }
  return reply_json(exchange, {{"success", true}, {"message", "taken"}, {"weight_version", weights()}});
}

// As vLLM answers it: so engines compare tokenizers.
int ModelServer::tokenize(WebExchange& exchange) const {
  const std::optional<Json> body = parse_foreign(exchange.request().body);
  const Json text = body && body->is_object() ? body->value("prompt", Json()) : Json();
  if (!text.is_string()) return refuse(exchange, {400, "prompt: expected a text", "prompt"});
  const bool special = body->value("add_special_tokens", Json(true)) == true;
  std::vector<int> ids;
  try {
    ids = ids_of(text.get<std::string>(), special);
  } catch (const Error& error) {
    return refuse(exchange, {400, error.what(), "prompt"});
  }
  return reply_json(exchange, {{"count", ids.size()}, {"max_model_len", context_}, {"tokens", ids}});
}

std::vector<int> ModelServer::ids_of(const std::string& text, bool special) const {
  std::vector<int> ids;
  if (special) ids = served_.tokenizer->prefix();
  const std::vector<int> rest = served_.tokenizer->encode(text, /*parse_special=*/true);
  ids.insert(ids.end(), rest.begin(), rest.end());
  return ids;
}

std::variant<std::vector<std::vector<int>>, ApiProblem> ModelServer::prompts_of(
    const GenerationRequest& request) const {
  std::vector<std::vector<int>> prompts;
  if (request.chat) {
    if (!conversations_.has_template())
      return ApiProblem{400,
                        "this model has no chat template: ask /v1/completions, or start the server with "
                        "--set prompt.chat_template=chatml",
                        "messages"};
    try {
      prompts.push_back(conversations_.render(request.messages, request.enable_thinking));
    } catch (const Error& error) {  // the template says what is wrong with the messages
      return ApiProblem{400, error.what(), "messages"};
    }
    return prompts;
  }
  for (const auto& prompt : request.prompts) {
    if (const auto* ids = std::get_if<std::vector<int>>(&prompt)) {
      prompts.push_back(*ids);
      continue;
    }
    try {
      prompts.push_back(ids_of(std::get<std::string>(prompt), request.add_special_tokens));
    } catch (const Error& error) {
      return ApiProblem{400, error.what(), "prompt"};
    }
  }
  return prompts;
}

int ModelServer::most_tokens(const GenerationRequest& request, std::size_t prompt) const {
  if (request.max_tokens) return *request.max_tokens;
  if (!request.chat) return kDefaultCompletion;
  return static_cast<int>(
      std::min<std::int64_t>(config_.max_tokens, context_ - static_cast<std::int64_t>(prompt)));
}

std::optional<ApiProblem> ModelServer::check(const GenerationRequest& request,
                                             const std::vector<std::vector<int>>& prompts) const {
  if (!request.model.empty() && request.model != served_.name)
    return ApiProblem{404, fmt::format("no model '{}' here: there is '{}'", request.model, served_.name),
                      "model"};
  if (static_cast<std::size_t>(request.n) * prompts.size() > static_cast<std::size_t>(config_.queue))
    return ApiProblem{
        400, fmt::format("expected at most {} samples of all prompts (serve.queue)", config_.queue), "n"};
  const int vocabulary = static_cast<int>(served_.model->architecture().vocab_size);
  for (const std::vector<int>& prompt : prompts) {
    if (prompt.empty()) return ApiProblem{400, "expected a prompt of at least one token", "prompt"};
    if (std::any_of(prompt.begin(), prompt.end(), [&](int id) { return id < 0 || id >= vocabulary; }))
      return ApiProblem{400, fmt::format("prompt: expected token ids below {}", vocabulary), "prompt"};
    const int most = most_tokens(request, prompt.size());
    if (most > config_.max_tokens)
      return ApiProblem{400, fmt::format("max_tokens: expected at most {}", config_.max_tokens),
                        "max_tokens"};
    if (most < 0 ||
        static_cast<std::int64_t>(prompt.size()) + std::max(most, request.chat ? 1 : 0) > context_)
      return ApiProblem{
          400,
          fmt::format("expected prompt and max_tokens within the context of {} tokens, got {} + {}", context_,
                      prompt.size(), most),
          request.chat ? "messages" : "prompt"};
  }
  return std::nullopt;
}

LiveSampling ModelServer::sampling_of(const GenerationRequest& request, std::size_t prompt) const {
  LiveSampling sampling{.max_new_tokens = most_tokens(request, prompt),
                        .temperature = request.temperature,
                        .top_p = request.top_p,
                        .top_k = request.top_k,
                        .stop_tokens = request.stop_token_ids,
                        .top_logprobs = request.logprobs.value_or(0),
                        .prompt_logprobs = request.echo && request.logprobs.has_value()};
  if (!request.ignore_eos)
    sampling.stop_tokens.insert(sampling.stop_tokens.end(), served_.stop_tokens.begin(),
                                served_.stop_tokens.end());
  return sampling;
}

int ModelServer::generate(WebExchange& exchange, bool chat) {
  if (stopping_) return refuse(exchange, {503, "the server ends", ""});
  const auto read = read_generation(exchange.request().body, chat);
  if (const auto* problem = std::get_if<ApiProblem>(&read)) return refuse(exchange, *problem);
  const auto& request = std::get<GenerationRequest>(read);
  const auto prompts = prompts_of(request);
  if (const auto* problem = std::get_if<ApiProblem>(&prompts)) return refuse(exchange, *problem);
  const auto& ids = std::get<std::vector<std::vector<int>>>(prompts);
  if (const std::optional<ApiProblem> problem = check(request, ids)) return refuse(exchange, *problem);
  return respond(exchange, request, ids);
}

int ModelServer::respond(WebExchange& exchange, const GenerationRequest& request,
                         std::vector<std::vector<int>> prompts) {
  const Clock::time_point begin = Clock::now();
  const std::string weights = this->weights();  // before any token: what is sampled is never of older ones
  const auto n = static_cast<std::size_t>(request.n);
  const auto generation = std::make_shared<Generation>(n * prompts.size(), served_.tokenizer, request.stop);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    LiveRequest job{
        prompts[p], sampling_of(request, prompts[p].size()), {}, Generation::sink(generation, p * n)};
    // Sample i of a seed is that of seed + i, however many are asked for at once.
    const std::uint64_t first = request.seed ? *request.seed : next_seed_.fetch_add(n);
    for (std::size_t i = 0; i < n; ++i) {
      job.draws.push_back(request.draws
                              ? RngStream(request.draws->seed, {request.draws->key, request.draws->first + i})
                              : RngStream(first + i, {key_of("serve")}));
    }
    if (batch_.submit(std::move(job))) continue;
    generation->give_up();
    return refuse(
        exchange,
        {429, fmt::format("{} samples wait or are decoded already (serve.queue)", config_.queue), ""});
  }
  ReplyWriter writer(request, prompts, served_.name, weights, served_.tokenizer);
  std::optional<double> first_token_s;
  bool begun = false;
  const auto send = [&](Piece&& piece) {
    if (!request.stream) {
      writer.add(std::move(piece));
      return true;
    }
    if (!begun) exchange.begin("text/event-stream");
    begun = true;
    return exchange.write(writer.event(piece));
  };
  bool heard = true;
  while (heard && !generation->done()) {
    std::vector<Piece> pieces = generation->take(kPatience);
    if (seconds_since(begin) > config_.timeout_s && !generation->done()) {
      std::vector<Piece> rest = generation->give_up();
      pieces.insert(pieces.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
    }
    for (Piece& piece : pieces) {
      if (!first_token_s) first_token_s = seconds_since(begin);
      if (piece.finish == "error") {
        const ApiProblem problem{500, piece.problem, ""};
        generation->give_up();
        if (!begun) return refuse(exchange, problem);
        exchange.write(ReplyWriter::error_event(problem));
        return 500;
      }
      heard = heard && send(std::move(piece));
    }
    heard = heard && !exchange.client_is_gone();
  }
  generation->give_up();
  if (!heard) return 499;  // nginx's number for a client that has gone
  metrics_.add_times(first_token_s.value_or(0), seconds_since(begin));
  if (request.stream) {
    exchange.write(writer.last_events());
    return 200;
  }
  std::vector<std::vector<LiveToken>> told;
  for (std::size_t p = 0; p < prompts.size(); ++p) told.push_back(generation->prompt_tokens(p * n));
  exchange.reply(200, "application/json", writer.whole(told));
  return 200;
}

}  // namespace pope
