// Replies of the OpenAI API, whole and in pieces, with vLLM's fields for token ids.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/files.h"
#include "serve/generation.h"
#include "serve/openai_request.h"

namespace pope {

class ReplyWriter {
 public:
  // `prompts`: the ids of each prompt; sample s is of prompt s / request.n.
  // `weights`: their label, which the reply tells; "": none.
  ReplyWriter(const GenerationRequest& request, std::vector<std::vector<int>> prompts, std::string model,
              std::string weights, std::shared_ptr<const Tokenizer> tokenizer);

  // The event of a piece, and, where they were asked for, of the usage at the end; "data: …\n\n".
  std::string event(const Piece& piece);
  std::string last_events() const;
  static std::string error_event(const ApiProblem& problem);

  // Keeps a piece for the whole reply.
  void add(Piece&& piece);
  // `told`: per prompt its tokens from the second on, for echo.
  std::string whole(const std::vector<std::vector<LiveToken>>& told) const;

  std::int64_t sampled_tokens() const { return sampled_; }

 private:
  Json head(const char* object) const;
  Json usage() const;
  Json logprobs(const std::vector<LiveToken>& tokens, std::size_t offset) const;
  Json choice(const Piece& all) const;
  void add_echo(Json& choice, const Piece& all, const std::vector<LiveToken>& told) const;
  std::string spelled(int token) const;
  const std::vector<int>& prompt_of(std::size_t sample) const;

  const GenerationRequest& request_;
  const std::vector<std::vector<int>> prompts_;
  const std::string model_, weights_, id_;
  const std::int64_t created_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<Piece> samples_;
  std::vector<std::size_t> shown_;  // bytes of each sample's text
  std::vector<bool> begun_;         // whether the first event of a sample was given
  std::int64_t sampled_ = 0;
};

}  // namespace pope
