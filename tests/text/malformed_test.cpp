// A damaged or unsupported tokenizer.json is refused with an Error that says why; it never crashes.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "core/error.h"
#include "core/rng.h"
#include "text/hf_tokenizer.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using SortedJson = nlohmann::json;

class Malformed : public testing::Test {
 protected:
  Malformed() : folder_(fs::path(testing::TempDir()) / "pope_text_malformed") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    original_ = read_file(fs::path(POPE_SOURCE_DIR) / "tests/golden/text_qwen2/tokenizer.json");
  }

  // The message of the Error that loading throws; "" when it loads.
  std::string message_of(const std::string& tokenizer_json, const std::string& config_json = "{}") {
    // Not write_file: syncing hundreds of files takes seconds.
    std::ofstream(folder_ / "tokenizer.json", std::ios::binary) << tokenizer_json;
    std::ofstream(folder_ / "tokenizer_config.json", std::ios::binary) << config_json;
    try {
      load_tokenizer(folder_)->encode("The caf\u00e9 <mask> 12 <|im_end|>");
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  std::string message_after(const std::function<void(SortedJson&)>& change) {
    SortedJson description = SortedJson::parse(original_);
    change(description);
    return message_of(description.dump());
  }

  fs::path folder_;
  std::string original_;
};

// The inputs that the fuzzer starts from: the damaged ones are refused, the others load.
TEST(FuzzCorpus, LoadsOrIsRefused) {
  int refused = 0, loaded = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(POPE_SOURCE_DIR) / "fuzz/corpus/text_tokenizer_json")) {
    const std::string input = read_file(entry.path());
    const std::size_t nul = input.find('\0');
    const bool has_config = nul != std::string::npos;
    try {
      make_hf_tokenizer(
          {has_config ? input.substr(nul + 1) : input, has_config ? input.substr(0, nul) : "{}", ""},
          entry.path().string())
          ->encode("The  word");
      ++loaded;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GE(loaded, 5);
  EXPECT_GE(refused, 2);
}

#define EXPECT_SAYS(message, part) EXPECT_PRED_FORMAT2(testing::IsSubstring, part, message)

TEST_F(Malformed, TheOriginalLoads) { EXPECT_EQ(message_of(original_), ""); }

TEST_F(Malformed, MissingFileIsNamed) {
  try {
    load_tokenizer(folder_ / "nowhere");
    FAIL();
  } catch (const Error& error) {
    EXPECT_SAYS(error.what(), "tokenizer.json");
    EXPECT_SAYS(error.what(), "save_pretrained");
  }
}

TEST_F(Malformed, TruncatedAnywhere) {
  for (std::size_t size = 0; size < original_.size(); size += 97) {
    EXPECT_SAYS(message_of(original_.substr(0, size)), "parse error") << size;
  }
}

TEST_F(Malformed, WrongTypesAndMissingParts) {
  EXPECT_SAYS(message_of("[]"), "tokenizer.json");
  EXPECT_SAYS(message_of("{}"), "'model'");
  EXPECT_SAYS(message_of(original_, "[]"), "tokenizer_config.json");
  EXPECT_SAYS(message_of(original_, "{\"eos_token\": 3}"), "must be string");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"].erase("merges"); }), "merges");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["vocab"] = "x"; }), "model.vocab");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"] = 3; }), "tokenizer.json");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["added_tokens"][0].erase("content"); }), "content");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["added_tokens"][0]["special"] = "yes"; }), "boolean");
}

TEST_F(Malformed, IdsOutOfRange) {
  for (const SortedJson& id : {SortedJson(-1), SortedJson(1 << 30), SortedJson(18446744073709551615u),
                               SortedJson(1.5), SortedJson("7"), SortedJson(nullptr), SortedJson(true)}) {
    EXPECT_SAYS(message_after([&](SortedJson& d) { d["model"]["vocab"]["A"] = id; }), "expected an id") << id;
    EXPECT_SAYS(message_after([&](SortedJson& d) { d["added_tokens"][0]["id"] = id; }), "expected an id")
        << id;
  }
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["vocab"]["A"] = 4'000'000; }),
              "ids about as many");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["vocab"]["A"] = d["model"]["vocab"]["B"]; }),
              "one token for id");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["vocab"]["<|im_end|>"] = 999; }),
              "its id of the vocabulary");
}

