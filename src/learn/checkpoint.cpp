// Checkpoints (see checkpoint.h). Loading reads and checks everything before it changes anything, so a
// damaged checkpoint leaves model and optimiser as they were and the one before it is tried.
#include "learn/checkpoint.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "core/progress.h"
#include "model/load.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "step-";

fs::path folder_of(const fs::path& run) { return run / "checkpoints"; }

// The complete checkpoints, newest first. Folders half written have another name and are not seen.
std::vector<std::pair<std::int64_t, fs::path>> checkpoints(const fs::path& run) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  if (!fs::is_directory(folder_of(run))) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_of(run))) {
    const std::string name = entry.path().filename().string();
    std::int64_t step = 0;
    if (!name.starts_with(kPrefix) || !entry.is_directory()) continue;
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
    if (error == std::errc() && rest == end) found.emplace_back(step, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

// The model's masters from `folder`, in the order of its parameters.
std::vector<at::Tensor> read_masters(const fs::path& folder, const Model& model) {
  const NamedTensors tensors = read_weights(folder);
  const std::unordered_map<std::string, at::Tensor> given(tensors.begin(), tensors.end());
  std::vector<at::Tensor> masters;
  for (const Parameter& p : model.parameters()) {
    const auto found = given.find(p.name);
    if (found == given.end() || !found->second.sizes().equals(p.master.sizes())) {
      throw Error("checkpoint", "expected '" + p.name + "' of the model's shape in " + folder.string());
    }
    masters.push_back(found->second);
  }
  return masters;
}

Json load(const fs::path& folder, Model& model, Optimizer& optimizer) {
  const Json state = Json::parse(read_file(folder / "state.json"));
  const std::vector<at::Tensor> masters = read_masters(folder, model);
  const std::int64_t version = state.at("model_version").get<std::int64_t>();
  optimizer.load_state(read_safetensors(folder / "optimizer.safetensors"),
                       state.at("optimizer_steps").get<std::int64_t>());
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < masters.size(); ++i) model.parameters()[i].master.copy_(masters[i]);
  model.publish();
  model.version = version;
  return state;
}

}  // namespace

void save_checkpoint(const fs::path& run, std::int64_t step, const Model& model, const Optimizer& optimizer,
                     const Tokenizer& tokenizer, const Json& state, int keep) {
  fs::create_directories(folder_of(run));
  Json full = {
      {"step", step}, {"model_version", model.version}, {"optimizer_steps", optimizer.steps_taken()}};
  full.update(state);
  write_folder(folder_of(run) / fmt::format("{}{:06}", kPrefix, step), [&](const fs::path& folder) {
    save_model(folder, model, tokenizer);
    write_safetensors(folder / "optimizer.safetensors", optimizer.state());
    write_file(folder / "state.json", dump(full, 2));
  });
  const auto all = checkpoints(run);
  for (std::size_t i = std::max(keep, 1); i < all.size(); ++i) fs::remove_all(all[i].second);
}

std::optional<Json> load_newest_checkpoint(const fs::path& run, Model& model, Optimizer& optimizer) {
  const auto all = checkpoints(run);
  for (const auto& [step, folder] : all) {
    std::string reason;
    try {
      return load(folder, model, optimizer);
    } catch (const Error& error) {
      reason = error.what();
    } catch (const Json::exception& error) {
      reason = error.what();
    }
    log_line("warning: " + folder.string() + " cannot be used, trying the one before it: " + reason);
  }
  if (all.empty()) return std::nullopt;
  throw Error("checkpoint", "expected a usable checkpoint in " + folder_of(run).string() + ", got none",
              "start again in another --out, or remove that folder to start from the beginning");
}

void require_finite(const std::string& verb, const std::string& what, double value, std::int64_t t) {
  if (std::isfinite(value)) return;
  throw Error(
      verb,
      "expected a finite " + what + ", got " + std::to_string(value) + " in step " + std::to_string(t + 1),
      "the last checkpoint is untouched: go on from it in a new run (--model RUN/checkpoints/step-N --out "
      "NEW) with "
      "a lower optimizer.lr or optimizer.clip_norm");
}

}  // namespace pope
