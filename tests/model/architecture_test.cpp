// config.json of each family, old and new spellings, and what is refused.
#include "model/architecture.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

Json llama() {
  return Json::parse(R"({"model_type": "llama", "vocab_size": 61, "hidden_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 80, "max_position_embeddings": 64,
    "rope_theta": 5e5, "rms_norm_eps": 1e-3, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
    "kept_as_it_is": [1, "two"]})");
}

Json with(const char* field, const Json& value) {
  Json config = llama();
  config[field] = value;
  return config;
}

TEST(Architecture, ReadsLlama) {
  const Architecture a = architecture_from_json(llama());
  EXPECT_EQ(a.family, "llama");
  EXPECT_EQ(a.vocab_size, 61);
  EXPECT_EQ(a.width, 48);
  EXPECT_EQ(a.layers, 3);
  EXPECT_EQ(a.heads, 6);
  EXPECT_EQ(a.kv_heads, 2);
  EXPECT_EQ(a.head_width, 8);  // 48 / 6
  EXPECT_EQ(a.ffn_width, 80);
  EXPECT_EQ(a.context, 64);
  EXPECT_EQ(a.rope_theta, 5e5);
  EXPECT_EQ(a.norm_eps, 1e-3);
  EXPECT_FALSE(a.tied_embeddings);  // transformers' default
  EXPECT_FALSE(a.attention_bias);
  EXPECT_FALSE(a.qk_norm);
  EXPECT_EQ(a.bos_token, 1);
  EXPECT_EQ(a.eos_tokens, std::vector{2});
}

TEST(Architecture, DefaultsDifferByFamily) {
  EXPECT_EQ(architecture_from_json(with("num_key_value_heads", nullptr)).kv_heads, 6);
  const Architecture qwen2 = architecture_from_json(with("model_type", "qwen2"));
  EXPECT_TRUE(qwen2.attention_bias);
  EXPECT_FALSE(qwen2.output_bias());
  EXPECT_FALSE(qwen2.qk_norm);
  const Architecture qwen3 = architecture_from_json(with("model_type", "qwen3"));
  EXPECT_FALSE(qwen3.attention_bias);
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_width, 128);
  const Architecture biased = architecture_from_json(with("attention_bias", true));
  EXPECT_TRUE(biased.attention_bias);
  EXPECT_TRUE(biased.output_bias());
  EXPECT_EQ(architecture_from_json(with("head_dim", 16)).head_width, 16);
}

TEST(Architecture, ReadsBothSpellingsOfRotary) {
  Json config = llama();
  config.erase("rope_theta");
  EXPECT_EQ(architecture_from_json(config).rope_theta, 10000);
  config["rope_parameters"] = {{"rope_theta", 1e6}, {"rope_type", "default"}};
  EXPECT_EQ(architecture_from_json(config).rope_theta, 1e6);
  EXPECT_EQ(architecture_from_json(with("rope_scaling", nullptr)).rope_theta, 5e5);
  EXPECT_EQ(architecture_from_json(with("rope_scaling", {{"type", "default"}})).rope_theta, 5e5);
}

TEST(Architecture, ReadsEosLists) {
  EXPECT_EQ(architecture_from_json(with("eos_token_id", {5, 9})).eos_tokens, (std::vector{5, 9}));
  EXPECT_TRUE(architecture_from_json(with("eos_token_id", nullptr)).eos_tokens.empty());
  EXPECT_EQ(architecture_from_json(with("bos_token_id", nullptr)).bos_token, -1);
}

// By hand, llama: layer 2·48 + 48·(48 + 2·16) + 48·48 + 3·48·80 = 17760; 3·17760 + 48 + 2·48·61 = 59184.
TEST(Architecture, CountsParameters) {
  EXPECT_EQ(architecture_from_json(llama()).parameters(), 59184);
  EXPECT_EQ(architecture_from_json(with("tie_word_embeddings", true)).parameters(), 59184 - 48 * 61);
  EXPECT_EQ(architecture_from_json(with("attention_bias", true)).parameters(),
            59184 + 3 * (48 + 2 * 16 + 48));
  EXPECT_EQ(architecture_from_json(with("model_type", "qwen2")).parameters(), 59184 + 3 * (48 + 2 * 16));
  Json qwen3 = with("model_type", "qwen3");
  qwen3["head_dim"] = 8;
  EXPECT_EQ(architecture_from_json(qwen3).parameters(), 59184 + 3 * 2 * 8);
}

