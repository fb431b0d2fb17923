// A candidate of the evolution: the texts of a system's named components.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pope {

using Texts = std::map<std::string, std::string>;  // component → its text

struct Candidate {
  Texts texts;
  std::vector<int> parents;        // the seed has none, a mutation one, a merge two
  std::string component;           // that a mutation changed; "" else
  std::vector<double> scores;      // on the dev set, in its order
  int iteration = 0;               // that brought it
  std::int64_t metric_calls = 0;   // spent when it was complete
  std::size_t next_component = 0;  // whose turn it is (round robin, in the order of names)
};

}  // namespace pope
