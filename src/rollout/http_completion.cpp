// See http_completion.h.
#include "rollout/http_completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/chars.h"
#include "core/error.h"
#include "core/utf8.h"

namespace pope {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

void check_ids(const std::vector<int>& ids, const Tokenizer& tokenizer, const std::string& url) {
  for (const int id : ids) {
    if (id < tokenizer.size()) continue;
    throw Error("http engine",
                fmt::format("{}: expected token ids below {}, got {}", url, tokenizer.size(), id),
                "the server's model and the tokenizer of --model do not belong together");
  }
}

// Cuts behind the first stop token; whether there is one.
bool cut_at_stop(Rollout& rollout, const std::vector<int>& stop_tokens) {
  const auto stop = std::find_first_of(rollout.tokens.begin(), rollout.tokens.end(), stop_tokens.begin(),
                                       stop_tokens.end());
  if (stop == rollout.tokens.end()) return false;
  rollout.tokens.erase(stop + 1, rollout.tokens.end());
  rollout.logprobs.resize(rollout.tokens.size());
  return true;
}

// The text without white space at its ends and without what may be half a character.
std::string comparable(std::string text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string storage;
  text = valid_utf8(text, storage);
  for (std::size_t at; (at = text.find(kReplacement)) != std::string::npos;)
    text.erase(at, kReplacement.size());
  return std::string(trim(text));
}

}  // namespace

std::optional<Rollout> rollout_of(const Completion& completion, const CompletionCall& call,
                                  const Tokenizer& tokenizer, const std::string& url) {
  const std::string& finish = completion.finish;
  if (finish == "abort") return std::nullopt;
  if (finish != "stop" && finish != "length") {
    throw Error("http engine",
                fmt::format("{}: expected a sample that ended by stop or length, got '{}'", url, finish),
                "engine.server says what the server is, if it does not say so itself");
  }
  Rollout rollout;
  rollout.tokens = completion.tokens ? *completion.tokens : tokenizer.encode(completion.text);
  check_ids(rollout.tokens, tokenizer, url);
  const bool aligned = completion.tokens && completion.logprobs.size() == rollout.tokens.size();
  rollout.logprobs = aligned ? completion.logprobs : std::vector(rollout.tokens.size(), kUnknown);
  rollout.finish = FinishReason::stop;
  if (cut_at_stop(rollout, call.stop_tokens)) return rollout;
  const auto most = static_cast<std::size_t>(call.max_new_tokens);
  if (finish == "stop") {  // the token that ended it is not shown
    rollout.tokens.push_back(completion.stop_token.value_or(call.stop_tokens.front()));
    rollout.logprobs.push_back(kUnknown);
    check_ids(rollout.tokens, tokenizer, url);
    if (!completion.tokens || rollout.tokens.size() <= most + 1) return rollout;
  }
  if (rollout.tokens.empty())
    throw Error("http engine", url + ": expected a sample that was cut off to have tokens, got none");
  rollout.finish = FinishReason::length;
  if (rollout.tokens.size() > most) {
    rollout.tokens.resize(most);
    rollout.logprobs.resize(most);
  }
  return rollout;
}

std::optional<bool> text_fits(const Completion& completion, const Tokenizer& tokenizer) {
  if (!completion.tokens) return std::nullopt;
  const std::string given = comparable(completion.text);
  if (given.empty()) return std::nullopt;
  return given == comparable(tokenizer.decode(*completion.tokens)) ||
         given == comparable(tokenizer.decode(*completion.tokens, false));
}

bool Repeats::add(const Completion& completion) {
  constexpr double kImpossible = -30;  // nats: once in 10^13
  const double logprob =
      std::accumulate(completion.logprobs.begin(), completion.logprobs.end(), 0.0,
                      [](double sum, float one) { return std::isnan(one) ? sum : sum + one; });
  if (logprob > kImpossible) return false;
  std::string content = completion.text;
  for (const int id : completion.tokens.value_or(std::vector<int>())) content += fmt::format(" {}", id);
  return !seen_.insert(std::move(content)).second;
}

}  // namespace pope
