// See tensor_names.h.
#include "model/tensor_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"

namespace pope {
namespace {

constexpr std::string_view kModel = "model.", kLayers = "model.layers.", kEmbedding = "embed_tokens.weight",
                           kModelEmbedding = "model.embed_tokens.weight";

struct Wrapper {
  const char* prefix;  // in front of "model."
  const char* by;
  const char* hint;
};
constexpr Wrapper kWrappers[] = {
    {"_orig_mod.", "torch.compile", "save the model inside: compiled._orig_mod.save_pretrained(NEW)"},
    {"module.", "DistributedDataParallel", "save the model inside: wrapped.module.save_pretrained(NEW)"},
    {"base_model.model.", "PEFT",
     "merge its adapter first: peft_model.merge_and_unload().save_pretrained(NEW)"},
    {"pretrained_model.", "TRL's value head",
     "save the model inside: wrapped.pretrained_model.save_pretrained(NEW)"},
    {"model.language_model.", "a model of images and texts",
     "only text models are read: save its text part as one of its own"},
    {"language_model.", "a model of images and texts",
     "only text models are read: save its text part as one of its own"}};

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

bool is_of_base_model(std::string_view name) {
  const std::string_view first = first_part(name);
  return first == "embed_tokens" || first == "layers" || first == "norm";
}

}  // namespace

bool is_extra(const Architecture& architecture, const std::string& name) {
  const std::string_view first = first_part(name);
  if (first != "model" && first != "lm_head") return !is_of_base_model(name);
  if (!name.starts_with(kLayers)) return false;
  int layer = 0;
  const char* const end = name.data() + name.size();
  const auto number = std::from_chars(name.data() + kLayers.size(), end, layer);
  return number.ec == std::errc() && layer >= architecture.layers;
}

bool is_redundant(const Architecture& architecture, const std::string& name) {
  return (architecture.tied_embeddings && name == "lm_head.weight") || name.ends_with("rotary_emb.inv_freq");
}

TensorNames::TensorNames(const std::vector<TensorInfo>& listed) {
  const auto find = [&](const auto& test) { return std::find_if(listed.begin(), listed.end(), test); };
  const auto is_embedding = [](const TensorInfo& tensor) { return tensor.name.ends_with(kEmbedding); };
  bare_ = find([](const TensorInfo& tensor) { return tensor.name.starts_with(kModel); }) == listed.end();
  const auto named = [&](const TensorInfo& tensor) { return parameter(tensor.name) == kModelEmbedding; };
  if (find(named) != listed.end()) return;
  const auto embedding = find(is_embedding);
  const std::string expected = fmt::format("expected a tensor named {}, found none", kModelEmbedding);
  if (embedding == listed.end()) {
    throw Error("load model", expected + (listed.empty() ? "" : "; the first is " + listed[0].name),
                "the weights are those of another architecture, or a part of them is missing");
  }
  for (const Wrapper& wrapper : kWrappers) {
    if (!embedding->name.starts_with(wrapper.prefix)) continue;
    throw Error("load model",
                fmt::format("{}; {} has what {} puts in front", expected, embedding->name, wrapper.by),
                fmt::format("{}; or take \"{}\" off the names", wrapper.hint, wrapper.prefix));
  }
  throw Error("load model", expected + "; there is " + embedding->name,
              "rename the tensors, so that they begin with \"model.\"");
}

std::string TensorNames::parameter(const std::string& name) const {
  return bare_ && is_of_base_model(name) ? std::string(kModel) + name : name;
}

std::string grouped_names(const std::vector<std::string>& names) {
  std::set<std::string> groups;
  for (const std::string& name : names) {
    constexpr std::string_view kInLayer = "layers.";
    const std::size_t at = name.find(kInLayer);
    const std::size_t behind = at == std::string::npos ? at : name.find('.', at + kInLayer.size());
    groups.insert(behind == std::string::npos ? name : name.substr(0, behind) + ".*");
  }
  return fmt::format("{}", fmt::join(groups, ", "));
}

}  // namespace pope
