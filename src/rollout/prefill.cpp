// See prefill.h.
#include "rollout/prefill.h"

#include <algorithm>

namespace pope {

Prefilled prefill(const Model& model, const std::vector<std::span<const int>>& prompts) {
  const auto rows = std::ssize(prompts);
  std::size_t steps = 0;
  for (const auto& prompt : prompts) steps = std::max(steps, prompt.size());
  auto tokens = at::zeros({rows, static_cast<std::int64_t>(steps)}, at::kLong);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto& prompt = prompts[static_cast<std::size_t>(r)];
    std::copy(prompt.begin(), prompt.end(),
              tokens.data_ptr<std::int64_t>() + r * static_cast<std::int64_t>(steps));
  }
  const auto room = [&](std::int64_t slots, std::size_t positions) {
    return std::make_shared<KvCache>(model.architecture(), static_cast<int>(slots),
                                     static_cast<int>(positions), model.compute_type(), model.device());
  };
  const auto cache = room(rows, steps);
  Prefilled prefilled{model.decode(tokens, at::zeros({rows}, at::kLong), *cache), {}};
  for (std::int64_t r = 0; r < rows; ++r) {
    if (rows == 1) {
      prefilled.prompts.push_back(cache);
      continue;
    }
    // Its own, so that no rollout keeps the others' prompts in memory.
    const auto length = prompts[static_cast<std::size_t>(r)].size();
    const auto own = room(1, length);
    own->copy_from(*cache, static_cast<int>(r), 0, static_cast<int>(length));
    prefilled.prompts.push_back(own);
  }
  return prefilled;
}

}  // namespace pope
