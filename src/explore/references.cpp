// See references.h.
#include "explore/references.h"

#include <fmt/format.h>

#include <utility>

#include "core/progress.h"

namespace pope {
namespace {

// The ids and faults of the first few that are added, for a line on stderr.
class Named {
 public:
  void add(const std::string& id, const std::string& fault) {
    constexpr int kNamed = 3;
    if (++count_ <= kNamed) text_ += fmt::format("{}'{}' ({})", count_ == 1 ? "" : ", ", id, fault);
    if (count_ == kNamed + 1) text_ += ", …";
  }
  int count() const { return count_; }
  const std::string& text() const { return text_; }

 private:
  int count_ = 0;
  std::string text_;
};

}  // namespace

std::vector<FaultyReference> take_faulty_references(std::vector<Problem>& problems,
                                                    const Verifier& verifier) {
  std::vector<FaultyReference> faulty;
  std::vector<Problem> sound;
  Named named;
  for (Problem& problem : problems) {
    std::string fault = verifier.reference_fault(problem);
    if (fault.empty()) {
      sound.push_back(std::move(problem));
      continue;
    }
    named.add(problem.id, fault);
    faulty.push_back({std::move(problem), std::move(fault)});
  }
  if (!faulty.empty()) {
    log_line(fmt::format("set aside: {} of {} problems, whose reference answers cannot be judged by: {}",
                         faulty.size(), problems.size(), named.text()));
  }
  problems = std::move(sound);
  return faulty;
}

int warn_of_faulty_references(const std::vector<Problem>& problems, const Verifier& verifier) {
  Named named;
  for (const Problem& problem : problems) {
    if (const std::string fault = verifier.reference_fault(problem); !fault.empty())
      named.add(problem.id, fault);
  }
  if (named.count() > 0) {
    log_line(fmt::format(
        "warning: {} of {} problems have reference answers that cannot be judged by, so that hardly "
        "any rollout of them is correct: {}",
        named.count(), problems.size(), named.text()));
  }
  return named.count();
}

}  // namespace pope
