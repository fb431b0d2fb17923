// Problems whose reference answers cannot be judged by. Every rollout of them fails, so they look hard, but
// nothing can be learned on them.
#pragma once

#include <string>
#include <vector>

#include "data/problem.h"
#include "verify/verifier.h"

namespace pope {

struct FaultyReference {
  Problem problem;
  std::string fault;  // Verifier::reference_fault()
};

// Moves such problems out of `problems`, whose order stays.
std::vector<FaultyReference> take_faulty_references(std::vector<Problem>& problems, const Verifier& verifier);

// Says on stderr how many of `problems` are such, with the first few ids and faults. Returns how many.
int warn_of_faulty_references(const std::vector<Problem>& problems, const Verifier& verifier);

}  // namespace pope