TEST(Architecture, RoundTrips) {
  for (const char* family : {"llama", "qwen2", "qwen3"}) {
    Json config = with("model_type", family);
    config["eos_token_id"] = {5, 9};
    const Architecture first = architecture_from_json(config);
    const Json written = to_json(first);
    const Architecture again = architecture_from_json(written);
    EXPECT_EQ(written["kept_as_it_is"], llama()["kept_as_it_is"]);
    EXPECT_EQ(written["rope_theta"], 5e5);
    EXPECT_EQ(written["rope_parameters"], Json({{"rope_theta", 5e5}, {"rope_type", "default"}}));
    EXPECT_TRUE(written["architectures"].is_array());
    EXPECT_EQ(again.family, first.family);
    EXPECT_EQ(again.parameters(), first.parameters());
    EXPECT_EQ(again.head_width, first.head_width);
    EXPECT_EQ(again.context, first.context);
    EXPECT_EQ(again.norm_eps, first.norm_eps);
    EXPECT_EQ(again.eos_tokens, first.eos_tokens);
    EXPECT_EQ(to_json(again), written);
  }
}

// The two ends and the middle by hand: D = 8, θ = 100, 16 positions originally.
TEST(Architecture, Llama3Scaling) {
  const Json scaling = {{"rope_type", "llama3"},  {"factor", 8.0},
                        {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                        {"rope_theta", 100.0},    {"original_max_position_embeddings", 16}};
  Json config = with("rope_parameters", scaling);
  const Architecture a = architecture_from_json(config);
  const std::vector<double> f = rotary_frequencies(a);
  ASSERT_EQ(f.size(), 4u);
  const double turns = 16 * 1.0 / 6.283185307179586, kept = (turns - 1) / 3;  // 2.55 of the original context
  EXPECT_NEAR(f[0], kept + (1 - kept) / 8, 1e-12);
  EXPECT_NEAR(f[2], 0.1 / 8, 1e-12);  // wavelength 63: longer than the original context
  EXPECT_NEAR(f[3], std::pow(100.0, -0.75) / 8, 1e-12);
  const Json written = to_json(a);
  EXPECT_EQ(written["rope_scaling"]["rope_type"], "llama3");
  EXPECT_EQ(rotary_frequencies(architecture_from_json(written)), f);
  config["rope_parameters"]["high_freq_factor"] = 1.0;
  EXPECT_THAT(error_of([&] { architecture_from_json(config); }), HasSubstr("rope scaling"));
}

// The config.json as published; its makers say 4.0B parameters.
TEST(Architecture, ReadsQwen3_4BInstruct2507) {
  const Architecture a = architecture_from_json(Json::parse(R"({"architectures": ["Qwen3ForCausalLM"],
    "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645,
    "head_dim": 128, "hidden_act": "silu", "hidden_size": 2560, "initializer_range": 0.02,
    "intermediate_size": 9728, "max_position_embeddings": 262144, "max_window_layers": 36,
    "model_type": "qwen3", "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 5000000, "sliding_window": null,
    "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.51.0",
    "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})"));
  EXPECT_EQ(a.parameters(), 4022468096);
  EXPECT_EQ(a.head_width, 128);
  EXPECT_EQ(a.kv_heads, 8);
  EXPECT_EQ(a.context, 262144);
  EXPECT_EQ(a.rope_theta, 5e6);
  EXPECT_TRUE(a.tied_embeddings && a.qk_norm && !a.attention_bias);
}

// The sizes of published models, and transformers' count of their parameters.
TEST(Architecture, CountsPublishedModels) {
  const std::pair<std::int64_t, const char*> models[] = {
      {7248023552,
       R"({"model_type": "mistral", "vocab_size": 32768, "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "sliding_window": null,
        "max_position_embeddings": 32768})"},
      {3075098624,
       R"({"model_type": "smollm3", "vocab_size": 128256, "hidden_size": 2048, "num_hidden_layers": 36,
        "num_attention_heads": 16, "num_key_value_heads": 4, "intermediate_size": 11008,
        "max_position_embeddings": 65536})"},
      {30532122624, R"({"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "head_dim": 128,
        "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4, "intermediate_size": 6144,
        "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": true,
        "max_position_embeddings": 40960, "tie_word_embeddings": false})"},
      {3836021760,
       R"({"model_type": "phi3", "vocab_size": 200064, "hidden_size": 3072, "num_hidden_layers": 32,
        "num_attention_heads": 24, "num_key_value_heads": 8, "intermediate_size": 8192,
        "max_position_embeddings": 131072, "partial_rotary_factor": 0.75, "tie_word_embeddings": true})"},
      {7298011136,
       R"({"model_type": "olmo3", "vocab_size": 100278, "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "intermediate_size": 11008,
        "max_position_embeddings": 65536})"},
      {2533539840,
       R"({"model_type": "granite", "vocab_size": 49159, "hidden_size": 2048, "num_hidden_layers": 40,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192,
        "max_position_embeddings": 131072, "tie_word_embeddings": true})"}};
  for (const auto& [parameters, config] : models)
    EXPECT_EQ(architecture_from_json(Json::parse(config)).parameters(), parameters) << config;
}