TEST_F(Malformed, Merges) {
  for (const SortedJson& merge :
       {SortedJson::array({"A", "nowhere"}), SortedJson("A nowhere"), SortedJson::array({"\u0120", "Z"})}) {
    EXPECT_SAYS(message_after([&](SortedJson& d) { d["model"]["merges"].push_back(merge); }),
                "tokens of the vocabulary");
  }
  for (const SortedJson& merge :
       {SortedJson("AB"), SortedJson("A B C"), SortedJson(3), SortedJson::array({"A"})}) {
    EXPECT_SAYS(message_after([&](SortedJson& d) { d["model"]["merges"].push_back(merge); }),
                "expected a merge");
  }
}

// A merge makes a longer token, so merges cannot go in circles but through the empty token.
TEST_F(Malformed, MergesInCircles) {
  const auto encode = [](const std::string& text) {
    const auto merges = SortedJson::array({"a b", "b a", "ab a", "a ba", " a", "a ", " "});
    const SortedJson description = {
        {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
        {"model",
         {{"type", "BPE"},
          {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"ba", 3}, {"aba", 4}, {"", 5}}},
          {"merges", merges}}}};
    return make_hf_tokenizer({description.dump(), "{}", ""}, "test")->encode(text);
  };
  EXPECT_EQ(encode("abab"), (std::vector{2, 2}));
  EXPECT_EQ(encode("bababa"), (std::vector{1, 2, 4}));
}

// Parsing nested JSON is safe, copying it would overflow the stack.
TEST_F(Malformed, NestedTooDeep) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  for (const char* key : {"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "model"}) {
    EXPECT_SAYS(message_of("{\"" + std::string(key) + "\": " + deep + "}"),
                "at most 200 levels of nesting in tokenizer.json");
  }
  EXPECT_SAYS(message_of(original_, "{\"chat_template\": " + deep + "}"), "nesting in tokenizer_config.json");
}

TEST_F(Malformed, PostProcessorIds) {
  const auto put_in_front = [](int id) {
    return [=](SortedJson& d) {
      const SortedJson token = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
      d["post_processor"] = {{"type", "TemplateProcessing"}, {"single", SortedJson::array({token})}};
      d["post_processor"]["special_tokens"]["<s>"]["ids"] = SortedJson::array({id});
    };
  };
  EXPECT_EQ(message_after(put_in_front(490)), "");
  EXPECT_SAYS(message_after(put_in_front(491)), "post_processor's ids below 491, got 491");
}

TEST_F(Malformed, UnsupportedKindsAreNamed) {
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["type"] = "Unigram"; }),
              "BPE, WordLevel, got 'Unigram'");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["model"]["byte_fallback"] = true; }), "byte_fallback");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["normalizer"] = {{"type", "Lowercase"}}; }), "Lowercase");
  const SortedJson marks = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}};
  EXPECT_SAYS(message_after([&](SortedJson& d) { d["normalizer"] = marks; }), "no pre_tokenizer but a Split");
  EXPECT_SAYS(message_after([&](SortedJson& d) {
                d["normalizer"] = marks;
                d["pre_tokenizer"] = nullptr;
              }),
              "byte_fallback and a normalizer for spaces");
  const SortedJson llama2 = {{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}}, marks}}};
  EXPECT_SAYS(message_after([&](SortedJson& d) { d["normalizer"] = llama2; }), "Prepend");
  EXPECT_SAYS(message_after([](SortedJson& d) {
                d["pre_tokenizer"] = {{"type", "Metaspace"}};
              }),
              "Metaspace");
  EXPECT_SAYS(message_after([](SortedJson& d) { d["pre_tokenizer"] = nullptr; }), "ByteLevel");
  const auto set_split = [](const char* key, const SortedJson& value) {
    return [=](SortedJson& d) { d["pre_tokenizer"]["pretokenizers"][0][key] = value; };
  };
  EXPECT_SAYS(message_after(set_split("behavior", "MergedWithNext")), "MergedWithNext");
  EXPECT_SAYS(message_after(set_split("pattern", {{"Regex", "(unclosed"}})), "regular expression");
  // One byte, which may be a part of a character.
  EXPECT_SAYS(message_after(set_split("pattern", {{"Regex", "\\C"}})), "regular expression");
}

TEST_F(Malformed, RandomDamageEndsInAnErrorOrLoads) {
  RngStream rng(1, {key_of("malformed")});
  int refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::string text = original_;
    for (int i = 0; i < 3; ++i) text[rng.below(text.size())] = static_cast<char>(rng.below(256));
    refused += message_of(text).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 75);
}

}  // namespace
}  // namespace pope
