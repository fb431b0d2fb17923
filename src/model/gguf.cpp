// What the tensors and the tokenizer of a GGUF file mean; gguf_config.h has the rest of its metadata.
#include "model/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <set>
#include <string_view>

#include "core/error.h"
#include "model/families.h"
#include "model/gguf_config.h"
#include "model/gguf_file.h"
#include "model/gguf_metadata.h"
#include "model/parameters.h"
#include "text/utf8.h"

namespace pope {
namespace {

Architecture read_architecture(const GgufFile& file, const GgufMetadata& metadata) {
  const Json config = gguf_config(file, metadata);
  try {
    return architecture_from_json(config);
  } catch (const Error& error) {
    throw Error("read GGUF", metadata.name() + ": " + error.what());
  }
}

using Marks = BpeParts::Marks;

// As transformers builds the tokenizer of the family: a GGUF file does not say how its spaces were marked.
Marks marks_of(const GgufMetadata& metadata, const std::string& family) {
  if (family == "gemma3_text" || !metadata.flag("tokenizer.ggml.add_space_prefix").value_or(true))
    return Marks::kNowhere;
  return family == "phi3" ? Marks::kParts : Marks::kStart;
}

bool is_spaces(const std::string& token) {
  return !token.empty() && token.find_first_not_of(' ') == std::string::npos;
}

// Gemma's runs of spaces are spelt as spaces, and are merged like other tokens, in the order of all tokens.
void settle_gemma_pieces(BpeParts& parts) {
  std::erase_if(parts.added_ids, [&](int id) { return is_spaces(parts.tokens[std::size_t(id)]); });
  parts.scores.clear();
  for (std::string& token : parts.tokens) {
    if (is_spaces(token)) token = with_space_marks(token);
    parts.scores.push_back(-static_cast<double>(parts.scores.size()));
  }
}

BpeParts read_tokenizer(const GgufMetadata& metadata, const Architecture& architecture) {
  const auto model = metadata.text("tokenizer.ggml.model");
  if (model != "gpt2" && model != "llama") {
    metadata.fail("tokenizer.ggml.model \"" + model + "\" is not supported",
                  "byte-level BPE, \"gpt2\", and SentencePiece's BPE, \"llama\", are");
  }
  BpeParts parts;
  if (model == "llama") parts.marks = marks_of(metadata, architecture.family);
  const bool byte_level = parts.marks == Marks::kNone;
  parts.tokens = metadata.texts("tokenizer.ggml.tokens");
  const bool by_scores = !byte_level && !metadata.find("tokenizer.ggml.merges");
  if (by_scores) {
    parts.scores = metadata.reals("tokenizer.ggml.scores");
  } else {
    parts.merges = metadata.texts("tokenizer.ggml.merges");
  }
  if (byte_level) parts.pre = metadata.text("tokenizer.ggml.pre", "gpt-2");
  parts.chat_template = metadata.text("tokenizer.chat_template", "");
  if (parts.tokens.size() > std::size_t(architecture.vocab_size)) {
    metadata.fail(fmt::format("{} tokens, but token_embd.weight has {} rows", parts.tokens.size(),
                              architecture.vocab_size));
  }
  const auto types = metadata.wholes("tokenizer.ggml.token_type");
  const auto one_for_each = [&](const char* key, std::size_t entries) {
    if (entries != parts.tokens.size())
      metadata.fail(fmt::format("{} entries in {} for {} tokens", entries, key, parts.tokens.size()));
  };
  one_for_each("tokenizer.ggml.token_type", types.size());
  if (by_scores) one_for_each("tokenizer.ggml.scores", parts.scores.size());
  constexpr int kUnknown = 2, kControl = 3, kUserDefined = 4;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool unknown = !byte_level && types[i] == kUnknown;
    if (types[i] == kControl || unknown) parts.special_ids.push_back(int(i));
    if (types[i] == kUserDefined) parts.added_ids.push_back(int(i));
    if (unknown) parts.unknown_token = parts.tokens[i];
  }
  if (architecture.bos_token >= 0 && std::size_t(architecture.bos_token) < parts.tokens.size()) {
    parts.bos_token = parts.tokens[std::size_t(architecture.bos_token)];
  }
  parts.add_bos = metadata.flag("tokenizer.ggml.add_bos_token");
  if (!architecture.eos_tokens.empty() && std::size_t(architecture.eos_tokens[0]) < parts.tokens.size()) {
    parts.eos_token = parts.tokens[std::size_t(architecture.eos_tokens[0])];
  }
  if (!byte_level && architecture.gemma()) settle_gemma_pieces(parts);
  return parts;
}

struct Name {
  std::string_view gguf, hugging_face;
};
constexpr Name kWhole[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr Name kInLayer[] = {{"attn_q", "self_attn.q_proj"},
                             {"attn_k", "self_attn.k_proj"},
                             {"attn_v", "self_attn.v_proj"},
                             {"attn_qkv", "self_attn.qkv_proj"},
                             {"attn_output", "self_attn.o_proj"},
                             {"attn_q_norm", "self_attn.q_norm"},
                             {"attn_k_norm", "self_attn.k_norm"},
                             {"ffn_gate", "mlp.gate_proj"},
                             {"ffn_up", "mlp.up_proj"},
                             {"ffn_down", "mlp.down_proj"},
                             {"ffn_gate_inp", "mlp.gate"},
                             {"ffn_gate_exps", "mlp.experts.gate_proj"},
                             {"ffn_up_exps", "mlp.experts.up_proj"},
                             {"ffn_down_exps", "mlp.experts.down_proj"}};

// "attn_norm.weight" → "input_layernorm.weight", as the family norms; empty when it is none of its norms.
std::string norm_name(const Architecture& a, std::string_view name) {
  const NormNames norms = norm_names(a);
  if (name == "attn_norm.weight") return norms.before_attention;
  if (name == "post_attention_norm.weight") return norms.after_attention;
  if (name == "ffn_norm.weight") return norms.before_ffn;
  return name == "post_ffw_norm.weight" ? norms.after_ffn : "";
}

// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight"; empty when unknown.
std::string hugging_face_name(const Architecture& a, std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return "";
  const std::string_view kind = name.substr(dot);
  if (kind != ".weight" && kind != ".bias") return "";
  std::string_view stem = name.substr(0, dot);
  std::string prefix;
  const bool in_layer = stem.substr(0, 4) == "blk.";
  if (in_layer) {
    const auto end = stem.find('.', 4);
    if (end == std::string_view::npos) return "";
    prefix = "model.layers." + std::string(stem.substr(4, end - 4)) + ".";
    stem.remove_prefix(end + 1);
    if (const std::string norm = norm_name(a, name.substr(end + 1)); !norm.empty()) return prefix + norm;
    if (stem == "ffn_up" && a.traits().fused_weights) return prefix + "mlp.gate_up_proj" + std::string(kind);
  }
  const Name* const begin = in_layer ? std::begin(kInLayer) : std::begin(kWhole);
  const Name* const end = in_layer ? std::end(kInLayer) : std::end(kWhole);
  for (const Name* known = begin; known != end; ++known) {
    if (known->gguf == stem) return prefix + std::string(known->hugging_face) + std::string(kind);
  }
  return "";
}

// llama.cpp rotates neighbouring values (2i, 2i + 1), Hugging Face rotates (i, i + D/2); so llama.cpp's
// converter reorders the rows of Llama's q and k. rows [heads·D, …] → the same rows in Hugging Face's order.
at::Tensor unpermute(const at::Tensor& rows, std::int64_t heads, std::int64_t head_width) {
  return rows.reshape({heads, head_width / 2, 2, -1}).transpose(1, 2).reshape(rows.sizes()).contiguous();
}

GgufHead read_head(const GgufFile& file, const GgufMetadata& metadata) {
  GgufHead head;
  head.architecture = read_architecture(file, metadata);
  head.tokenizer = read_tokenizer(metadata, head.architecture);
  return head;
}

// All experts of a layer in one tensor [E, …] → one for each.
void add_experts(const std::string& name, const at::Tensor& all, NamedTensors& tensors) {
  constexpr std::string_view kExperts = "mlp.experts.";
  const std::size_t at = name.find(kExperts) + kExperts.size();
  for (std::int64_t e = 0; e < all.size(0); ++e)
    tensors.emplace_back(fmt::format("{}{}.{}", name.substr(0, at), e, name.substr(at)), all[e].clone());
}

GgufModel model_of(const GgufFile& file, const GgufMetadata& metadata, at::ScalarType type) {
  GgufModel model{read_head(file, metadata), {}};
  const Architecture& a = model.architecture;
  const GgufFamily& family = gguf_family(metadata);
  for (const GgufTensor& described : file.tensors) {
    if (is_of_config(described)) continue;
    const std::string renamed = hugging_face_name(a, described.name);
    const auto has = [&](std::string_view part) { return renamed.find(part) != std::string::npos; };
    if (renamed.empty() || (has(".experts.") && a.experts == 0))
      metadata.fail("tensor \"" + described.name + "\" is not part of a " + a.family + " model");
    at::Tensor tensor = to_float(described);
    for (const auto& [part, heads] : {std::pair{".q_proj.", a.heads}, std::pair{".k_proj.", a.kv_heads}}) {
      if (!family.reordered_heads || !has(part)) continue;
      if (tensor.dim() == 0 || tensor.size(0) != std::int64_t(heads) * a.head_width) {
        metadata.fail(
            fmt::format("tensor \"{}\": expected {} × {} rows", described.name, heads, a.head_width));
      }
      tensor = unpermute(tensor, heads, a.head_width);
    }
    if (family.whole_norms && has("norm.")) tensor.sub_(1);
    if (!has(".experts.")) {
      model.tensors.emplace_back(renamed, tensor.to(type));
    } else if (tensor.dim() != 3 || tensor.size(0) != a.experts) {
      metadata.fail(fmt::format("tensor \"{}\": expected {} experts", described.name, a.experts));
    } else {
      add_experts(renamed, tensor.to(type), model.tensors);
    }
  }
  return model;
}

}  // namespace

std::vector<std::filesystem::path> gguf_parts(const std::filesystem::path& path) {
  // NAME, then "-00002-of-00003.gguf", 20 bytes.
  constexpr std::size_t kSuffix = 20;
  const std::string name = path.filename().string();
  int part = 0, count = 0, end = 0;
  if (name.size() <= kSuffix ||
      std::sscanf(name.c_str() + name.size() - kSuffix, "-%5d-of-%5d.gguf%n", &part, &count, &end) != 2 ||
      end != int(kSuffix) || part < 1 || part > count) {
    return {path};
  }
  std::vector<std::filesystem::path> parts;
  for (int i = 1; i <= count; ++i) {
    const std::string stem = name.substr(0, name.size() - kSuffix);
    parts.push_back(path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, i, count));
    if (std::filesystem::exists(parts.back())) continue;
    throw Error("read GGUF",
                fmt::format("{} is part {} of {}: {} is missing", path.string(), part, count,
                            parts.back().filename().string()),
                "put all parts into one folder");
  }
  return parts;
}

