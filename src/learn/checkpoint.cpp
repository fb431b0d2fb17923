// Checkpoints (see checkpoint.h). Loading checks state and headers before it changes anything: where those
// are damaged, model and optimiser stay as they were and the checkpoint before is tried. Then each tensor
// goes to its place as soon as it is read, so that resuming takes no more memory than training.
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

using Places = std::unordered_map<std::string, at::Tensor>;  // where the tensors of a name go

// Error: the files lack a tensor of the places, or hold it in another shape.
void check(const Places& places, const std::vector<WeightFile>& files, const fs::path& folder) {
  std::unordered_map<std::string, at::IntArrayRef> shapes;
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) shapes.emplace(tensor.name, tensor.shape);
  }
  for (const auto& [name, place] : places) {
    const auto found = shapes.find(name);
    if (found == shapes.end() || !place.sizes().equals(found->second)) {
      throw Error("checkpoint", "expected '" + name + "' of the model's shape in " + folder.string(),
                  "the checkpoint belongs to another model, or is damaged");
    }
  }
}

void fill(const Places& places, const std::vector<WeightFile>& files) {
  for (const WeightFile& file : files) {
    read_safetensors(file.path, at::kFloat, [&](const std::string& name, const at::Tensor& tensor) {
      if (const auto place = places.find(name); place != places.end()) place->second.copy_(tensor);
    });
  }
}

Json load(const fs::path& folder, Model& model, Optimizer& optimizer) {
  const Json state = Json::parse(read_file(folder / "state.json"));
  const std::int64_t version = state.at("model_version").get<std::int64_t>(),
                     steps = state.at("optimizer_steps").get<std::int64_t>();
  Places masters, moments;
  for (const Parameter& p : model.parameters()) masters.emplace(p.name, p.master);
  for (const auto& [name, tensor] : optimizer.state()) moments.emplace(name, tensor);
  const fs::path moments_path = folder / "optimizer.safetensors";
  const std::vector<WeightFile> weights = weight_files(folder),
                                moment_files = {{moments_path, list_safetensors(moments_path)}};
  check(masters, weights, folder);
  check(moments, moment_files, folder);
  const c10::NoGradGuard no_grad;
  fill(masters, weights);
  fill(moments, moment_files);
  optimizer.resume_at(steps);
  model.sync_compute_weights();
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
