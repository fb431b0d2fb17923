// Which rollouts of a problem are kept for reading.
#pragma once

#include <string>
#include <vector>

#include "explore/sampling.h"

namespace pope {

// Records of one problem to keep for reading: of the samples with the smallest numbers, up to half of them
// correct (more when failures are few), correct ones first. Does not depend on the order of arrival.
class KeptRecords {
 public:
  explicit KeptRecords(int limit = 4) : limit_(limit) {}
  void add(const Sampled& sampled, const std::string& set);
  // Samples numbered `end` and above are left out.
  std::vector<Json> take(int end);

 private:
  struct Kept {
    int sample;
    Json record;
  };
  int limit_;
  std::vector<Kept> correct_, failed_;  // ascending by sample, at most limit_ each
};

}  // namespace pope
