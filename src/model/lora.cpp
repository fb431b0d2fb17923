#include "model/lora.h"

#include <c10/core/GradMode.h>

#include <string_view>

namespace pope {

Lora::Lora(const std::vector<LoraPair*>& pairs, std::vector<std::int64_t> rows, double scale)
    : rows_(std::move(rows)), scale_(scale) {
  std::vector<at::Tensor*> a;
  for (LoraPair* pair : pairs) {
    if (pair->a.defined()) a.push_back(&pair->a);
    b_.push_back(pair->b);
  }
  a_ = Joint(a);
}

at::Tensor Lora::add_to(const at::Tensor& y, const at::Tensor& x) const {
  const at::Tensor low = at::linear(x.to(at::kFloat), a_.tensor()) * scale_;
  std::vector<at::Tensor> parts;
  std::int64_t from = 0;
  for (std::size_t i = 0; i < b_.size(); ++i) {
    if (!b_[i].defined()) {
      parts.push_back(at::zeros({x.size(0), rows_[i]}, low.options()));
      continue;
    }
    const std::int64_t rank = b_[i].size(1);
    parts.push_back(at::linear(low.narrow(1, from, rank), b_[i]));
    from += rank;
  }
  return (y + (parts.size() == 1 ? parts.front() : at::cat(parts, 1))).to(y.scalar_type());
}

at::Tensor merged(const at::Tensor& weight, const LoraPair& pair, double scale) {
  const c10::NoGradGuard no_grad;
  return at::addmm(weight.to(at::kFloat), pair.b, pair.a, 1, scale).to(weight.scalar_type());
}

std::string module_of(const std::string& weight) {
  const std::size_t end = weight.rfind('.'), begin = weight.rfind('.', end - 1) + 1;
  return weight.substr(begin, end - begin);
}

std::string lora_name(const std::string& weight, const std::string& which) {
  constexpr std::string_view kEnd = ".weight";
  return "base_model.model." + weight.substr(0, weight.size() - kEnd.size()) + ".lora_" + which + ".weight";
}

}  // namespace pope
