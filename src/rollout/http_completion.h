// From a server's sample to a rollout. What servers get wrong is found here: ids of another tokenizer, ways
// to end that are not known, samples that come twice.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "rollout/engine.h"
#include "rollout/http_protocol.h"
#include "text/tokenizer.h"

namespace pope {

// The rollout, but for tag and sample; nothing where the server gave up on it ("abort"). It ends with the
// first of call.stop_tokens; logprobs that are not known are NaN. Error, naming `url`: what no working server
// of this model says.
std::optional<Rollout> rollout_of(const Completion& completion, const CompletionCall& call,
                                  const Tokenizer& tokenizer, const std::string& url);

// Whether `completion.text` is what its ids spell, but for white space around it and characters that are not
// whole. Nothing where there is too little to compare.
std::optional<bool> text_fits(const Completion& completion, const Tokenizer& tokenizer);

// The samples of one prompt so far. Two that are the same are chance where the model is sure of them, and a
// mistake where they are as good as impossible: then the server gives one sample several times.
class Repeats {
 public:
  // Whether this one, sampled at a temperature above 0, came before and cannot have by chance.
  bool add(const Completion& completion);

 private:
  std::unordered_set<std::string> seen_;
};

}  // namespace pope