// google/gemma-3-1b-it's fields, with small sizes: the spelling of transformers 4.
Json gemma() {
  return Json::parse(R"({"model_type": "gemma3_text", "vocab_size": 61, "hidden_size": 48,
    "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 1, "head_dim": 16,
    "intermediate_size": 80, "max_position_embeddings": 64, "hidden_activation": "gelu_pytorch_tanh",
    "attn_logit_softcapping": null, "final_logit_softcapping": null, "query_pre_attn_scalar": 24,
    "rms_norm_eps": 1e-6, "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000,
    "sliding_window": 12, "sliding_window_pattern": 2, "bos_token_id": 2, "eos_token_id": [1, 6]})");
}

TEST(Architecture, ReadsGemma3) {
  Json config = gemma();
  const Architecture a = architecture_from_json(config);
  EXPECT_TRUE(a.gemma());
  EXPECT_TRUE(a.tied_embeddings);  // transformers' default for this family
  EXPECT_TRUE(a.qk_norm);
  EXPECT_EQ(a.head_width, 16);
  EXPECT_EQ(a.window, 12);
  EXPECT_EQ(a.windowed, (std::vector{true, false, true}));
  EXPECT_EQ(a.query_scalar, 24);
  EXPECT_EQ(a.rope_theta, 1e6);
  EXPECT_EQ(a.window_rope_theta, 1e4);
  // By hand: layer 4·48 + 48·(96 + 2·16) + 96·48 + 3·48·80 + 2·16 = 22496; 3·22496 + 48 + 48·61.
  EXPECT_EQ(a.parameters(), 3 * 22496 + 48 + 48 * 61);

  // Written in both spellings, and read from the newer one alone.
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  const Architecture scaled = architecture_from_json(config);
  EXPECT_NEAR(rotary_frequencies(scaled)[4], std::pow(1e6, -0.5) / 8, 1e-12);
  EXPECT_NEAR(rotary_frequencies(scaled, true)[4], 1e-2, 1e-12);
  Json written = to_json(scaled);
  EXPECT_EQ(written["architectures"], Json({"Gemma3ForCausalLM"}));
  EXPECT_EQ(written["layer_types"], Json({"sliding_attention", "full_attention", "sliding_attention"}));
  EXPECT_EQ(written["rope_scaling"]["factor"], 8.0);
  EXPECT_FALSE(written.contains("hidden_act"));
  for (const char* old : {"rope_theta", "rope_local_base_freq", "rope_scaling", "sliding_window_pattern"}) {
    written.erase(old);
  }
  EXPECT_EQ(rotary_frequencies(architecture_from_json(written)), rotary_frequencies(scaled));
  EXPECT_EQ(rotary_frequencies(architecture_from_json(written), true), rotary_frequencies(scaled, true));
  EXPECT_EQ(architecture_from_json(written).windowed, scaled.windowed);

  const auto refusal = [](const char* field, const Json& value) {
    Json other = gemma();
    other[field] = value;
    return error_of([&] { architecture_from_json(other); });
  };
  EXPECT_THAT(refusal("hidden_activation", "gelu"), HasSubstr("hidden_activation"));
  EXPECT_THAT(refusal("final_logit_softcapping", 30.0), HasSubstr("final_logit_softcapping"));
  EXPECT_THAT(refusal("use_bidirectional_attention", true), HasSubstr("use_bidirectional_attention"));
  EXPECT_THAT(refusal("layer_types", {"full_attention"}), HasSubstr("layer_types"));
  EXPECT_THAT(refusal("layer_types", {"full_attention", "chunked_attention", "full_attention"}),
              HasSubstr("chunked_attention"));
  EXPECT_THAT(refusal("sliding_window", 0), HasSubstr("sliding_window"));
  EXPECT_THAT(refusal("sliding_window_pattern", 0), HasSubstr("sliding_window_pattern"));
  EXPECT_THAT(refusal("query_pre_attn_scalar", 0), HasSubstr("query_pre_attn_scalar"));
  EXPECT_THAT(refusal("rope_local_base_freq", 0), HasSubstr("rope_local_base_freq"));
}

