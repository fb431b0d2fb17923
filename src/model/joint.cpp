// Joins parameters and keeps them apart for autograd.
#include "model/joint.h"

#include <c10/core/GradMode.h>

namespace pope {

Joint::Joint(const std::vector<at::Tensor*>& parts) {
  if (parts.size() == 1) {
    whole_ = *parts.front();
    parts_ = {whole_};
    return;
  }
  std::vector<at::Tensor> old;
  for (const auto* part : parts) old.push_back(*part);
  whole_ = at::cat(old);
  std::int64_t row = 0;
  for (auto* part : parts) {
    const auto rows = part->size(0);
    // variable_data: a leaf of its own, not a view to autograd.
    *part = whole_.narrow(0, row, rows).variable_data();
    row += rows;
  }
  for (const auto* part : parts) parts_.push_back(*part);
}

at::Tensor Joint::tensor() const {
  const bool apart = c10::GradMode::is_enabled() && parts_.size() > 1 && parts_.front().requires_grad();
  return apart ? at::cat(parts_) : whole_;
}

}  // namespace pope
