// How much a completion re-uses what the guidance contains (Sec. 5.2, arXiv:2601.18779). Both measures look
// at words: longest runs of letters, digits and bytes above ASCII, in lower case. docs/formats.md defines
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

struct OverlapConfig {
  int ngram = 3;                  // words of an n-gram
  std::string boundary = "auto";  // of steps: see text/steps.h
  double similar = 0.6;           // steps match from this similarity on
};

struct Overlap {
  double ngrams = 0;  // part of the guidance's distinct n-grams that the completion has
  double steps = 0;   // part of the guidance's steps that the completion takes, in their order
};

std::vector<std::string> overlap_words(std::string_view text);

// Words that two steps share, counted with repetition: 2·|A ∩ B| / (|A| + |B|); 0 when either has none.
double step_similarity(std::string_view a, std::string_view b);

// ngrams: n-grams of min(n, its words) words of the guidance. steps: longest common subsequence of both
// texts' steps, where two steps match when their similarity is at least `similar`, over the guidance's steps
// that have words. Guidance without words: zeros.
Overlap overlap(const OverlapConfig& config, std::string_view guidance, std::string_view completion);

}  // namespace pope
