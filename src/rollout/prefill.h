// Prompts go through the model together, and come out apart.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <span>
#include <vector>

#include "model/model.h"

namespace pope {

struct Prefilled {
  at::Tensor hidden;                                    // [B,T,W], right-padded
  std::vector<std::shared_ptr<const KvCache>> prompts;  // of one slot each, that rollouts may share
};

// Prompts of at least one token, B of them, the longest of T.
Prefilled prefill(const Model& model, const std::vector<std::span<const int>>& prompts);

}  // namespace pope
