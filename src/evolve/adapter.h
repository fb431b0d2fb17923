// What the evolution evolves is behind this interface: a system with named texts, the instances that it works
// on, and a model that reflects on how it did. Instances are known by name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/files.h"
#include "evolve/candidate.h"

namespace pope {

// What a system with certain texts made of one instance. A score is at most 1, which is perfect.
struct Evaluated {
  double score = 0;
  std::string output, feedback;  // what a reflection is shown
  std::int64_t tokens = 0;       // sampled for it
  std::vector<Json> rollouts;    // records to keep for reading
  // Not empty: nothing was found out, for a reason that may pass (a grader that timed out). Such an
  // evaluation is no score of 0: it is tried again, and never kept.
  std::string error;
};

struct EvaluationJob {
  const Texts* texts = nullptr;
  std::string instance;
};

struct Reflection {
  std::string reply;
  std::int64_t tokens = 0, prompt_tokens = 0;
  std::string error;  // as Evaluated::error
};

// A component's text, and how it did on some instances.
struct ReflectionJob {
  std::string component, text;
  std::vector<std::string> instances;
  std::vector<const Evaluated*> evaluations;  // of these, in this order
  std::uint64_t key = 0;                      // names the random stream of this reply
};

class Adapter {
 public:
  virtual ~Adapter() = default;
  // Both do all jobs, in any order, and call `done` once for each as it finishes: what is finished is on disk
  // then.
  virtual void evaluate(const std::vector<EvaluationJob>& jobs,
                        const std::function<void(std::size_t job, Evaluated&&)>& done) = 0;
  virtual void reflect(const std::vector<ReflectionJob>& jobs,
                       const std::function<void(std::size_t job, Reflection&&)>& done) = 0;
  // Why a component cannot have this text ("has no place for the problem"); "": it can.
  virtual std::string refusal(const std::string& component, const std::string& text) const {
    (void)component, (void)text;
    return "";
  }
};

}  // namespace pope
