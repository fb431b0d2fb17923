// See truncation_watch.h.
#include "explore/truncation_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "explore/sampling.h"

namespace pope {
namespace {

std::string spelling(const Tokenizer& tokenizer, int token) {
  return fmt::format("'{}' ({})", tokenizer.decode(std::vector<int>{token}, /*skip_special=*/false), token);
}

bool is_special(const Tokenizer& tokenizer, int token) {
  return tokenizer.is_added(token) &&
         tokenizer.decode(std::vector<int>{token}, /*skip_special=*/true).empty();
}

// The first special token of a rollout, which went on behind it.
std::optional<int> passed_token(const Rollout& rollout, const Tokenizer& tokenizer) {
  const auto found = std::find_if(rollout.tokens.begin(), rollout.tokens.end(),
                                  [&](int token) { return is_special(tokenizer, token); });
  return found == rollout.tokens.end() ? std::nullopt : std::optional(*found);
}

std::string stops_listed(const Tokenizer& tokenizer, const std::vector<int>& stop_tokens) {
  std::string text;
  for (const int token : stop_tokens) text += (text.empty() ? "" : ", ") + spelling(tokenizer, token);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string TruncationWatch::add(const Rollout& rollout, const RolloutContext& context) {
  constexpr int kFirst = 32;
  const Tokenizer& tokenizer = context.prompts.tokenizer();
  const std::lock_guard lock(mutex_);
  if (said_) return "";
  ++rollouts_;
  if (rollout.finish == FinishReason::length) {
    ++truncated_;
    if (const std::optional<int> token = passed_token(rollout, tokenizer)) ++passed_[*token];
  }
  if (rollouts_ < kFirst || 2 * truncated_ <= rollouts_) return "";
  said_ = true;
  std::string text = fmt::format(
      "warning: {} of the first {} rollouts were cut off at sampling.max_new_tokens={}, and so fail: ",
      truncated_, rollouts_, context.sampling.max_new_tokens);
  const auto most = std::max_element(passed_.begin(), passed_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == passed_.end() || 2 * most->second <= truncated_) return text + "raise it";
  return text + fmt::format(
                    "{} of them went on behind {}, which ends no rollout here (what does: {}). If the model "
                    "ends its turns with it, add it to \"eos_token_id\" in its generation_config.json; else "
                    "raise the limit",
                    most->second, spelling(tokenizer, most->first),
                    stops_listed(tokenizer, context.stop_tokens));
}

}  // namespace pope