// By hand: D = 8, θ = 100, 16 positions originally. A pair i turns 16 · 100^(−i/4) / 2π times in them; the
// pairs that turn 2 and 0.1 times are 0.21 and 2.81.
TEST(Architecture, YarnScaling) {
  Json rope = {{"rope_type", "yarn"}, {"factor", 4.0},    {"original_max_position_embeddings", 16},
               {"beta_fast", 2.0},    {"beta_slow", 0.1}, {"rope_theta", 100.0}};
  const auto read = [&] { return architecture_from_json(with("rope_parameters", rope)); };
  const auto plain = [](int i) { return std::pow(100.0, -i / 4.0); };
  std::vector<double> f = rotary_frequencies(read());
  ASSERT_EQ(f.size(), 4u);
  EXPECT_NEAR(f[0], 1, 1e-12);
  EXPECT_NEAR(f[1], plain(1) * (2.0 / 3 + 1.0 / 3 / 4), 1e-12);
  EXPECT_NEAR(f[3], plain(3) / 4, 1e-12);
  EXPECT_NEAR(read().rope_scaling.attention_factor, 0.1 * std::log(4.0) + 1, 1e-12);
  const Json written = to_json(read());
  EXPECT_EQ(written["rope_scaling"]["beta_slow"], 0.1);
  EXPECT_EQ(written["rope_parameters"]["rope_theta"], 100.0);
  EXPECT_EQ(rotary_frequencies(architecture_from_json(written)), f);

  rope["truncate"] = false;
  const double low = 8 * std::log(16 / (2 * 6.283185307179586)) / (2 * std::log(100.0)),
               high = 8 * std::log(16 / (0.1 * 6.283185307179586)) / (2 * std::log(100.0));
  f = rotary_frequencies(read());
  EXPECT_NEAR(f[1], plain(1) * (1 - (1 - low) / (high - low) * 3 / 4), 1e-12);
  rope["mscale"] = 1.0;
  EXPECT_NEAR(read().rope_scaling.attention_factor, 0.1 * std::log(4.0) + 1, 1e-12);  // one alone is not used
  rope["mscale_all_dim"] = 0.5;
  EXPECT_NEAR(read().rope_scaling.attention_factor, (0.1 * std::log(4.0) + 1) / (0.05 * std::log(4.0) + 1),
              1e-12);
  rope["attention_factor"] = 1.5;
  EXPECT_EQ(read().rope_scaling.attention_factor, 1.5);
  rope["attention_factor"] = 0.0;
  EXPECT_THAT(error_of(read), HasSubstr("attention_factor"));
}

TEST(Architecture, DynamicScalingStaysWithinTheContext) {
  const Json config = with("rope_scaling", {{"type", "dynamic"}, {"factor", 4.0}});
  EXPECT_EQ(rotary_frequencies(architecture_from_json(config)),
            rotary_frequencies(architecture_from_json(llama())));
  EXPECT_EQ(to_json(architecture_from_json(config))["rope_scaling"], config["rope_scaling"]);
}

