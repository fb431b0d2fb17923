// Tokenizers against goldens of Hugging Face's own libraries (tests/golden/make_text_goldens.py).
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "core/error.h"
#include "text/utf8.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using SortedJson = nlohmann::json;

const fs::path kGolden = fs::path(POPE_SOURCE_DIR) / "tests/golden";

SortedJson golden(const std::string& name) { return SortedJson::parse(read_file(kGolden / name)); }

fs::path temporary_folder(const std::string& name) {
  const fs::path path = fs::path(testing::TempDir()) / ("pope_text_" + name);
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string valid(const std::string& text) {
  std::string storage;
  return std::string(valid_utf8(text, storage));
}

void expect_row(const Tokenizer& tokenizer, const std::string& text, const SortedJson& row) {
  const auto plain = row["plain"].get<std::vector<int>>();
  const auto special = row.contains("special") ? row["special"].get<std::vector<int>>() : plain;
  EXPECT_EQ(tokenizer.encode(text), plain) << SortedJson(valid(text));
  EXPECT_EQ(tokenizer.encode(text, true), special) << SortedJson(valid(text));
  const std::vector<bool> from_template(valid(text).size(), false);
  EXPECT_EQ(tokenizer.encode_chat(valid(text), from_template), special) << SortedJson(valid(text));
  EXPECT_EQ(valid(tokenizer.decode(special)), row["decoded"].get<std::string>()) << SortedJson(valid(text));
}

class Golden : public testing::TestWithParam<const char*> {};
class ByteLevelGolden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, IdsAndDecodedTextAreThoseOfHuggingFace) {
  const SortedJson goldens = golden("text_ids.json");
  const std::string kind = GetParam();
  const auto tokenizer = load_tokenizer(kGolden / ("text_" + kind));
  const SortedJson& texts = goldens[kind == "word" ? "word_texts" : "texts"];
  const SortedJson& rows = goldens["tokenizers"][kind];
  ASSERT_EQ(texts.size(), rows.size());
  ASSERT_GE(texts.size(), 7u);
  for (std::size_t i = 0; i < texts.size(); ++i) expect_row(*tokenizer, texts[i].get<std::string>(), rows[i]);
}

TEST_P(ByteLevelGolden, InvalidBytesAreReplaced) {
  const SortedJson goldens = golden("text_ids.json");
  const std::string kind = GetParam();
  const auto tokenizer = load_tokenizer(kGolden / ("text_" + kind));
  const SortedJson& bytes = goldens["bad_bytes"];
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    expect_row(*tokenizer, from_hex(bytes[i].get<std::string>()), goldens["bad"][kind][i]);
  }
}

