// Facts of the servers, from their documentation and source.
// vLLM: `n` children have seeds seed, seed + 1, …; logprobs are of the logits before temperature unless the
//   server runs with --logprobs-mode processed_logprobs; defaults of sampling come from the model's
//   generation_config.json, so each that changes the distribution is set.
// llama.cpp: `n` at most the number of slots, seeds likewise; probabilities after the sampling chain are
// those at
//   the temperature, but at temperature 0 they are all 1. `samplers` leaves the temperature alone.
// SGLang: a list for n > 1, an object otherwise.
#include "rollout/http_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/json_depth.h"

namespace pope {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<std::pair<std::string_view, ServerKind>, 4> kNames = {
    {{"vllm", ServerKind::vllm},
     {"sglang", ServerKind::sglang},
     {"llama.cpp", ServerKind::llama_cpp},
     {"openai", ServerKind::openai}}};

Json prompt_of(const CompletionCall& call) {
  return call.prompt.empty() ? Json(call.prompt_text) : Json(call.prompt);
}

// vLLM lists an adapter as one more model.
const std::string& sampled_model(const CompletionCall& call) {
  return call.adapter.empty() ? call.model : call.adapter;
}

Json openai_body(const CompletionCall& call) {
  Json body = {{"model", sampled_model(call)},
               {"prompt", prompt_of(call)},
               {"n", call.samples},
               {"max_tokens", call.max_new_tokens},
               {"temperature", call.temperature},
               {"top_p", 1},
               {"presence_penalty", 0},
               {"frequency_penalty", 0},
               {"seed", call.seed}};
  if (call.logprobs) body["logprobs"] = 1;
  if (!call.stop_texts.empty()) body["stop"] = call.stop_texts;
  return body;
}

Json vllm_body(const CompletionCall& call) {
  Json body = openai_body(call);
  body.erase("stop");
  if (call.logprobs) body["logprobs"] = 0;  // of the sampled token alone
  body.update({{"top_k", -1},
               {"min_p", 0},
               {"repetition_penalty", 1},
               {"stop_token_ids", call.stop_tokens},
               {"add_special_tokens", false},
               {"return_token_ids", true}});
  if (call.draws)
    body["draws"] = {{"seed", call.draws->seed},
                     {"key", call.draws->key},
                     {"first", static_cast<std::uint64_t>(call.draws->first)}};
  return body;
}

Json sglang_body(const CompletionCall& call) {
  Json sampling = {{"n", call.samples},
                   {"max_new_tokens", call.max_new_tokens},
                   {"temperature", call.temperature},
                   {"top_p", 1},
                   {"top_k", -1},
                   {"min_p", 0},
                   {"presence_penalty", 0},
                   {"frequency_penalty", 0},
                   {"repetition_penalty", 1},
                   {"stop_token_ids", call.stop_tokens},
                   {"sampling_seed", call.seed}};
  Json body = {{"sampling_params", std::move(sampling)}, {"return_logprob", call.logprobs}};
  body[call.prompt.empty() ? "text" : "input_ids"] = prompt_of(call);
  if (!call.adapter.empty()) body["lora_path"] = call.adapter;
  return body;
}

Json llama_cpp_body(const CompletionCall& call) {
  return {{"model", call.model},
          {"prompt", prompt_of(call)},
          {"n", call.samples},
          {"n_predict", call.max_new_tokens},
          {"temperature", call.temperature},
          {"samplers", {"temperature"}},
          {"dynatemp_range", 0},
          {"mirostat", 0},
          {"seed", call.seed},
          {"n_probs", call.logprobs ? 1 : 0},
          {"post_sampling_probs", call.temperature > 0},
          {"return_tokens", true},
          {"response_fields", {"index", "content", "tokens", "stop_type", "completion_probabilities"}}};
}

float logprob_of(const Json& value) {
  if (!value.is_number()) return kUnknown;
  const float logprob = value.get<float>();
  return std::isfinite(logprob) && logprob <= 1e-3F ? std::min(logprob, 0.F) : kUnknown;
}

// Fields that may be missing or of another type.
const Json* find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}
std::string text_of(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}
std::optional<int> id_of(const Json* value) {
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  const auto id = value->get<std::int64_t>();
  return id >= 0 && id <= std::numeric_limits<int>::max() ? std::optional(static_cast<int>(id))
                                                          : std::nullopt;
}
std::optional<std::vector<int>> ids_of(const Json* values) {
  if (values == nullptr || !values->is_array()) return std::nullopt;
  std::vector<int> ids;
  for (const Json& value : *values) {
    const std::optional<int> id = id_of(&value);
    if (!id) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

// OpenAI's form {"tokens": […], "token_logprobs": […]}.
void read_logprobs(const Json& choice, Completion& completion) {
  const Json* logprobs = find(choice, "logprobs");
  const Json* values = logprobs != nullptr ? find(*logprobs, "token_logprobs") : nullptr;
  if (values == nullptr || !values->is_array()) return;
  for (const Json& value : *values) completion.logprobs.push_back(logprob_of(value));
}

Completion read_choice(const Json& choice) {
  Completion completion;
  completion.text = text_of(choice, "text");
  completion.finish = text_of(choice, "finish_reason");
  completion.tokens = ids_of(find(choice, "token_ids"));
  completion.stop_token = id_of(find(choice, "stop_reason"));
  read_logprobs(choice, completion);
  return completion;
}

Completion read_sglang(const Json& one) {
  Completion completion;
  completion.text = text_of(one, "text");
  completion.tokens = ids_of(find(one, "output_ids"));
  const Json* meta = find(one, "meta_info");
  if (meta == nullptr) return completion;
  if (const Json* finish = find(*meta, "finish_reason")) {
    completion.finish = text_of(*finish, "type");
    completion.stop_token = id_of(find(*finish, "matched"));
  }
  const Json* logprobs = find(*meta, "output_token_logprobs");
  if (logprobs == nullptr || !logprobs->is_array()) return completion;
  std::vector<int> ids;
  for (const Json& entry : *logprobs) {  // [logprob, id, text]
    const bool good = entry.is_array() && entry.size() >= 2;
    completion.logprobs.push_back(good ? logprob_of(entry[0]) : kUnknown);
    if (const std::optional<int> id = good ? id_of(&entry[1]) : std::nullopt) ids.push_back(*id);
  }
  if (!completion.tokens && ids.size() == logprobs->size()) completion.tokens = std::move(ids);
  return completion;
}

// A token that ends within a character has no entry of probabilities; ids say which entry is whose.
Completion read_llama_cpp(const Json& one) {
  Completion completion;
  completion.text = text_of(one, "content");
  completion.tokens = ids_of(find(one, "tokens"));
  const std::string stop = text_of(one, "stop_type");
  completion.finish = stop == "eos" || stop == "word" ? "stop" : stop == "limit" ? "length" : stop;
  const Json* entries = find(one, "completion_probabilities");
  if (!completion.tokens || entries == nullptr || !entries->is_array()) return completion;
  auto entry = entries->begin();
  for (const int token : *completion.tokens) {
    completion.logprobs.push_back(kUnknown);
    if (entry == entries->end() || id_of(find(*entry, "id")) != token) continue;
    const Json* prob = find(*entry, "prob");
    const Json* logprob = find(*entry, "logprob");
    if (prob != nullptr && prob->is_number() && prob->get<double>() > 0)
      completion.logprobs.back() = logprob_of(std::log(prob->get<double>()));
    if (logprob != nullptr) completion.logprobs.back() = logprob_of(*logprob);
    ++entry;
  }
  return completion;
}

// The samples' objects, each at the place that its "index" says, else in the order in which they stand. Null:
// an index is there twice or is none.
std::vector<const Json*> in_order(const std::vector<const Json*>& given) {
  std::vector<const Json*> ordered(given.size(), nullptr);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::size_t place =
        static_cast<std::size_t>(id_of(find(*given[i], "index")).value_or(static_cast<int>(i)));
    if (place < ordered.size() && ordered[place] == nullptr) ordered[place] = given[i];
  }
  return ordered;
}

std::vector<const Json*> elements(const Json& value) {
  if (!value.is_array()) return {&value};
  std::vector<const Json*> all;
  for (const Json& one : value) all.push_back(&one);
  return all;
}

}  // namespace