// Phi-3's first files say "su"; the shorter context is the one that pope uses.
TEST(Architecture, LongropeScaling) {
  Json config = with("model_type", "phi3");
  config["rope_scaling"] = {
      {"type", "su"}, {"short_factor", {1.0, 2.0, 4.0}}, {"long_factor", {9.0, 9.0, 9.0}}};
  config["original_max_position_embeddings"] = 16;
  config["partial_rotary_factor"] = 0.75;
  const Architecture a = architecture_from_json(config);
  EXPECT_EQ(a.context, 16);
  EXPECT_EQ(a.rotated_width(), 6);
  EXPECT_NEAR(a.rope_scaling.attention_factor, std::sqrt(1 + std::log(4.0) / std::log(16.0)), 1e-12);
  const std::vector<double> f = rotary_frequencies(a);
  EXPECT_NEAR(f[2], std::pow(5e5, -4.0 / 6) / 4, 1e-12);
  EXPECT_EQ(f[3], 0);  // not rotated
  const Json written = to_json(a);
  EXPECT_EQ(written["max_position_embeddings"], 64);
  EXPECT_EQ(written["rope_scaling"]["type"], "longrope");
  EXPECT_EQ(written["rope_scaling"].size(), 3u);
  EXPECT_EQ(written["rope_parameters"]["partial_rotary_factor"], 0.75);
  EXPECT_EQ(rotary_frequencies(architecture_from_json(written)), f);
  config["rope_scaling"]["short_factor"] = {1.0, 2.0};
  EXPECT_THAT(error_of([&] { architecture_from_json(config); }), HasSubstr("short_factor"));
}

TEST(Architecture, Windows) {
  const auto windowed = [](const std::string& family, const Json& fields) {
    Json config = with("model_type", family);
    if (family == "smollm3") config["no_rope_layers"] = {0, 1, 0};
    config.update(fields);
    const Architecture a = architecture_from_json(config);
    const Architecture again = architecture_from_json(to_json(a));
    EXPECT_EQ(again.windowed, a.windowed) << family << fields;
    EXPECT_EQ(again.window, a.window) << family << fields;
    return a.windowed;
  };
  using Layers = std::vector<bool>;
  const Json switched = {{"use_sliding_window", true}, {"sliding_window", 5}, {"max_window_layers", 1}};
  const Json types = {"full_attention", "sliding_attention", "full_attention"};
  for (const char* family : {"qwen2", "qwen3"}) {
    EXPECT_EQ(windowed(family, {{"sliding_window", 5}, {"max_window_layers", 1}}), Layers());
    EXPECT_EQ(windowed(family, switched), (Layers{false, true, true}));
    EXPECT_EQ(windowed(family, {{"use_sliding_window", true}, {"sliding_window", 5}}),
              Layers());  // from layer 28
    EXPECT_EQ(windowed(family, {{"use_sliding_window", true}, {"layer_types", types}}),
              (Layers{false, true, false}));
  }
  EXPECT_EQ(windowed("qwen3_moe", {{"use_sliding_window", true}, {"sliding_window", 5}}),
            (Layers{true, true, true}));
  EXPECT_EQ(windowed("smollm3", {{"use_sliding_window", true}, {"sliding_window", 5}}),
            (Layers{true, false, true}));
  EXPECT_EQ(windowed("smollm3", {{"use_sliding_window", true}}), Layers());
  EXPECT_EQ(windowed("mistral", Json::object()), (Layers{true, true, true}));  // of 4096
  EXPECT_EQ(windowed("mistral", {{"sliding_window", nullptr}}), Layers());
  EXPECT_EQ(windowed("mistral", {{"layer_types", types}}), (Layers{false, true, false}));
  EXPECT_EQ(windowed("phi3", Json::object()), Layers());
  EXPECT_EQ(windowed("olmo3", {{"num_hidden_layers", 5}}), (Layers{true, true, true, false, true}));
  EXPECT_EQ(windowed("olmo2", Json::object()), Layers());

  const auto refusal = [&](const std::string& family, const Json& fields) {
    return error_of([&] { windowed(family, fields); });
  };
  EXPECT_THAT(refusal("qwen2", {{"layer_types", types}}), HasSubstr("layer_types"));
  EXPECT_THAT(refusal("phi3", {{"sliding_window", 5}, {"layer_types", types}}), HasSubstr("layer_types"));
  EXPECT_THAT(refusal("mistral", {{"sliding_window", -1}}), HasSubstr("sliding_window"));
  EXPECT_THAT(refusal("olmo2", {{"layer_types", types}}), HasSubstr("layer_types"));
}

