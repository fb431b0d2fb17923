// See openai_request.h.
#include "serve/openai_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rollout/http_protocol.h"

namespace pope {
namespace {

constexpr std::size_t kMostPrompts = 128, kMostStops = 16, kMostMessages = 1000;
constexpr std::size_t kMostStopBytes = 1024, kMostStopIds = 128;
constexpr int kMostSamples = 128, kMostAlternatives = 20;

// Reads fields by name; keeps the first problem, after which nothing else matters.
class Fields {
 public:
  explicit Fields(const Json& body) : body_(body) {}

  const Json* find(const char* key) const {
    const auto found = body_.find(key);
    return found == body_.end() || found->is_null() ? nullptr : &*found;
  }

  void refuse(const std::string& key, const std::string& expected) {
    if (!problem_) problem_ = ApiProblem{400, fmt::format("{}: expected {}", key, expected), key};
  }

  void number(const char* key, double& target, double low, double high) {
    const Json* value = find(key);
    if (value == nullptr) return;
    const double given = value->is_number() ? value->get<double>() : std::nan("");
    if (!(given >= low && given <= high)) return refuse(key, fmt::format("a number in {} … {}", low, high));
    target = given;
  }

  std::optional<std::int64_t> integer(const char* key, std::int64_t low, std::int64_t high) {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    const bool fits = value->is_number_integer() && !(value->is_number_unsigned() &&
                                                      value->get<std::uint64_t>() > (std::uint64_t{1} << 62));
    const std::int64_t given = fits ? value->get<std::int64_t>() : 0;
    if (fits && given >= low && given <= high) return given;
    refuse(key, fmt::format("an integer in {} … {}", low, high));
    return std::nullopt;
  }

  void flag(const char* key, bool& target) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return refuse(key, "true or false");
    target = *value;
  }

  std::string text(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return "";
    if (value->is_string()) return *value;
    refuse(key, "a string");
    return "";
  }

  // Of what would change the distribution: only the value that does not.
  void only(const char* key, double neutral) {
    const Json* value = find(key);
    if (value != nullptr && !(value->is_number() && value->get<double>() == neutral))
      refuse(key, fmt::format("{}: other values are not supported", neutral));
  }

  const std::optional<ApiProblem>& problem() const { return problem_; }

 private:
  const Json& body_;
  std::optional<ApiProblem> problem_;
};

bool are_ids(const Json& list) {
  for (const Json& one : list) {
    if (!one.is_number_integer() || one < 0 || one > (1 << 30)) return false;
  }
  return list.is_array() && !list.empty();
}

void read_prompts(Fields& fields, GenerationRequest& request) {
  const Json* prompt = fields.find("prompt");
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      request.prompts.emplace_back(one.get<std::string>());
    } else if (are_ids(one)) {
      request.prompts.emplace_back(one.get<std::vector<int>>());
    } else {
      fields.refuse("prompt", "a text, a list of token ids, or a list of such");
    }
  };
  if (prompt == nullptr) return fields.refuse("prompt", "a text or token ids");
  if (prompt->is_array() && !are_ids(*prompt)) {
    if (prompt->empty() || prompt->size() > kMostPrompts)
      return fields.refuse("prompt", fmt::format("1 … {} prompts", kMostPrompts));
    for (const Json& one : *prompt) add(one);
  } else {
    add(*prompt);
  }
}

// Text, or a list of parts of which each is text.
std::optional<std::string> content_of(const Json& message) {
  const Json content = message.value("content", Json());
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return std::nullopt;
  std::string text;
  for (const Json& part : content) {
    const bool good =
        part.is_object() && part.value("type", Json()) == "text" && part.value("text", Json()).is_string();
    if (!good) return std::nullopt;
    text += part["text"].get<std::string>();
  }
  return text;
}

void read_messages(Fields& fields, GenerationRequest& request) {
  const Json* messages = fields.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty() || messages->size() > kMostMessages)
    return fields.refuse("messages", fmt::format("1 … {} messages", kMostMessages));
  for (const Json& message : *messages) {
    if (!message.is_object()) return fields.refuse("messages", "objects with role and content");
    const Json role = message.value("role", Json());
    const std::optional<std::string> content = content_of(message);
    if (!role.is_string() || !content)
      return fields.refuse("messages", "messages with a role and a content that is text");
    request.messages.push_back({role == "developer" ? "system" : role.get<std::string>(), *content});
  }
}

void read_stops(Fields& fields, GenerationRequest& request) {
  if (const Json* stop = fields.find("stop")) {
    const Json list = stop->is_array() ? *stop : Json::array({*stop});
    if (list.size() > kMostStops) return fields.refuse("stop", fmt::format("at most {} texts", kMostStops));
    for (const Json& one : list) {
      if (!one.is_string() || one == "" || one.get_ref<const std::string&>().size() > kMostStopBytes)
        return fields.refuse("stop", fmt::format("texts of 1 to {} bytes", kMostStopBytes));
      request.stop.push_back(one);
    }
  }
  if (const Json* ids = fields.find("stop_token_ids")) {
    if (!ids->is_array() || ids->size() > kMostStopIds || (!ids->empty() && !are_ids(*ids)))
      return fields.refuse("stop_token_ids", fmt::format("a list of at most {} token ids", kMostStopIds));
    request.stop_token_ids = ids->get<std::vector<int>>();
  }
}