TEST_P(Golden, SavesWhatItLoaded) {
  const std::string kind = GetParam();
  const fs::path from = kGolden / ("text_" + kind), to = temporary_folder(kind);
  load_tokenizer(from)->save(to);
  EXPECT_EQ(read_file(to / "tokenizer.json"), read_file(from / "tokenizer.json"));
  EXPECT_EQ(read_file(to / "tokenizer_config.json"), read_file(from / "tokenizer_config.json"));
  EXPECT_FALSE(fs::exists(to / "chat_template.jinja"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ByteLevelGolden,
                         testing::Values("gpt2", "smollm", "qwen2", "llama3", "gemma", "llama2", "mistral",
                                         "metaspace"));
INSTANTIATE_TEST_SUITE_P(Kinds, Golden,
                         testing::Values("gpt2", "smollm", "qwen2", "llama3", "gemma", "llama2", "mistral",
                                         "metaspace", "word"));

class MarkedGolden : public testing::TestWithParam<const char*> {};

// Hugging Face's ids of a text, cut wherever two of its tokens meet: the second piece, encoded behind the
// first, gives what is left of them.
TEST_P(MarkedGolden, PiecesOfATextGiveTheIdsOfTheWhole) {
  const SortedJson goldens = golden("text_ids.json");
  const std::string kind = GetParam();
  const auto tokenizer = load_tokenizer(kGolden / ("text_" + kind));
  int cuts = 0, changed = 0;
  for (std::size_t i = 0; i < goldens["texts"].size(); ++i) {
    const auto text = goldens["texts"][i].get<std::string>();
    const SortedJson& row = goldens["tokenizers"][kind][i];
    const auto whole = (row.contains("special") ? row["special"] : row["plain"]).get<std::vector<int>>();
    for (std::size_t at = 0; at <= text.size(); ++at) {
      if (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
      const std::string first = text.substr(0, at), second = text.substr(at);
      const std::vector<int> before = tokenizer->encode(first, true);
      const bool meet =
          before.size() <= whole.size() && std::equal(before.begin(), before.end(), whole.begin());
      if (!meet || tokenizer->encode(second, true) != tokenizer->encode(second)) continue;
      const std::vector<int> rest(whole.begin() + std::ptrdiff_t(before.size()), whole.end());
      EXPECT_EQ(tokenizer->encode_behind(before, second), rest) << SortedJson(first) << SortedJson(second);
      ++cuts;
      changed += tokenizer->encode(second) != rest;
    }
  }
  EXPECT_GT(cuts, 1000);
  EXPECT_EQ(changed > 1000, kind != "gemma");  // which puts nothing in front
}

INSTANTIATE_TEST_SUITE_P(Kinds, MarkedGolden, testing::Values("gemma", "llama2", "mistral", "metaspace"));

// The BOS token that stands in front of a text is no part of it; one that a template writes is.
TEST(Tokenizer, ATextBehindItsBosTokenIsAWholeText) {
  const SortedJson description = SortedJson::parse(read_file(kGolden / "text_mistral/tokenizer.json"));
  for (const bool adds : {false, true}) {
    const fs::path folder = temporary_folder("behind_bos");
    SortedJson with_bos = description;
    const int bos = 2;
    if (adds) {
      with_bos["post_processor"] = {
          {"type", "TemplateProcessing"},
          {"single", {{{"SpecialToken", {{"id", "<bos>"}, {"type_id", 0}}}}}},
          {"special_tokens", {{"<bos>", {{"id", "<bos>"}, {"ids", {bos}}, {"tokens", {"<bos>"}}}}}}};
    }
    write_file(folder / "tokenizer.json", with_bos.dump());
    const auto tokenizer = load_tokenizer(folder);
    ASSERT_EQ(tokenizer->find("<bos>"), bos);
    EXPECT_EQ(tokenizer->encode_behind(std::vector{bos}, "the") == tokenizer->encode("the"), adds);
    EXPECT_EQ(tokenizer->encode_behind({}, "the"), tokenizer->encode("the"));
  }
}

// ByteLevel with add_prefix_space puts a space in front of a text, too.
TEST(Tokenizer, ASpaceIsPutInFrontOfWholeTextsAlone) {
  SortedJson description = SortedJson::parse(read_file(kGolden / "text_gpt2/tokenizer.json"));
  description["pre_tokenizer"]["add_prefix_space"] = true;
  const fs::path folder = temporary_folder("prefix_space");
  write_file(folder / "tokenizer.json", description.dump());
  const auto tokenizer = load_tokenizer(folder), plain = load_tokenizer(kGolden / "text_gpt2");
  EXPECT_EQ(tokenizer->encode("the fox"), plain->encode(" the fox"));
  const std::vector<int> before = tokenizer->encode("The\n");
  EXPECT_EQ(tokenizer->encode_behind(before, "the fox"), plain->encode("the fox"));
}

TEST(Tokenizer, KnowsItsTokens) {
  const auto smollm = load_tokenizer(kGolden / "text_smollm");
  EXPECT_EQ(smollm->find("<|endoftext|>"), 0);
  EXPECT_EQ(smollm->find("<|im_end|>"), 2);
  EXPECT_EQ(smollm->find("<|im_"), std::nullopt);
  EXPECT_EQ(smollm->eos_token(), "<|im_end|>");
  EXPECT_NE(smollm->chat_template().find("You are Tiny"), std::string::npos);
  const auto llama3 = load_tokenizer(kGolden / "text_llama3");  // 481 tokens, then three special ones
  EXPECT_EQ(llama3->find("\u0120unreachable"), 480);
  EXPECT_EQ(llama3->find("<|im_end|>"), 483);
  EXPECT_EQ(llama3->size(), 484);
}

// Tokens that only tokenizer_config.json names, or describes otherwise, beside the tokenizer.json of Qwen's
// kind.
TEST(ConfigTokens, AreAddedAsTransformersDoes) {
  const SortedJson goldens = golden("text_added.json");
  const std::string json = read_file(kGolden / "text_qwen2/tokenizer.json");
  ASSERT_GE(goldens["rows"].size(), 12u);
  for (const SortedJson& row : goldens["rows"]) {
    SCOPED_TRACE(row["config"].get<std::string>());
    const fs::path folder = temporary_folder("added");
    write_file(folder / "tokenizer.json", json);
    write_file(folder / "tokenizer_config.json", row["config"].get<std::string>());
    const auto tokenizer = load_tokenizer(folder);
    EXPECT_EQ(tokenizer->size(), row["size"]);
    expect_row(*tokenizer, goldens["text"].get<std::string>(), row);
    tokenizer->save(folder / "saved");
    EXPECT_EQ(load_tokenizer(folder / "saved")->size(), row["size"]);
  }
}

// The class LlamaTokenizer of transformers marks spaces its own way.
TEST(ConfigClass, MarksSpacesAsTransformersDoes) {
  const SortedJson goldens = golden("text_classes.json");
  ASSERT_EQ(goldens["rows"].size(), 44u);
  for (const SortedJson& row : goldens["rows"]) {
    const auto kind = row["kind"].get<std::string>(), config = row["config"].get<std::string>(),
               model_type = row["model_type"].get<std::string>();
    SCOPED_TRACE(kind + " " + config + " " + model_type);
    const fs::path folder = temporary_folder("class");
    write_file(folder / "tokenizer.json", read_file(kGolden / ("text_" + kind) / "tokenizer.json"));
    write_file(folder / "tokenizer_config.json", config);
    if (!model_type.empty())
      write_file(folder / "config.json", SortedJson{{"model_type", model_type}}.dump());
    const auto tokenizer = load_tokenizer(folder);
    for (std::size_t i = 0; i < row["ids"].size(); ++i)
      expect_row(*tokenizer, goldens["texts"][i].get<std::string>(), row["ids"][i]);
    tokenizer->save(folder);
    EXPECT_EQ(read_file(folder / "tokenizer.json"), read_file(kGolden / ("text_" + kind) / "tokenizer.json"));
  }
}

TEST(ConfigTokens, OthersThanTextAreRefused) {
  const fs::path folder = temporary_folder("added");
  write_file(folder / "tokenizer.json", read_file(kGolden / "text_qwen2/tokenizer.json"));
  write_file(folder / "tokenizer_config.json", R"({"added_tokens_decoder": {"491": {"special": true}}})");
  try {
    load_tokenizer(folder);
    FAIL();
  } catch (const Error& error) {
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "tokenizer_config.json", error.what());
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "key 'content' not found", error.what());
  }
}

TEST(ChatTemplate, WithoutADefaultTheNamesAreSaid) {
  const fs::path folder = temporary_folder("templates");
  write_file(folder / "tokenizer.json", read_file(kGolden / "text_qwen2/tokenizer.json"));
  const auto template_of = [&](const std::string& value) {
    write_file(folder / "tokenizer_config.json", "{\"chat_template\": " + value + "}");
    try {
      return load_tokenizer(folder)->chat_template();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  for (const char* value :
       {R"({"tool_use": "t", "rag": "r"})", R"({"tool_use": "t", "rag": {"default": 1}})"}) {
    EXPECT_PRED_FORMAT2(testing::IsSubstring, R"(got object with the names "rag", "tool_use")",
                        template_of(value));
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "write it to chat_template.jinja", template_of(value));
  }
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "got number", template_of("7"));
}

TEST(Tokenizer, DecodesIdsItDoesNotHaveAsNothing) {
  const auto tokenizer = load_tokenizer(kGolden / "text_llama3");
  const std::vector<int> ids = {-1, 480, 484, 151936, 1 << 30};
  EXPECT_EQ(tokenizer->decode(ids), " unreachable");
  const auto words = load_tokenizer(kGolden / "text_word");
  EXPECT_EQ(words->decode(std::vector<int>{2, -7, 3, 0, 4, 99}), "r = 1");
  EXPECT_EQ(words->decode(std::vector<int>{2, 0, 4}, false), "r <eos> 1");
}

TEST(Tokenizer, DecodedBytesStayAsTheyAre) {
  const auto tokenizer = load_tokenizer(kGolden / "text_gpt2");
  const std::vector<int> ids = tokenizer->encode("\xF0\x9F\x98\x80");  // unseen in training: one id per byte
  ASSERT_GE(ids.size(), 2u);
  std::string first = tokenizer->decode(std::span(ids).first(1)),
              rest = tokenizer->decode(std::span(ids).subspan(1));
  EXPECT_EQ(first[0], '\xF0');
  EXPECT_EQ(first + rest, "\xF0\x9F\x98\x80");
}

// A special token that is found behind a normalizer which changes its spelling, "\u2581<mask>".
TEST(Tokenizer, WhatAUserGivesSpellsNoNormalizedToken) {
  const auto tokenizer = load_tokenizer(kGolden / "text_llama2");
  const std::string text = "<mask> a <mask>";
  const std::vector<int> mask = {*tokenizer->find("<mask>")};
  const auto ids_with = [&](std::size_t begin, std::size_t end) {
    std::vector<bool> given(text.size(), false);
    std::fill(given.begin() + std::ptrdiff_t(begin), given.begin() + std::ptrdiff_t(end), true);
    return tokenizer->encode_chat(text, given);
  };
  EXPECT_EQ(ids_with(0, 0), tokenizer->encode(text, true));
  const std::vector<int> none_given = ids_with(0, 0);
  EXPECT_EQ(std::count(none_given.begin(), none_given.end(), mask[0]), 2);
  EXPECT_EQ(ids_with(0, text.size()), tokenizer->encode(text));
  const std::vector<int> second_given = ids_with(7, text.size()), first_given = ids_with(3, 4);
  EXPECT_EQ(second_given.front(), mask[0]);
  EXPECT_NE(second_given.back(), mask[0]);
  EXPECT_NE(first_given.front(), mask[0]);
  EXPECT_EQ(first_given.back(), mask[0]);
  EXPECT_EQ(ids_with(8, 9).back(), mask[0]);  // the space that the mark stands for is no part of the token
  EXPECT_NE(ids_with(9, 10).back(), mask[0]);
}

TEST(Tokenizer, EncodesFromManyThreads) {
  const auto tokenizer = load_tokenizer(kGolden / "text_qwen2");
  const std::string text = "The answer doesn't change: 12345, caf\u00e9 and e\u0301.\n\n  End.";
  const std::vector<int> expected = tokenizer->encode(text);
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) wrong[t] += tokenizer->encode(text) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

// Every pattern over runs that invite backtracking, and one word far too long for a quadratic merge.
TEST(Tokenizer, TakesLongRuns) {
  for (const char* kind : {"gpt2", "smollm", "qwen2", "llama3"}) {
    const auto tokenizer = load_tokenizer(kGolden / (std::string("text_") + kind));
    for (const std::string unit : {"a", " ", "\n", " \n", "ab", "7", "!", "<", "\u00e9", "' "}) {
      std::string text;
      while (text.size() < 400'000) text += unit;
      const std::vector<int> ids = tokenizer->encode(text);
      EXPECT_EQ(tokenizer->decode(ids), text) << kind << " " << unit;
    }
  }
}

BpeParts parts_of(const fs::path& folder) {
  const SortedJson description = SortedJson::parse(read_file(folder / "tokenizer.json"));
  BpeParts parts;
  parts.tokens.resize(description["model"]["vocab"].size());
  for (const auto& [token, id] : description["model"]["vocab"].items())
    parts.tokens.at(id.get<std::size_t>()) = token;
  for (const SortedJson& merge : description["model"]["merges"]) {
    parts.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  parts.special_ids = {0, 1, 2};
  parts.eos_token = "<|im_end|>";
  parts.chat_template = "{{ '<|im_start|>' }}";
  return parts;
}

TEST(BpeFromParts, GivesTheIdsOfTheJsonAndSavesAsSuch) {
  const SortedJson goldens = golden("text_ids.json");
  BpeParts parts = parts_of(kGolden / "text_smollm");
  parts.pre = "smollm";
  const fs::path folder = temporary_folder("parts");
  make_bpe_tokenizer(parts)->save(folder);
  const auto tokenizer = load_tokenizer(folder);
  EXPECT_EQ(tokenizer->eos_token(), "<|im_end|>");
  EXPECT_EQ(tokenizer->chat_template(), "{{ '<|im_start|>' }}");
  for (std::size_t i = 0; i < goldens["texts"].size(); ++i) {
    expect_row(*tokenizer, goldens["texts"][i].get<std::string>(), goldens["tokenizers"]["smollm"][i]);
  }
}

// Qwen3's <think> is of the type user-defined: one token, but text.
TEST(BpeFromParts, UserDefinedTokensSurviveDecoding) {
  BpeParts parts = parts_of(kGolden / "text_smollm");
  parts.pre = "qwen2";
  parts.added_ids = {static_cast<int>(parts.tokens.size())};
  parts.tokens.push_back("<think>");
  const auto tokenizer = make_bpe_tokenizer(parts);
  const std::vector<int> ids = tokenizer->encode("<think>1<|im_end|>", true);
  EXPECT_EQ(ids.front(), parts.added_ids[0]);
  EXPECT_EQ(ids.back(), 2);
  EXPECT_EQ(tokenizer->decode(ids), "<think>1");
}

TEST(BpeFromParts, BosStandsInFrontWhereTheFileSaysSo) {
  BpeParts parts = parts_of(kGolden / "text_smollm");
  parts.bos_token = "<|im_start|>";
  const auto prefix = [&](const char* pre, std::optional<bool> add_bos) {
    parts.pre = pre;
    parts.add_bos = add_bos;
    const fs::path folder = temporary_folder("bos");
    make_bpe_tokenizer(parts)->save(folder);
    const auto tokenizer = load_tokenizer(folder);
    EXPECT_EQ(tokenizer->bos_token(), "<|im_start|>");
    return tokenizer->prefix();
  };
  EXPECT_EQ(prefix("smollm", {}), std::vector<int>{});
  EXPECT_EQ(prefix("smollm", true), std::vector<int>{1});
  EXPECT_EQ(prefix("llama-bpe", {}), std::vector<int>{1});  // as llama.cpp takes it
  EXPECT_EQ(prefix("llama-bpe", false), std::vector<int>{});
}

TEST(BpeFromParts, SplitsAsThePreTokenizerSays) {
  BpeParts parts = parts_of(kGolden / "text_smollm");
  for (const char* pre : {"gpt-2", "smollm", "qwen2", "llama-bpe"}) {
    parts.pre = pre;
    EXPECT_EQ(make_bpe_tokenizer(parts)->decode(make_bpe_tokenizer(parts)->encode("in 1000 IT'S\n\n x")),
              "in 1000 IT'S\n\n x");
  }
  parts.pre = "tekken";
  try {
    make_bpe_tokenizer(parts);
    FAIL() << "an unknown pre-tokeniser was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("gpt-2, smollm, qwen2, llama-bpe"), std::string::npos)
        << error.what();
  }
  parts.pre = "smollm";
  parts.special_ids = {};
  parts.added_ids = {480'000};
  EXPECT_THROW(make_bpe_tokenizer(parts), Error);
  parts.added_ids = {};
  parts.special_ids = {480'000};
  EXPECT_THROW(make_bpe_tokenizer(parts), Error);
  parts.special_ids = {};
  parts.tokens[5] = "\xFF";
  EXPECT_THROW(make_bpe_tokenizer(parts), Error);
}

TEST(WordTokenizer, FollowsTheOrderOfTheWords) {
  const fs::path folder = temporary_folder("words");
  make_word_tokenizer({"<eos>", "start", "7", "->", ";"}, "<eos>")->save(folder);
  const auto tokenizer = load_tokenizer(folder);
  EXPECT_EQ(tokenizer->size(), 5);
  EXPECT_EQ(tokenizer->eos_token(), "<eos>");
  EXPECT_EQ(tokenizer->encode(" start 7\n-> 7 ;"), (std::vector<int>{1, 2, 3, 2, 4}));
  EXPECT_EQ(tokenizer->encode("7 <eos>", true), (std::vector<int>{2, 0}));
  EXPECT_THROW(tokenizer->encode("7 <eos>"), Error);
  EXPECT_THROW(tokenizer->encode("7 8"), Error);
  EXPECT_EQ(tokenizer->decode(std::vector<int>{1, 2, 3, 2, 4, 0}), "start 7 -> 7 ;");
  EXPECT_THROW(make_word_tokenizer({"a", "b", "a"}, "b"), Error);
  EXPECT_THROW(make_word_tokenizer({"a", "b"}, "c"), Error);
}

std::uint64_t fnv1a(const std::vector<int>& ids) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const int id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      value = (value ^ ((static_cast<std::uint32_t>(id) >> shift) & 0xFF)) * 0x100000001B3u;
    }
  }
  return value;
}

void expect_digest(const std::vector<int>& ids, const SortedJson& row, const std::string& what) {
  EXPECT_EQ(ids.size(), row["ids"].get<std::size_t>()) << what;
  EXPECT_EQ(fnv1a(ids), std::stoull(row["fnv1a"].get<std::string>(), nullptr, 16)) << what;
}

TEST(Qwen3, IdsOfProblemFilesAreThoseOfHuggingFace) {
  const char* data = std::getenv("POPE_DATA");
  if (data == nullptr) GTEST_SKIP() << "POPE_DATA is not set: no Qwen3 tokenizer and no problem files";
  const auto tokenizer = load_tokenizer(fs::path(data) / "tokenizers/qwen3");
  const SortedJson goldens = golden("text_qwen3.json");
  for (const auto& [name, row] : goldens["files"].items()) {
    std::vector<int> ids;
    read_jsonl(fs::path(data) / (name + ".jsonl"), [&](Json&& problem, std::size_t line) {
      if (line > row["rows"].get<std::size_t>()) return;
      const auto text = problem["problem"].get<std::string>();
      const std::vector<int> part = tokenizer->encode(text);
      EXPECT_EQ(tokenizer->decode(part), text);
      ids.insert(ids.end(), part.begin(), part.end());
    });
    expect_digest(ids, row, name);
  }
  std::vector<int> ids;
  const SortedJson torture = golden("text_ids.json");
  for (const SortedJson& text : torture["texts"]) {
    const std::vector<int> part = tokenizer->encode(text.get<std::string>());
    ids.insert(ids.end(), part.begin(), part.end());
  }
  expect_digest(ids, goldens["torture"], "torture");
}

}  // namespace
}  // namespace pope