TEST(Architecture, WhatOneFamilyHas) {
  Json config = with("model_type", "qwen3_moe");
  config.update(Json{{"head_dim", 8},
                     {"num_experts", 4},
                     {"num_experts_per_tok", 2},
                     {"moe_intermediate_size", 10},
                     {"decoder_sparse_step", 2}});
  // By hand: a dense layer 17760 + 2·8; in the one sparse layer router and experts for gate, up and down.
  EXPECT_EQ(architecture_from_json(config).parameters(),
            59184 + 3 * 2 * 8 + 4 * 48 + 4 * 3 * 48 * 10 - 3 * 48 * 80);
  EXPECT_EQ(architecture_from_json(config).sparse, (std::vector{false, true, false}));
  EXPECT_EQ(architecture_from_json(to_json(architecture_from_json(config))).sparse,
            (std::vector{false, true, false}));
  const auto refusal = [&](const Json& fields) {
    Json other = config;
    other.update(fields);
    return error_of([&] { architecture_from_json(other); });
  };
  EXPECT_THAT(refusal({{"num_experts_per_tok", 5}}), HasSubstr("num_experts_per_tok"));
  EXPECT_THAT(refusal({{"num_experts", 0}}), HasSubstr("num_experts"));
  EXPECT_THAT(refusal({{"moe_intermediate_size", 0}}), HasSubstr("moe_intermediate_size"));
  EXPECT_THAT(refusal({{"decoder_sparse_step", 0}}), HasSubstr("decoder_sparse_step"));
  EXPECT_THAT(refusal({{"mlp_only_layers", 1}}), HasSubstr("mlp_only_layers"));
  EXPECT_THAT(refusal({{"mlp_bias", true}}), HasSubstr("mlp_bias"));

  config = with("model_type", "smollm3");
  EXPECT_EQ(architecture_from_json(config).without_rope, (std::vector{false, false, false}));  // every fourth
  EXPECT_TRUE(architecture_from_json(config).tied_embeddings);
  EXPECT_THAT(refusal({{"no_rope_layers", {1}}}), HasSubstr("no_rope_layers"));
  EXPECT_THAT(refusal({{"no_rope_layer_interval", 0}}), HasSubstr("no_rope_layer_interval"));
  config = with("model_type", "granite");
  EXPECT_EQ(architecture_from_json(config).attention_multiplier, 1);
  EXPECT_THAT(refusal({{"logits_scaling", 0}}), HasSubstr("logits_scaling"));
  config = with("model_type", "mistral");
  EXPECT_THAT(refusal({{"attention_bias", true}}), HasSubstr("attention_bias"));
  config = with("model_type", "ministral3");
  EXPECT_THAT(refusal({{"rope_theta", 1e6}}), HasSubstr("yarn"));
  const Json yarn = {{"type", "yarn"}, {"factor", 4.0}};
  EXPECT_THAT(refusal({{"rope_scaling", yarn}}), HasSubstr("llama_4_scaling_beta"));
}

