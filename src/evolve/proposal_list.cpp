// The vocabulary is an end token, an unknown word for all that is asked, the fence of a block, and the texts.
#include "evolve/proposal_list.h"

#include <algorithm>

#include "core/chars.h"
#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr int kEnd = 0, kFence = 2, kFirstText = 3;

std::shared_ptr<const Tokenizer> tokenizer_of(const std::vector<std::string>& texts) {
  std::vector<std::string> words = {"<end>", "<unk>", "```"};
  words.insert(words.end(), texts.begin(), texts.end());
  return make_word_tokenizer(words, words[kEnd]);
}

PromptConfig bare_prompts() {
  PromptConfig config;
  config.chat_template = "plain";
  config.unguided = "{problem}";
  return config;
}

}  // namespace

bool is_proposal_list(const std::filesystem::path& path) { return path.extension() == ".txt"; }

std::vector<std::string> read_proposals(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::vector<std::string> texts;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string text(trim(std::string_view(content).substr(begin, end - begin)));
    begin = end + 1;
    if (text.empty()) continue;
    if (std::find(texts.begin(), texts.end(), text) != texts.end())
      throw Error("read proposals", path.string() + ": the text '" + text + "' stands twice");
    texts.push_back(text);
  }
  if (texts.empty()) throw Error("read proposals", path.string() + ": expected a text per line, got none");
  return texts;
}

ProposalList::ProposalList(const std::vector<std::string>& texts)
    : texts_(static_cast<int>(texts.size())), prompts_(bare_prompts(), tokenizer_of(texts)) {}

ReflectionModel ProposalList::model() { return {*this, prompts_, {kEnd}, {}}; }

void ProposalList::run(const SamplingConfig&, std::uint64_t seed, std::span<const int>,
                       const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) {
  while (const std::optional<Request> request = next()) {
    if (!go_on()) return;
    stats_.prefill_tokens += std::ssize(request->prompt);
    for (int i = 0; i < request->samples; ++i) {
      Rollout rollout{.tag = request->tag, .sample = request->first_sample + i};
      RngStream random(seed, {request->rng_key, static_cast<std::uint64_t>(rollout.sample)});
      const auto text = static_cast<int>(random.below(static_cast<std::uint64_t>(texts_)));
      rollout.tokens = {kFence, kFirstText + text, kFence, kEnd};
      rollout.logprobs.assign(rollout.tokens.size(), 0.0F);
      stats_.sampled_tokens += std::ssize(rollout.tokens);
      done(std::move(rollout));
    }
  }
}

}  // namespace pope
