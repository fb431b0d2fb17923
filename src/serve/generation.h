// A request while it is answered: the batch's thread puts tokens in, the connection's thread takes them out,
// as text, and says when enough is enough.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/live_batch.h"
#include "serve/text_stream.h"

namespace pope {

// What is new of a sample.
struct Piece {
  std::size_t sample = 0;
  std::string text;
  std::vector<LiveToken> tokens;
  // How it ended, with the last piece: "stop", "length", "abort" where it was given up, "error"; else "".
  std::string finish;
  std::optional<int> stop_token;         // that ended it
  std::optional<std::string> stop_text;  // likewise
  std::string problem;                   // of "error"
};

class Generation {
 public:
  // `samples` of all prompts together; they end with the first of `stops`.
  Generation(std::size_t samples, std::shared_ptr<const Tokenizer> tokenizer,
             const std::vector<std::string>& stops);

  // For the samples of one prompt, of which the first is `first`.
  static std::shared_ptr<LiveSink> sink(const std::shared_ptr<Generation>& generation, std::size_t first);

  // What has come until now; waits for something, but no longer than `patience`. Nothing: nothing came.
  std::vector<Piece> take(std::chrono::milliseconds patience);
  bool done() const { return left_ == 0; }
  // Ends the samples that have not ended; their last pieces, with finish "abort".
  std::vector<Piece> give_up();
  // The tokens of prompt's beginning at sample `first`, where they were asked for.
  std::vector<LiveToken> prompt_tokens(std::size_t first) const;

 private:
  class Sink;
  struct Arrival {
    std::size_t sample;
    LiveToken token;
    std::optional<LiveEnd> end;  // then there is no token
    std::string problem;
  };
  struct Sample {
    std::unique_ptr<TextStream> text;
    std::optional<LiveToken> newest;  // not shown yet: it may be the one that ends the sample
    bool ended = false;               // for the connection's thread
    std::atomic<bool> unwanted = false;
  };
  void add_token(Piece& piece, const LiveToken& token);
  void end(Piece& piece, const std::string& finish);

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Arrival> arrived_;
  std::vector<std::pair<std::size_t, std::vector<LiveToken>>> prompts_;
  std::deque<Sample> samples_;  // of the connection's thread, but for `unwanted`
  std::size_t left_;
  std::atomic<bool> given_up_ = false;
};

}  // namespace pope
