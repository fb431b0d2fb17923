// What the metadata and the tensors of a GGUF file mean, for the families that llama.cpp writes as llama,
// qwen2 and qwen3.
#include "model/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "core/error.h"
#include "model/gguf_file.h"

namespace pope {
namespace {

// Typed access to metadata; errors name the file and the key.
class Metadata {
 public:
  Metadata(const GgufFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  [[noreturn]] void fail(const std::string& message,
                         const std::string& hint =
                             "use the model's Hugging Face directory, or fetch the file again if it is "
                             "damaged") const {
    throw Error("read GGUF", name_ + ": " + message, hint);
  }
  const std::string& name() const { return name_; }
  const nlohmann::json* find(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    return found == file_.metadata.end() ? nullptr : &found->second;
  }
  int whole(const std::string& key, std::optional<int> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    return as_int(key, value);
  }
  double real(const std::string& key, std::optional<double> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    if (!value || !value->is_number()) fail("expected a number in " + key);
    return value->get<double>();
  }
  std::string text(const std::string& key, std::optional<std::string> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    if (!value || !value->is_string()) fail("expected a string in " + key);
    return value->get<std::string>();
  }
  std::optional<bool> flag(const std::string& key) const {
    const auto* value = find(key);
    if (!value) return {};
    if (!value->is_boolean()) fail("expected true or false in " + key);
    return value->get<bool>();
  }
  std::vector<std::string> texts(const std::string& key) const {
    std::vector<std::string> out;
    for (const auto& item : array(key)) {
      if (!item.is_string()) fail("expected strings in " + key);
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  std::vector<int> wholes(const std::string& key) const {
    std::vector<int> out;
    for (const auto& item : array(key)) out.push_back(as_int(key, &item));
    return out;
  }

 private:
  int as_int(const std::string& key, const nlohmann::json* value) const {
    if (!value || !value->is_number_integer()) fail("expected a whole number in " + key);
    const bool negative = !value->is_number_unsigned() && value->get<std::int64_t>() < 0;
    if (negative || value->get<std::uint64_t>() > std::uint64_t(std::numeric_limits<int>::max())) {
      fail("expected 0 to 2^31 - 1 in " + key + ", got " + value->dump());
    }
    return value->get<int>();
  }
  const nlohmann::json& array(const std::string& key) const {
    const auto* value = find(key);
    if (!value || !value->is_array()) fail("expected an array in " + key);
    return *value;
  }
  const GgufFile& file_;
  std::string name_;
};

const GgufTensor* find_tensor(const GgufFile& file, std::string_view name) {
  for (const auto& tensor : file.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

at::Tensor to_float(const GgufTensor& tensor) {
  const GgufType& type = *tensor.type;
  at::Tensor out = at::empty(tensor.shape, at::kFloat);
  float* to = out.data_ptr<float>();
  const std::uint8_t* from = tensor.data;
  for (std::int64_t i = 0; i < tensor.values; i += std::int64_t(type.block), from += type.bytes) {
    type.block_to_float(from, to + i);
  }
  return out;
}

// llama.cpp does not store the parameters of Llama 3's scaling, but the divisor of each frequency. Published
// Llama 3 models differ in the factor alone, which is the largest divisor; other divisors are refused.
RopeScaling read_scaling(const Metadata& metadata, const GgufTensor& tensor, Architecture a) {
  const at::Tensor divisors = to_float(tensor).flatten();
  if (divisors.numel() != a.head_width / 2 || divisors.numel() == 0) {
    metadata.fail(
        fmt::format("rope_freqs.weight: expected {} values, got {}", a.head_width / 2, divisors.numel()));
  }
  const std::vector<double> plain = rotary_frequencies(a);
  a.rope_scaling.factor = std::round(divisors.max().item<double>());
  const std::vector<double> scaled = rotary_frequencies(a);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double expected = plain[i] / scaled[i];
    if (!(std::abs(divisors[static_cast<std::int64_t>(i)].item<double>() - expected) < 1e-3 * expected)) {
      metadata.fail("rope_freqs.weight is not the scaling of a Llama 3 model");
    }
  }
  return a.rope_scaling;
}

Architecture read_architecture(const GgufFile& file, const Metadata& metadata) {
  Architecture a;
  a.family = metadata.text("general.architecture");
  if (a.family != "llama" && a.family != "qwen2" && a.family != "qwen3") {
    metadata.fail("general.architecture \"" + a.family + "\" is not supported", "known: llama, qwen2, qwen3");
  }
  const std::string prefix = a.family + ".";
  const GgufTensor* embedding = find_tensor(file, "token_embd.weight");
  if (!embedding || embedding->shape.size() != 2) metadata.fail("expected a matrix token_embd.weight");
  if (embedding->shape[0] > 1 << 24) metadata.fail("token_embd.weight has too many rows");
  a.vocab_size = int(embedding->shape[0]);
  a.width = metadata.whole(prefix + "embedding_length");
  a.layers = metadata.whole(prefix + "block_count");
  a.heads = metadata.whole(prefix + "attention.head_count");
  a.kv_heads = metadata.whole(prefix + "attention.head_count_kv", a.heads);
  a.ffn_width = metadata.whole(prefix + "feed_forward_length");
  a.context = metadata.whole(prefix + "context_length");
  a.head_width = metadata.whole(prefix + "attention.key_length", a.heads > 0 ? a.width / a.heads : 0);
  for (const char* key : {"attention.value_length", "rope.dimension_count"}) {
    if (metadata.whole(prefix + key, a.head_width) != a.head_width) {
      metadata.fail(fmt::format("{}{}: only the head width, {}, is supported", prefix, key, a.head_width));
    }
  }
  const auto scaling = metadata.text(prefix + "rope.scaling.type", "linear");  // llama.cpp's default
  if (scaling != "none" && scaling != "linear")
    metadata.fail(prefix + "rope.scaling.type \"" + scaling + "\" is not supported");
  for (const char* key : {"rope.scaling.factor", "rope.scale_linear"}) {
    const double factor = metadata.real(prefix + key, 1);
    if (scaling == "none" || factor == 0 || factor == 1) continue;
    a.rope_scaling.kind = RopeScaling::Kind::linear;
    a.rope_scaling.factor = factor;
  }
  if (metadata.whole(prefix + "expert_count", 0) != 0)
    metadata.fail(prefix + "expert_count: experts are not supported");
  a.rope_theta = metadata.real(prefix + "rope.freq_base", 10000);
  if (const GgufTensor* divisors = find_tensor(file, "rope_freqs.weight")) {
    a.rope_scaling = read_scaling(metadata, *divisors, a);
  }
  a.norm_eps = metadata.real(prefix + "attention.layer_norm_rms_epsilon");
  a.tied_embeddings = !find_tensor(file, "output.weight");
  a.attention_bias = find_tensor(file, "blk.0.attn_q.bias");
  a.qk_norm = a.family == "qwen3";
  a.bos_token = metadata.whole("tokenizer.ggml.bos_token_id", -1);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const int id = metadata.whole(key, -1);
    if (id >= 0 && (a.eos_tokens.empty() || a.eos_tokens[0] != id)) a.eos_tokens.push_back(id);
  }
  check(a, "read GGUF " + metadata.name());
  return a;
}

BpeParts read_tokenizer(const Metadata& metadata, const Architecture& architecture) {
  if (const auto model = metadata.text("tokenizer.ggml.model"); model != "gpt2") {
    metadata.fail("tokenizer.ggml.model \"" + model + "\" is not supported",
                  "only byte-level BPE, \"gpt2\", is");
  }
  BpeParts parts;
  parts.tokens = metadata.texts("tokenizer.ggml.tokens");
  parts.merges = metadata.texts("tokenizer.ggml.merges");
  parts.pre = metadata.text("tokenizer.ggml.pre", "gpt-2");
  parts.chat_template = metadata.text("tokenizer.chat_template", "");
  if (parts.tokens.size() > std::size_t(architecture.vocab_size)) {
    metadata.fail(fmt::format("{} tokens, but token_embd.weight has {} rows", parts.tokens.size(),
                              architecture.vocab_size));
  }
  const auto types = metadata.wholes("tokenizer.ggml.token_type");
  if (types.size() != parts.tokens.size()) {
    metadata.fail(fmt::format("{} entries in tokenizer.ggml.token_type for {} tokens", types.size(),
                              parts.tokens.size()));
  }
  constexpr int kControl = 3, kUserDefined = 4;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == kControl) parts.special_ids.push_back(int(i));
    if (types[i] == kUserDefined) parts.added_ids.push_back(int(i));
  }
  if (architecture.bos_token >= 0 && std::size_t(architecture.bos_token) < parts.tokens.size()) {
    parts.bos_token = parts.tokens[std::size_t(architecture.bos_token)];
  }
  parts.add_bos = metadata.flag("tokenizer.ggml.add_bos_token");
  if (!architecture.eos_tokens.empty() && std::size_t(architecture.eos_tokens[0]) < parts.tokens.size()) {
    parts.eos_token = parts.tokens[std::size_t(architecture.eos_tokens[0])];
  }
  return parts;
}

struct Name {
  std::string_view gguf, hugging_face;
};
constexpr Name kWhole[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr Name kInLayer[] = {{"attn_norm", "input_layernorm"},    {"ffn_norm", "post_attention_layernorm"},
                             {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
                             {"attn_v", "self_attn.v_proj"},      {"attn_output", "self_attn.o_proj"},
                             {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
                             {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
                             {"ffn_down", "mlp.down_proj"}};

// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight"; empty when unknown.
std::string hugging_face_name(std::string_view name) {
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

GgufHead read_head(const GgufFile& file, const Metadata& metadata) {
  GgufHead head;
  head.architecture = read_architecture(file, metadata);
  head.tokenizer = read_tokenizer(metadata, head.architecture);
  return head;
}

GgufModel model_of(const GgufFile& file, const Metadata& metadata, at::ScalarType type) {
  GgufModel model{read_head(file, metadata), {}};
  const Architecture& a = model.architecture;
  for (const GgufTensor& described : file.tensors) {
    if (described.name == "rope_freqs.weight") continue;  // part of the architecture
    const std::string renamed = hugging_face_name(described.name);
    if (renamed.empty())
      metadata.fail("tensor \"" + described.name + "\" is not part of a " + a.family + " model");
    at::Tensor tensor = to_float(described);
    for (const auto& [part, heads] : {std::pair{".q_proj.", a.heads}, std::pair{".k_proj.", a.kv_heads}}) {
      if (a.family != "llama" || renamed.find(part) == std::string::npos) continue;
      if (tensor.dim() == 0 || tensor.size(0) != std::int64_t(heads) * a.head_width) {
        metadata.fail(
            fmt::format("tensor \"{}\": expected {} × {} rows", described.name, heads, a.head_width));
      }
      tensor = unpermute(tensor, heads, a.head_width);
    }
    model.tensors.emplace_back(renamed, tensor.to(type));
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
    const Metadata metadata(part, paths[i].string());
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
  return read_head(whole, Metadata(whole, paths[0].string()));
}

GgufModel read_gguf(const std::filesystem::path& path, at::ScalarType type) {
  const std::vector<std::filesystem::path> paths = gguf_parts(path);
  std::vector<std::unique_ptr<const MappedFile>> maps;
  const GgufFile whole = joined(paths, maps);
  return model_of(whole, Metadata(whole, paths[0].string()), type);
}

GgufModel read_gguf(std::span<const std::uint8_t> bytes, const std::string& name, at::ScalarType type) {
  const GgufFile file = parse_gguf(bytes, name);
  return model_of(file, Metadata(file, name), type);
}

}  // namespace pope