// Where a config.json has both names of the rope's fields (tests/golden/make_rope_goldens.py).
TEST(Architecture, OfTwoNamesOfTheRopeTransformersChoiceCounts) {
  const Json goldens = read_json(std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/rope_fields.json");
  ASSERT_EQ(goldens.size(), 17u);
  for (const Json& row : goldens) {
    SCOPED_TRACE(dump(row));
    const Architecture a = architecture_from_json(row["config"]);
    for (const auto& [layers, rope] : row["rope"].items()) {
      const bool windowed = layers == "sliding_attention";
      const RopeScaling& scaling = windowed ? a.window_rope_scaling : a.rope_scaling;
      EXPECT_EQ(windowed ? a.window_rope_theta : a.rope_theta, rope["rope_theta"]);
      EXPECT_EQ(scaling.none(), rope["rope_type"] == "default");
      if (scaling.none()) continue;
      EXPECT_EQ(scaling.kind == RopeScaling::Kind::yarn, rope["rope_type"] == "yarn");
      EXPECT_EQ(scaling.factor, rope["factor"]);
    }
    EXPECT_EQ(a.query_growth, row["rope"]["full_attention"].value("llama_4_scaling_beta", 0.0));
    const Architecture again = architecture_from_json(to_json(a));
    EXPECT_EQ(rotary_frequencies(again), rotary_frequencies(a));
    EXPECT_EQ(rotary_frequencies(again, true), rotary_frequencies(a, true));
  }
}

TEST(Architecture, RefusesWithTheFieldsName) {
  const auto message = [](const char* field, const Json& value) {
    return error_of([&] { architecture_from_json(with(field, value)); });
  };
  EXPECT_THAT(message("model_type", "gpt2"),
              HasSubstr("\"gpt2\"\n  hint: known: llama, qwen2, qwen3, gemma3_text"));
  EXPECT_THAT(message("model_type", nullptr), HasSubstr("model_type"));
  EXPECT_TRUE(architecture_from_json(with("mlp_bias", true)).mlp_bias);
  EXPECT_EQ(architecture_from_json(with("mlp_bias", true)).parameters(), 59184 + 3 * (2 * 80 + 48));
  EXPECT_THAT(message("hidden_act", "gelu"), HasSubstr("hidden_act"));
  EXPECT_THAT(message("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}), HasSubstr("rope_scaling"));
  EXPECT_THAT(message("rope_parameters", {{"rope_type", "yarn"}}), HasSubstr("rope_parameters"));
  EXPECT_THAT(message("partial_rotary_factor", 0.5), HasSubstr("partial_rotary_factor"));
  EXPECT_THAT(message("quantization_config", {{"bits", 4}}), HasSubstr("quantization_config"));
  EXPECT_THAT(message("layer_types", {"full_attention", "sliding_attention"}), HasSubstr("layer_types"));
  Json sliding = with("use_sliding_window", true);
  EXPECT_EQ(architecture_from_json(sliding).width, 48);  // no window given: transformers uses none
  sliding["sliding_window"] = 32;
  EXPECT_THAT(error_of([&] { architecture_from_json(sliding); }), HasSubstr("use_sliding_window"));
  for (const char* field :
       {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "max_position_embeddings", "num_key_value_heads", "head_dim"}) {
    for (const Json& value : {Json(0), Json(-4), Json(2.5), Json("12"), Json(3000000000), Json(1ull << 63)}) {
      EXPECT_THAT(message(field, value), HasSubstr(field)) << dump(value);
    }
  }
  EXPECT_THAT(message("max_position_embeddings", (1 << 24) + 1), HasSubstr("max_position_embeddings"));
  EXPECT_THAT(message("hidden_size", nullptr), HasSubstr("hidden_size"));
  EXPECT_THAT(message("num_key_value_heads", 4), HasSubstr("to divide \"num_attention_heads\", got 4 and 6"));
  EXPECT_THAT(message("num_attention_heads", 10), HasSubstr("to divide \"hidden_size\", got 10 and 48"));
  EXPECT_THAT(message("head_dim", 7), HasSubstr("even \"head_dim\""));
  EXPECT_THAT(message("eos_token_id", 61), HasSubstr("eos_token_id"));
  EXPECT_THAT(message("eos_token_id", {2, -1}), HasSubstr("eos_token_id"));
  EXPECT_THAT(message("bos_token_id", 61), HasSubstr("bos_token_id"));
  EXPECT_THAT(message("rope_theta", 0), HasSubstr("rope_theta"));
  EXPECT_THAT(message("rms_norm_eps", "x"), HasSubstr("rms_norm_eps"));
  EXPECT_THAT(message("tie_word_embeddings", 1), HasSubstr("tie_word_embeddings"));
  EXPECT_THAT(error_of([] { architecture_from_json(Json::array()); }), HasSubstr("JSON object"));
}

}  // namespace
}  // namespace pope
