// Byte-pair encoding. The bytes of a piece start as one symbol each (byte-level), or its characters, a
// character without a token as its bytes "<0xE2>" (byte_fallback: Llama 2, Mistral, Gemma). The adjacent pair
// of lowest rank, leftmost among equals, is merged until none is left. Symbols are a linked list and
// candidates a heap, so a piece of n bytes takes O(n log n) whatever it holds. A piece that merges to one
// token, as most words do, is looked up whole.
#include "text/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "core/error.h"
#include "text/utf8.h"

namespace pope {
namespace {

// The visible character that spells a byte in a byte-level vocabulary: itself where it is printable Latin-1,
// otherwise the next of U+0100….
std::array<char32_t, 256> byte_characters() {
  std::array<char32_t, 256> result{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
    result[byte] = printable ? byte : next++;
  }
  return result;
}

// The bytes that a byte-level spelling stands for; the spelling itself when it holds any other character.
std::string bytes_of(const std::string& spelling) {
  static const auto byte_of = [] {
    std::unordered_map<char32_t, char> result;
    const auto characters = byte_characters();
    for (std::size_t byte = 0; byte < 256; ++byte) result[characters[byte]] = static_cast<char>(byte);
    return result;
  }();
  std::string bytes;
  for (std::size_t at = 0; at < spelling.size();) {
    const auto found = byte_of.find(next_code_point(spelling, at));
    if (found == byte_of.end()) return spelling;
    bytes += found->second;
  }
  return bytes;
}

// The same for a vocabulary with byte_fallback: "<0xE2>" is a byte, "▁" a space.
std::string byte_token(unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}
std::string text_of_fallback(const std::string& spelling) {
  if (spelling.size() == 6 && spelling.starts_with("<0x")) {
    const auto byte = static_cast<unsigned char>(std::strtoul(spelling.c_str() + 3, nullptr, 16));
    if (spelling == byte_token(byte)) return {static_cast<char>(byte)};
  }
  return without_space_marks(spelling);
}

std::string spelling_of(std::string_view bytes) {
  static const auto characters = byte_characters();
  std::string spelling;
  for (const char byte : bytes) append_utf8(characters[static_cast<unsigned char>(byte)], spelling);
  return spelling;
}

// Hash table from a pair of ids to its rank and what it merges to: open addressing, linear probing.
class MergeTable {
 public:
  struct Entry {
    int left = -1, right = -1, rank = 0, merged = 0;
  };

  explicit MergeTable(std::size_t count) : entries_(std::bit_ceil(count + count / 3 + 2)) {}

  void insert(const Entry& entry) { entries_[slot(entry.left, entry.right)] = entry; }
  const Entry* find(int left, int right) const {
    const Entry& entry = entries_[slot(left, right)];
    return entry.left < 0 ? nullptr : &entry;
  }

 private:
  std::size_t slot(int left, int right) const {
    const std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    std::size_t at = (key * 0x9E3779B97F4A7C15u) >> (64 - std::countr_zero(entries_.size()));
    while (entries_[at].left >= 0 && (entries_[at].left != left || entries_[at].right != right)) {
      at = (at + 1) & (entries_.size() - 1);
    }
    return at;
  }
  std::vector<Entry> entries_;
};

struct Symbol {
  int id;  // -1 once merged into its left neighbour
  int previous, next;
};

struct Candidate {
  const MergeTable::Entry* merge;
  int position;
  bool operator<(const Candidate& other) const {  // the heap's top is the lowest rank, then the leftmost
    return merge->rank != other.merge->rank ? merge->rank > other.merge->rank : position > other.position;
  }
};

class Bpe : public TokenModel {
 public:
  explicit Bpe(const TokenModelSource& source);
  void encode(const std::vector<std::string_view>& pieces, std::vector<int>& ids) const override;
  std::string_view text(int id) const override {
    return static_cast<std::size_t>(id) < texts_.size()
               ? std::string_view(texts_[static_cast<std::size_t>(id)])
               : "";
  }
  std::string_view joiner() const override { return ""; }

 private:
  void start_symbols(std::string_view piece, std::vector<Symbol>& symbols) const;
  void start_characters(std::string_view piece, std::vector<Symbol>& symbols) const;
  void merge_symbols(std::vector<Symbol>& symbols, std::vector<Candidate>& heap) const;
  void find_whole(const TokenModelSource& source);

