// See openai_reply.h.
#include "serve/openai_reply.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <iterator>
#include <random>

#include "core/rng.h"

namespace pope {
namespace {

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string fresh_id(bool chat) {
  static const std::uint64_t start = (std::uint64_t{std::random_device()()} << 32) | std::random_device()();
  static std::atomic<std::uint64_t> count = 0;
  return fmt::format("{}-{:016x}", chat ? "chatcmpl" : "cmpl", RngStream(start, {++count}).next());
}

std::string event_of(const Json& json) { return "data: " + dump(json) + "\n\n"; }

Json ids_of(const std::vector<LiveToken>& tokens) {
  Json ids = Json::array();
  for (const LiveToken& one : tokens) ids.push_back(one.token);
  return ids;
}

Json bytes_of(const std::string& text) {
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json stop_reason(const Piece& piece) {
  if (piece.stop_text) return *piece.stop_text;
  return piece.stop_token ? Json(*piece.stop_token) : Json();
}

}  // namespace

ReplyWriter::ReplyWriter(const GenerationRequest& request, std::vector<std::vector<int>> prompts,
                         std::string model, std::string weights, std::shared_ptr<const Tokenizer> tokenizer)
    : request_(request),
      prompts_(std::move(prompts)),
      model_(std::move(model)),
      weights_(std::move(weights)),
      id_(fresh_id(request.chat)),
      created_(seconds_now()),
      tokenizer_(std::move(tokenizer)),
      samples_(prompts_.size() * static_cast<std::size_t>(request.n)),
      shown_(samples_.size()),
      begun_(samples_.size()) {}

std::string ReplyWriter::spelled(int token) const {
  return tokenizer_->decode(std::vector<int>{token}, /*skip_special=*/false);
}

const std::vector<int>& ReplyWriter::prompt_of(std::size_t sample) const {
  return prompts_[sample / static_cast<std::size_t>(request_.n)];
}

Json ReplyWriter::head(const char* object) const {
  Json head = {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}};
  if (!weights_.empty()) head["weight_version"] = weights_;
  return head;
}

Json ReplyWriter::usage() const {
  std::int64_t prompt = 0;
  for (const auto& ids : prompts_) prompt += std::ssize(ids);
  return {{"prompt_tokens", prompt}, {"completion_tokens", sampled_}, {"total_tokens", prompt + sampled_}};
}

// `offset`: of the first token in the text.
Json ReplyWriter::logprobs(const std::vector<LiveToken>& tokens, std::size_t offset) const {
  if (!request_.logprobs) return nullptr;
  if (request_.chat) {
    Json content = Json::array();
    const auto entry = [&](int token, float logprob) {
      const std::string text = spelled(token);
      return Json{{"token", text}, {"logprob", logprob}, {"bytes", bytes_of(text)}};
    };
    for (const LiveToken& one : tokens) {
      Json row = entry(one.token, one.logprob);
      row["top_logprobs"] = Json::array();
      for (const auto& [token, logprob] : one.top) row["top_logprobs"].push_back(entry(token, logprob));
      content.push_back(std::move(row));
    }
    return {{"content", std::move(content)}};
  }
  Json texts = Json::array(), values = Json::array(), tops = Json::array(), offsets = Json::array();
  for (const LiveToken& one : tokens) {
    const std::string text = spelled(one.token);
    texts.push_back(text);
    values.push_back(one.logprob);
    offsets.push_back(offset);
    offset += text.size();
    Json top = Json::object();
    for (const auto& [token, logprob] : one.top) top[spelled(token)] = logprob;
    top[text] = one.logprob;
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

std::string ReplyWriter::event(const Piece& piece) {
  Json choice = {{"index", piece.sample}};
  if (request_.chat) {
    Json delta = Json::object();
    if (!begun_[piece.sample]) delta["role"] = "assistant";
    begun_[piece.sample] = true;
    delta["content"] = piece.text;
    choice["delta"] = std::move(delta);
  } else {
    choice["text"] = piece.text;
  }
  choice["logprobs"] = logprobs(piece.tokens, shown_[piece.sample]);
  choice["finish_reason"] = piece.finish.empty() ? Json() : Json(piece.finish);
  if (!piece.finish.empty()) choice["stop_reason"] = stop_reason(piece);
  if (request_.return_token_ids) choice["token_ids"] = ids_of(piece.tokens);
  shown_[piece.sample] += piece.text.size();
  sampled_ += std::ssize(piece.tokens);
  Json json = head(request_.chat ? "chat.completion.chunk" : "text_completion");
  json["choices"] = Json::array({std::move(choice)});
  return event_of(json);
}

std::string ReplyWriter::last_events() const {
  std::string events;
  if (request_.include_usage) {
    Json json = head(request_.chat ? "chat.completion.chunk" : "text_completion");
    json["choices"] = Json::array();
    json["usage"] = usage();
    events = event_of(json);
  }
  return events + "data: [DONE]\n\n";
}

std::string ReplyWriter::error_event(const ApiProblem& problem) { return event_of(to_json(problem)); }

void ReplyWriter::add(Piece&& piece) {
  Piece& all = samples_[piece.sample];
  sampled_ += std::ssize(piece.tokens);
  all.sample = piece.sample;
  all.text += piece.text;
  all.tokens.insert(all.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                    std::make_move_iterator(piece.tokens.end()));
  all.finish = piece.finish;
  all.stop_token = piece.stop_token;
  all.stop_text = piece.stop_text;
}

Json ReplyWriter::choice(const Piece& all) const {
  Json choice = {{"index", all.sample}};
  if (request_.chat) {
    choice["message"] = {{"role", "assistant"}, {"content", all.text}};
  } else {
    choice["text"] = all.text;
  }
  choice["logprobs"] = logprobs(all.tokens, 0);
  choice["finish_reason"] = all.finish;
  choice["stop_reason"] = stop_reason(all);
  if (request_.return_token_ids) {
    choice["token_ids"] = ids_of(all.tokens);
    choice["prompt_token_ids"] = prompt_of(all.sample);
  }
  return choice;
}

// The prompt in front of the text, and its logprobs, of which the first token has none.
void ReplyWriter::add_echo(Json& choice, const Piece& all, const std::vector<LiveToken>& told) const {
  const std::string prompt = tokenizer_->decode(prompt_of(all.sample), /*skip_special=*/false);
  choice["text"] = prompt + all.text;
  if (!request_.logprobs) return;
  std::vector<LiveToken> tokens = {{.token = prompt_of(all.sample).front()}};
  tokens.insert(tokens.end(), told.begin(), told.end());
  tokens.insert(tokens.end(), all.tokens.begin(), all.tokens.end());
  Json logprobs = this->logprobs(tokens, 0);
  logprobs["token_logprobs"][0] = nullptr;
  logprobs["top_logprobs"][0] = nullptr;
  choice["logprobs"] = std::move(logprobs);
}

std::string ReplyWriter::whole(const std::vector<std::vector<LiveToken>>& told) const {
  Json json = head(request_.chat ? "chat.completion" : "text_completion");
  json["choices"] = Json::array();
  for (const Piece& all : samples_) {
    Json one = choice(all);
    if (request_.echo) add_echo(one, all, told[all.sample / static_cast<std::size_t>(request_.n)]);
    json["choices"].push_back(std::move(one));
  }
  json["usage"] = usage();
  return dump(json);
}

}  // namespace pope