ServerKind server_kind(std::string_view name) {
  for (const auto& [known, kind] : kNames)
    if (known == name) return kind;
  throw Error("http engine", fmt::format("unknown kind of server '{}'", name));
}

std::string name_of(ServerKind kind) {
  return std::string(
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& one) { return one.second == kind; })->first);
}

ServerKind kind_of_owner(std::string_view owned_by) {
  if (owned_by == "vllm" || owned_by == "pope") return ServerKind::vllm;  // pope serve speaks vLLM's fields
  if (owned_by == "sglang") return ServerKind::sglang;
  return owned_by == "llamacpp" ? ServerKind::llama_cpp : ServerKind::openai;
}

std::string completion_path(ServerKind kind) {
  if (kind == ServerKind::sglang) return "/generate";
  return kind == ServerKind::llama_cpp ? "/completion" : "/v1/completions";
}

std::string completion_body(ServerKind kind, const CompletionCall& call) {
  switch (kind) {
    case ServerKind::vllm:
      return dump(vllm_body(call));
    case ServerKind::sglang:
      return dump(sglang_body(call));
    case ServerKind::llama_cpp:
      return dump(llama_cpp_body(call));
    default:
      return dump(openai_body(call));
  }
}

CompletionReply read_completions(ServerKind kind, const CompletionCall& call, std::string_view body) {
  const std::optional<Json> json = parse_foreign(body);
  if (!json) return {.problem = "a reply that is no JSON"};
  const bool own = kind == ServerKind::sglang || kind == ServerKind::llama_cpp;
  const Json* choices = own ? &*json : find(*json, "choices");
  if (choices == nullptr || !(own || choices->is_array()))
    return {.problem = "a reply without \"choices\": " + error_message(body)};
  if (kind == ServerKind::vllm && text_of(*json, "model") != sampled_model(call))
    return {.problem =
                fmt::format("a reply of model '{}', not '{}'", text_of(*json, "model"), sampled_model(call))};
  CompletionReply reply;
  reply.weights = text_of(*json, "weight_version");
  for (const Json* one : in_order(elements(*choices))) {
    if (one == nullptr || !one->is_object())
      return {.problem = "samples of which one is none, or there twice"};
    if (const Json* meta = find(*one, "meta_info")) reply.weights = text_of(*meta, "weight_version");
    reply.completions.push_back(kind == ServerKind::sglang      ? read_sglang(*one)
                                : kind == ServerKind::llama_cpp ? read_llama_cpp(*one)
                                                                : read_choice(*one));
    if (reply.completions.back().finish.empty())
      return {.problem = "a sample that does not say how it ended: " + error_message(body)};
  }
  if (reply.completions.empty()) return {.problem = "a reply without samples"};
  if (std::cmp_greater(reply.completions.size(), call.samples))
    return {.problem =
                fmt::format("{} samples where {} were asked for", reply.completions.size(), call.samples)};
  return reply;
}

std::string error_message(std::string_view body) {
  constexpr std::size_t kMost = 300;
  std::string text(body.substr(0, 4 * kMost));
  if (const std::optional<Json> json = parse_foreign(body)) {
    const Json* error = find(*json, "error");
    for (const auto& [object, key] : {std::pair(error, "message"), {&*json, "message"}, {&*json, "detail"}}) {
      if (object != nullptr && !text_of(*object, key).empty()) {
        text = text_of(*object, key);
        break;
      }
    }
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return shortened(trim(text), kMost);
}

std::optional<Json> parse_foreign(std::string_view body) {
  if (nested_too_deep(body)) return std::nullopt;
  Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? std::nullopt : std::optional(std::move(json));
}

}  // namespace pope
