// The rows of several parameters in one tensor, so that one product serves them all. The parameters become
// views of it: decoding reads the whole in place, and training has separate gradients.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace pope {

class Joint {
 public:
  Joint() = default;
  // Changes the tensors that `parts` point to into views of the whole. A single one stays as it is.
  explicit Joint(const std::vector<at::Tensor*>& parts);

  // For a product. Where the parts are trained it is put together from them, which autograd then sees (the
  // copy costs little beside the product); else the shared storage is used. Undefined where there are no
  // parts.
  at::Tensor tensor() const;

 private:
  at::Tensor whole_;
  std::vector<at::Tensor> parts_;
};

}  // namespace pope
