// Retire and return: problems that are solved nearly always leave the mixture, and come back when they are
// forgotten. Section retire; off by default.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/mixture.h"
#include "learn/config.h"

namespace pope {

struct Group;

class Retirement {
 public:
  Retirement(const RetireConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {}

  bool on() const { return config_.above > 0; }
  bool retired(const std::string& id) const { return retired_.contains(id); }
  // The draws of 0-based step t with problems in the place of retired ones: drawn evenly from those of the
  // set that are not retired and not in the step yet. A draw stays where there is none, and one time in
  // `every` to see whether the problem is forgotten.
  std::vector<PromptDraw> replaced(std::vector<PromptDraw> draws, std::int64_t t) const;
  // A problem retires after `groups` groups without guidance in a row with a mean reward of at least `above`;
  // a retired one returns with one below it.
  void learn_from(const std::vector<Group>& groups);

  void add_metrics(Json& row) const;
  Json state() const;
  void restore(const Json& state);

 private:
  const RetireConfig config_;
  const std::uint64_t seed_;
  std::map<std::string, int> streaks_;  // groups in a row, of problems that are not retired
  std::set<std::string> retired_;
  std::int64_t returned_ = 0;
};

}  // namespace pope