  std::shared_ptr<const Vocabulary> characters_;  // with byte_fallback: where they are looked up
  std::array<int, 256> byte_ids_;                 // -1 = not in the vocabulary
  MergeTable merges_;
  std::vector<std::string> texts_;                   // by id
  std::unordered_map<std::string_view, int> whole_;  // into texts_: pieces that are one token
  int unknown_ = -1;
  bool fuse_unknown_ = false;
};

bool is_set(const SortedJson& model, const char* key) {
  return model.contains(key) && !model[key].is_null() && model[key] != false && model[key] != "" &&
         model[key] != 0.0;
}

int id_of(const Vocabulary& vocabulary, const std::string& token, const std::string& what) {
  const int id = vocabulary.find(token);
  if (id < 0) {
    throw Error("load tokenizer",
                "expected " + what + " to be made of tokens of the vocabulary, got '" + token + "'",
                "tokenizer.json is damaged: fetch it again");
  }
  return id;
}

// "a b" or ["a", "b"].
std::pair<std::string, std::string> pair_of(const SortedJson& merge) {
  if (merge.is_array() && merge.size() == 2)
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const auto text = merge.get<std::string>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  throw Error("load tokenizer",
              "expected a merge \"a b\" or [\"a\", \"b\"], got " +
                  merge.dump(-1, ' ', true, SortedJson::error_handler_t::replace),
              "tokenizer.json is damaged: fetch it again");
}

Bpe::Bpe(const TokenModelSource& source) : merges_(source.model.at("merges").size()) {
  const Vocabulary& vocabulary = *source.vocabulary;
  const bool fallback = is_set(source.model, "byte_fallback");
  if (fallback) characters_ = source.vocabulary;
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"}) {
    if (!is_set(source.model, key) || (!fallback && std::string_view(key) == "ignore_merges")) continue;
    throw Error(
        "load tokenizer", std::string("expected BPE without ") + key + ", got " + source.model[key].dump(),
        "supported are byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM), SentencePiece's (Llama 2, Mistral, "
        "Gemma) and WordLevel");
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string token = byte_token(static_cast<unsigned char>(byte));
    byte_ids_[byte] =
        fallback ? id_of(vocabulary, token, "byte_fallback") : vocabulary.find(spelling_of({&c, 1}));
  }
  int rank = 0;
  for (const SortedJson& merge : source.model["merges"]) {
    const auto [left, right] = pair_of(merge);
    const std::string what = "merge " + std::to_string(rank);
    merges_.insert({id_of(vocabulary, left, what), id_of(vocabulary, right, what), rank,
                    id_of(vocabulary, left + right, what)});
    ++rank;
  }
  for (const std::string& token : vocabulary.tokens()) {
    texts_.push_back(fallback ? text_of_fallback(token) : bytes_of(token));
  }
  if (is_set(source.model, "unk_token")) {
    unknown_ = vocabulary.find(source.model["unk_token"].get<std::string>());
    fuse_unknown_ = is_set(source.model, "fuse_unk");
  }
  if (!fallback) find_whole(source);  // there a piece is a whole text, hardly ever one token
}

// With ignore_merges every token counts, otherwise those that the merges make of their bytes.
void Bpe::find_whole(const TokenModelSource& source) {
  const bool ignore_merges = source.model.value("ignore_merges", false);
  // Longer tokens (runs of one character, words of hundreds of letters in damaged files) are rare in text.
  constexpr std::size_t kLongest = 64;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const int id = static_cast<int>(i);
    const std::string& text = texts_[i];
    if (text.empty() || source.special_ids.contains(id)) continue;
    if (ignore_merges) {
      if (source.vocabulary->find(spelling_of(text)) != id) continue;  // not a byte-level spelling
    } else {
      if (text.size() > kLongest) continue;
      start_symbols(text, symbols);
      merge_symbols(symbols, heap);
      if (symbols.empty() || symbols[0].id != id || symbols[0].next >= 0) continue;
    }
    whole_.emplace(text, id);
  }
}

void Bpe::start_symbols(std::string_view piece, std::vector<Symbol>& symbols) const {
  symbols.clear();
  for (const char c : piece) {
    int id = byte_ids_[static_cast<unsigned char>(c)];
    if (id < 0) {  // a vocabulary without this byte: the unknown token, or nothing, as Hugging Face does
      if (unknown_ < 0 || (fuse_unknown_ && !symbols.empty() && symbols.back().id == unknown_)) continue;
      id = unknown_;
    }
    const int at = static_cast<int>(symbols.size());
    symbols.push_back({id, at - 1, at + 1});
  }
  if (!symbols.empty()) symbols.back().next = -1;
}

void Bpe::start_characters(std::string_view piece, std::vector<Symbol>& symbols) const {
  symbols.clear();
  const auto add = [&](int id) {
    const int at = static_cast<int>(symbols.size());
    symbols.push_back({id, at - 1, at + 1});
  };
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t start = at;
    next_code_point(piece, at);
    const std::string_view character = piece.substr(start, at - start);
    if (const int id = characters_->find(character); id >= 0) {
      add(id);
    } else {
      for (const char byte : character) add(byte_ids_[static_cast<unsigned char>(byte)]);
    }
  }
  if (!symbols.empty()) symbols.back().next = -1;
}

void Bpe::merge_symbols(std::vector<Symbol>& symbols, std::vector<Candidate>& heap) const {
  const auto at = [&](int position) -> Symbol& { return symbols[static_cast<std::size_t>(position)]; };
  heap.clear();
  const auto consider = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    const MergeTable::Entry* merge = merges_.find(at(left).id, at(right).id);
    if (merge == nullptr) return;
    heap.push_back({merge, left});
    std::push_heap(heap.begin(), heap.end());
  };
  for (int i = 0; i + 1 < static_cast<int>(symbols.size()); ++i) consider(i, i + 1);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate top = heap.back();
    heap.pop_back();
    Symbol& left = at(top.position);
    // A candidate is stale when either symbol has merged meanwhile.
    if (left.id != top.merge->left || left.next < 0 || at(left.next).id != top.merge->right) continue;
    Symbol& right = at(left.next);
    left.id = top.merge->merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) at(left.next).previous = top.position;
    consider(left.previous, top.position);
    consider(top.position, left.next);
  }
}

void Bpe::encode(const std::vector<std::string_view>& pieces, std::vector<int>& ids) const {
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  for (const std::string_view piece : pieces) {
    if (const auto found = whole_.find(piece); found != whole_.end()) {
      ids.push_back(found->second);
      continue;
    }
    if (characters_) {
      start_characters(piece, symbols);
    } else {
      start_symbols(piece, symbols);
    }
    merge_symbols(symbols, heap);
    for (const Symbol& symbol : symbols) {
      if (symbol.id >= 0) ids.push_back(symbol.id);
    }
  }
}

}  // namespace

std::unique_ptr<TokenModel> load_bpe(const TokenModelSource& source) { return std::make_unique<Bpe>(source); }

}  // namespace pope
