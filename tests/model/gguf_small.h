// A small valid GGUF model for the tests.
#pragma once

#include <string>
#include <vector>

#include "model/gguf_writer.h"

namespace pope {

inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// One layer, width 8, 2 heads of 4, 1 kv head, FFN 5, 3 tokens; every value of a tensor is distinct.
inline GgufWriter small_model() {
  GgufWriter file;
  file.set("general.architecture", gguf_string("llama"));
  const std::vector<std::pair<const char*, std::uint32_t>> sizes = {
      {"embedding_length", 8},        {"block_count", 1},         {"attention.head_count", 2},
      {"attention.head_count_kv", 1}, {"feed_forward_length", 5}, {"context_length", 16}};
  for (const auto& [key, value] : sizes) file.set(std::string("llama.") + key, gguf_u32(value));
  file.set("llama.attention.layer_norm_rms_epsilon", gguf_f32(1e-5F));
  file.set("llama.rope.freq_base", gguf_f32(500));
  file.set("tokenizer.ggml.model", gguf_string("gpt2"));
  file.set("tokenizer.ggml.pre", gguf_string("smollm"));
  file.set("tokenizer.ggml.tokens", gguf_strings({"a", "b", "<end>"}));
  file.set("tokenizer.ggml.token_type", gguf_i32s({1, 4, 3}));
  file.set("tokenizer.ggml.merges", gguf_strings({"a b"}));
  file.set("tokenizer.ggml.eos_token_id", gguf_u32(2));
  file.set("tokenizer.chat_template", gguf_string("{{ messages }}"));
  float next = 0;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> sizes_of) {
    std::vector<float> values(sizes_of[0] * (sizes_of.size() > 1 ? sizes_of[1] : 1));
    for (float& value : values) value = next++;
    file.tensors.push_back({name, std::move(sizes_of), 0, floats(values)});
  };
  add("token_embd.weight", {8, 3});
  add("output_norm.weight", {8});
  add("blk.0.attn_norm.weight", {8});
  add("blk.0.ffn_norm.weight", {8});
  add("blk.0.attn_q.weight", {8, 8});
  add("blk.0.attn_k.weight", {8, 4});
  add("blk.0.attn_v.weight", {8, 4});
  add("blk.0.attn_output.weight", {8, 8});
  add("blk.0.ffn_gate.weight", {8, 5});
  add("blk.0.ffn_up.weight", {8, 5});
  add("blk.0.ffn_down.weight", {5, 8});
  return file;
}

}  // namespace pope
