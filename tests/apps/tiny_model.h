// The architecture of a tiny model, for tests of commands: `pope init` makes a model of it.
#pragma once

#include <string>

namespace pope::test {

// A config.json.
inline std::string tiny_model(int layers) {
  return R"({"model_type": "llama", "hidden_size": 24, "num_hidden_layers": )" + std::to_string(layers) + R"(,
    "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 40, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu"})";
}

}  // namespace pope::test
