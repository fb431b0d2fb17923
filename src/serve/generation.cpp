// See generation.h.
#include "serve/generation.h"

#include <map>

namespace pope {

class Generation::Sink : public LiveSink {
 public:
  Sink(std::shared_ptr<Generation> generation, std::size_t first)
      : generation_(std::move(generation)), first_(first) {}

  void prompt(std::vector<LiveToken>&& tokens) override {
    const std::lock_guard lock(generation_->mutex_);
    generation_->prompts_.emplace_back(first_, std::move(tokens));
  }
  bool wanted() const override { return !generation_->given_up_; }
  bool token(int sample, const LiveToken& token) override {
    return add({first_ + static_cast<std::size_t>(sample), token, std::nullopt, ""});
  }
  void end(int sample, LiveEnd end, const std::string& problem) override {
    add({first_ + static_cast<std::size_t>(sample), {}, end, problem});
  }

 private:
  bool add(Arrival&& arrival) {
    const bool wanted = !generation_->samples_[arrival.sample].unwanted;
    {
      const std::lock_guard lock(generation_->mutex_);
      generation_->arrived_.push_back(std::move(arrival));
    }
    generation_->news_.notify_one();
    return wanted;
  }
  const std::shared_ptr<Generation> generation_;
  const std::size_t first_;
};

Generation::Generation(std::size_t samples, std::shared_ptr<const Tokenizer> tokenizer,
                       const std::vector<std::string>& stops)
    : samples_(samples), left_(samples) {
  const auto shared = std::make_shared<const std::vector<std::string>>(stops);
  for (Sample& one : samples_) one.text = std::make_unique<TextStream>(tokenizer, shared);
}

std::shared_ptr<LiveSink> Generation::sink(const std::shared_ptr<Generation>& generation, std::size_t first) {
  return std::make_shared<Sink>(generation, first);
}

std::vector<Piece> Generation::take(std::chrono::milliseconds patience) {
  std::deque<Arrival> arrived;
  {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, patience, [this] { return !arrived_.empty(); });
    std::swap(arrived, arrived_);
  }
  std::map<std::size_t, Piece> pieces;
  for (Arrival& arrival : arrived) {
    Sample& sample = samples_[arrival.sample];
    if (sample.ended) continue;  // what was drawn before it was known to be unwanted
    Piece& piece = pieces[arrival.sample];
    piece.sample = arrival.sample;
    if (!arrival.end) {
      if (sample.newest) add_token(piece, *sample.newest);
      if (!sample.ended) sample.newest = std::move(arrival.token);
      continue;
    }
    piece.problem = arrival.problem;
    if (*arrival.end == LiveEnd::stop && sample.newest) {  // its token is no part of the text
      piece.stop_token = sample.newest->token;
      piece.tokens.push_back(std::move(*sample.newest));
    } else if (sample.newest) {
      add_token(piece, *sample.newest);
    }
    if (!sample.ended)
      end(piece, *arrival.end == LiveEnd::stop     ? "stop"
                 : *arrival.end == LiveEnd::length ? "length"
                                                   : "error");
  }
  std::vector<Piece> result;
  for (auto& [sample, piece] : pieces) result.push_back(std::move(piece));
  return result;
}

void Generation::add_token(Piece& piece, const LiveToken& token) {
  Sample& sample = samples_[piece.sample];
  piece.text += sample.text->add(token.token);
  piece.tokens.push_back(token);
  if (!sample.text->stopped()) return;
  sample.unwanted = true;
  end(piece, "stop");
}

void Generation::end(Piece& piece, const std::string& finish) {
  Sample& sample = samples_[piece.sample];
  piece.text += sample.text->finish();
  piece.finish = finish;
  if (sample.text->stopped()) {
    piece.finish = "stop";
    piece.stop_text = sample.text->stopped();
  }
  sample.ended = true;
  --left_;
}

std::vector<Piece> Generation::give_up() {
  given_up_ = true;
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    Sample& sample = samples_[i];
    sample.unwanted = true;
    if (sample.ended) continue;
    Piece& piece = pieces.emplace_back();
    piece.sample = i;
    if (sample.newest) add_token(piece, *sample.newest);
    if (!sample.ended) end(piece, "abort");
  }
  return pieces;
}

std::vector<LiveToken> Generation::prompt_tokens(std::size_t first) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [begin, tokens] : prompts_) {
    if (begin == first) return tokens;
  }
  return {};
}

}  // namespace pope
