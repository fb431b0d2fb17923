// Checkpoints (see checkpoint.h). Loading checks the content and headers of all files before it changes
// anything: where they are damaged, model and optimiser stay as they were and the checkpoint before is tried.
// Then each tensor goes to its place as soon as it is read, so that resuming takes no more memory than
// training.
#include "learn/checkpoint.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <unordered_map>

#include "core/checksum.h"
#include "core/error.h"
#include "core/progress.h"
#include "model/load.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "step-";
constexpr auto kState = "state.json", kChecksums = "checksums.json", kDamaged = ".damaged";
constexpr auto kGoOn =
    "lower optimizer.lr or optimizer.clip_norm in a new run; it may go on from a checkpoint of this one, "
    "where there is "
    "one (--model RUN/checkpoints/step-N --out NEW)";

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

// By name, the files of a checkpoint that resuming reads: the tensors and the state.
std::map<std::string, std::string> checksums(const fs::path& folder) {
  std::map<std::string, std::string> sums;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path& file = entry.path();
    if (file.extension() == ".safetensors" || file.filename() == kState)
      sums.emplace(file.filename().string(), checksum_of(file));
  }
  return sums;
}

// Error: a file is not as it was saved.
void verify_checksums(const fs::path& folder) {
  const fs::path path = folder / kChecksums;
  if (!fs::exists(path)) {
    throw Error("checkpoint",
                folder.string() + " has no " + kChecksums + ": an older version of pope saved it",
                "start again with another --out; --model " + folder.string() + " takes its weights");
  }
  const Json saved = read_json(path);
  for (const auto& [name, sum] : checksums(folder)) {
    const Json was = saved.is_object() && saved.contains(name) ? saved[name] : Json();
    if (was != sum) {
      throw Error("checkpoint", fmt::format("{} is damaged: its checksum is {}, {} says {}",
                                            (folder / name).string(), sum, kChecksums, dump(was)));
    }
  }
}

// Error: a number that is not finite is among the weights or moments after step `step`.
void require_finite_tensors(std::int64_t step, const Model& model, const NamedTensors& moments) {
  NamedTensors all = moments;
  for (const Parameter& p : model.trainable()) all.emplace_back(p.name, p.master);
  for (const auto& [name, tensor] : all) {
    const auto [low, high] = at::aminmax(tensor.detach());  // of one NaN both are NaN
    for (const at::Tensor& extreme : {low, high}) {
      const double value = extreme.item<double>();
      if (std::isfinite(value)) continue;
      throw Error(
          "checkpoint",
          fmt::format("expected finite numbers to save after step {}, got {} in '{}'", step, value, name),
          kGoOn);
    }
  }
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
  verify_checksums(folder);
  const Json state = read_json(folder / kState);
  const std::int64_t version = state.at("model_version").get<std::int64_t>(),
                     steps = state.at("optimizer_steps").get<std::int64_t>();
  Places masters, moments;
  for (const Parameter& p : model.trainable()) masters.emplace(p.name, p.master);
  for (const auto& [name, tensor] : optimizer.own_state()) moments.emplace(name, tensor);
  const fs::path moments_path = folder / "optimizer.safetensors";
  const std::vector<WeightFile> weights = weight_files(folder),
                                moment_files = {{moments_path, list_safetensors(moments_path)}};
  check(masters, weights, folder);
  check(moments, moment_files, folder);
  const c10::NoGradGuard no_grad;
  fill(masters, weights);
  fill(moments, moment_files);
  model.sync_compute_weights();
  model.version = version;
  optimizer.resume_at(steps);
  return state;
}

// What could not be used is its user's to look at: it is renamed, and takes the place of what was set aside
// of the same step before.
void set_aside(const fs::path& folder) {
  const fs::path aside = folder.string() + kDamaged;
  fs::remove_all(aside);
  fs::rename(folder, aside);
  log_line("warning: what could not be used is kept as " + aside.string() +
           "; nothing reads it, remove it as you like");
}

}  // namespace

void save_checkpoint(const fs::path& run, std::int64_t step, const Model& model, const Optimizer& optimizer,
                     const Tokenizer& tokenizer, const Json& state, int keep) {
  const NamedTensors moments = optimizer.state();
  require_finite_tensors(step, model, moments);
  fs::create_directories(folder_of(run));
  Json full = {
      {"step", step}, {"model_version", model.version}, {"optimizer_steps", optimizer.steps_taken()}};
  full.update(state);
  write_folder(folder_of(run) / fmt::format("{}{:06}", kPrefix, step), [&](const fs::path& folder) {
    save_model(folder, model, tokenizer);
    write_safetensors(folder / "optimizer.safetensors", moments);
    write_file(folder / kState, dump(full, 2));
    write_file(folder / kChecksums, dump(checksums(folder), 2) + "\n");
  });
  prune_checkpoints(run, step, keep);
}

void prune_checkpoints(const fs::path& run, std::int64_t step, int keep) {
  int kept = 0;
  for (const auto& [number, folder] : checkpoints(run)) {
    if (number > step) {
      set_aside(folder);
    } else if (kept == std::max(keep, 1)) {
      fs::remove_all(folder);
    } else {
      ++kept;
    }
  }
}

std::optional<fs::path> newest_checkpoint(const fs::path& run) {
  const auto all = checkpoints(run);
  return all.empty() ? std::nullopt : std::optional(all.front().second);
}

std::optional<std::int64_t> newest_checkpoint_step(const fs::path& run) {
  const auto all = checkpoints(run);
  return all.empty() ? std::nullopt : std::optional(all.front().first);
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
      kGoOn);
}

}  // namespace pope