void read_logprobs(Fields& fields, GenerationRequest& request) {
  if (!request.chat) {
    if (const auto n = fields.integer("logprobs", 0, kMostAlternatives))
      request.logprobs = static_cast<int>(*n);
    return;
  }
  bool wanted = false;
  fields.flag("logprobs", wanted);
  const auto top = fields.integer("top_logprobs", 0, kMostAlternatives);
  if (wanted) request.logprobs = static_cast<int>(top.value_or(0));
}

void read_limits(Fields& fields, GenerationRequest& request) {
  if (const auto n = fields.integer("n", 1, kMostSamples)) request.n = static_cast<int>(*n);
  const char* const names[] = {"max_completion_tokens", "max_tokens"};
  for (const char* name : names) {
    const auto most = fields.integer(name, request.chat ? 1 : 0, 1 << 30);
    if (most && !request.max_tokens) request.max_tokens = static_cast<int>(*most);
  }
  if (const auto seed = fields.integer("seed", std::int64_t{-1} << 62, std::int64_t{1} << 62))
    request.seed = static_cast<std::uint64_t>(*seed);
}

void read_draws(Fields& fields, GenerationRequest& request) {
  const Json* draws = fields.find("draws");
  if (draws == nullptr) return;
  const auto value = [&](const char* key) {
    const Json number = draws->is_object() ? draws->value(key, Json()) : Json();
    if (!number.is_number_unsigned())
      fields.refuse("draws", "{\"seed\", \"key\", \"first\"}, numbers of 64 bits");
    return number.is_number_unsigned() ? number.get<std::uint64_t>() : 0;
  };
  request.draws = GenerationRequest::Draws{value("seed"), value("key"), value("first")};
  if (request.prompts.size() != 1) fields.refuse("draws", "one prompt with them");
}

void read_sampling(Fields& fields, GenerationRequest& request) {
  fields.number("temperature", request.temperature, 0, 100);
  fields.number("top_p", request.top_p, 1e-6, 1);
  if (const auto k = fields.integer("top_k", -1, 1 << 30)) request.top_k = std::max(0, static_cast<int>(*k));
  for (const char* key : {"presence_penalty", "frequency_penalty", "min_p"}) fields.only(key, 0);
  fields.only("repetition_penalty", 1);
  if (const Json* best = fields.find("best_of"); best != nullptr && *best != request.n)
    fields.refuse("best_of", "the value of n: samples are not sorted out");
  if (const Json* bias = fields.find("logit_bias"); bias != nullptr && !bias->empty())
    fields.refuse("logit_bias", "none: it is not supported");
  if (const Json* form = fields.find("response_format");
      form != nullptr && !(form->is_object() && form->value("type", Json()) == "text"))
    fields.refuse("response_format", "{\"type\": \"text\"}: others are not supported");
  if (const Json* tools = fields.find("tools"); tools != nullptr && !tools->empty())
    fields.refuse("tools", "none: they are not supported");
}

}  // namespace

Json to_json(const ApiProblem& problem) {
  const char* type = problem.status == 401   ? "authentication_error"
                     : problem.status == 429 ? "rate_limit_error"
                     : problem.status >= 500 ? "server_error"
                                             : "invalid_request_error";
  return {{"error",
           {{"message", problem.message},
            {"type", type},
            {"param", problem.param.empty() ? Json() : Json(problem.param)},
            {"code", problem.status}}}};
}

std::variant<GenerationRequest, ApiProblem> read_generation(std::string_view body, bool chat) {
  const std::optional<Json> json = parse_foreign(body);
  if (!json || !json->is_object()) return ApiProblem{400, "expected a JSON object as body", ""};
  Fields fields(*json);
  GenerationRequest request{.chat = chat};
  request.model = fields.text("model");
  chat ? read_messages(fields, request) : read_prompts(fields, request);
  read_limits(fields, request);
  read_draws(fields, request);
  read_sampling(fields, request);
  read_stops(fields, request);
  read_logprobs(fields, request);
  fields.flag("stream", request.stream);
  fields.flag("ignore_eos", request.ignore_eos);
  fields.flag("return_token_ids", request.return_token_ids);
  fields.flag("add_special_tokens", request.add_special_tokens);
  if (!chat) fields.flag("echo", request.echo);
  if (request.echo && request.stream) fields.refuse("echo", "false with stream");
  if (const Json* options = fields.find("stream_options"); options != nullptr && options->is_object())
    request.include_usage = options->value("include_usage", Json(false)) == true;
  if (const Json* more = fields.find("chat_template_kwargs"); more != nullptr && more->is_object()) {
    const Json thinking = more->value("enable_thinking", Json());
    if (thinking.is_boolean()) request.enable_thinking = thinking.get<bool>();
  }
  if (fields.problem()) return *fields.problem();
  return request;
}

}  // namespace pope