namespace {

// The parts of a model as one file; `maps` must outlive it.
GgufFile joined(const std::vector<std::filesystem::path>& paths,
                std::vector<std::unique_ptr<const MappedFile>>& maps) {
  GgufFile whole;
  std::set<std::string> names;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    maps.push_back(std::make_unique<const MappedFile>(paths[i]));
    GgufFile part = parse_gguf(maps.back()->bytes(), paths[i].string());
    const GgufMetadata metadata(part, paths[i].string());
    const std::int64_t number = std::int64_t{metadata.whole("split.no", 0)} + 1,
                       count = std::max(metadata.whole("split.count", 1), 1);
    if (number != std::int64_t(i) + 1 || count != std::int64_t(paths.size())) {
      metadata.fail(fmt::format("is part {} of {} of a split model", number, count),
                    "give the parts the names that they came with: NAME-00001-of-00002.gguf, …");
    }
    for (const GgufTensor& tensor : part.tensors) {
      if (!names.insert(tensor.name).second)
        metadata.fail("tensor \"" + tensor.name + "\" is in an earlier part, too");
    }
    if (i == 0) {
      whole = std::move(part);
    } else {
      std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(whole.tensors));
    }
  }
  return whole;
}

}  // namespace

GgufHead read_gguf_head(const std::filesystem::path& path) {
  const std::vector<std::filesystem::path> paths = gguf_parts(path);
  std::vector<std::unique_ptr<const MappedFile>> maps;
  const GgufFile whole = joined(paths, maps);
  return read_head(whole, GgufMetadata(whole, paths[0].string()));
}

GgufModel read_gguf(const std::filesystem::path& path, at::ScalarType type) {
  const std::vector<std::filesystem::path> paths = gguf_parts(path);
  std::vector<std::unique_ptr<const MappedFile>> maps;
  const GgufFile whole = joined(paths, maps);
  return model_of(whole, GgufMetadata(whole, paths[0].string()), type);
}

GgufModel read_gguf(std::span<const std::uint8_t> bytes, const std::string& name, at::ScalarType type) {
  const GgufFile file = parse_gguf(bytes, name);
  return model_of(file, GgufMetadata(file, name), type);
}

}  // namespace pope
