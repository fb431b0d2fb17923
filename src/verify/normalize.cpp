// The normaliser: one pass over the text.
#include "verify/normalize.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/chars.h"

namespace pope {
namespace {

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Commands that vanish, commands that vanish with the braces of their argument, and commands with another
// spelling.
constexpr std::array<std::string_view, 16> kDropped = {
    "left", "right", "big",          "Big",       "bigg", "Bigg",  "bigl",   "bigr",
    "Bigl", "Bigr",  "displaystyle", "textstyle", "quad", "qquad", "degree", "limits"};
constexpr std::array<std::string_view, 12> kWrappers = {"text",         "textbf", "textit", "textrm",
                                                        "mathrm",       "mathbf", "mathit", "mbox",
                                                        "operatorname", "boxed",  "fbox",   "rm"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kSpellings = {
    {{"dfrac", "\\frac"},
     {"tfrac", "\\frac"},
     {"cfrac", "\\frac"},
     {"lt", "<"},
     {"gt", ">"},
     {"le", "\\leq"},
     {"ge", "\\geq"},
     {"ne", "\\neq"},
     {"to", "\\rightarrow"}}};

class Normalizer {
 public:
  explicit Normalizer(std::string_view in) : in_(in) {}

  Normal run() {
    while (at_ < in_.size()) step();
    while (out_.text.ends_with('.') || out_.text.ends_with(',')) {
      out_.text.pop_back();
      out_.gap.pop_back();
    }
    out_.gap.push_back(true);
    return std::move(out_);
  }

 private:
  bool next_is(std::string_view what) const { return in_.substr(at_, what.size()) == what; }

  void emit(std::string_view what) {
    for (const char c : what) {
      out_.text += c;
      out_.gap.push_back(std::exchange(gap_, false));
    }
    after_command_ = false;
  }

  void drop(std::size_t count, bool gap = true) {
    at_ += count;
    gap_ = gap_ || gap;
  }

  void step() {
    if (is_alnum(in_[at_])) return emit(in_.substr(at_++, 1));
    for (const std::string_view sign :
         {" ", "\t", "\r", "\n", "~", "$", "%", "\u00B0", "\u00A0", "\u20AC", "^\\circ", "^{\\circ}"})
      if (next_is(sign)) return drop(sign.size());
    if (next_is("\u2212")) {  // the minus sign
      emit("-");
      at_ += 3;
    } else if (next_is("{,}")) {  // a thousands separator
      emit(",");
      at_ += 3;
    } else if (in_[at_] == '\\' && at_ + 1 < in_.size()) {
      command();
    } else if (in_[at_] == '{') {
      open();
    } else if (in_[at_] == '}') {
      close();
    } else {
      emit(in_.substr(at_++, 1));
    }
  }

  void command() {
    std::size_t end = at_ + 1;
    while (end < in_.size() && is_letter(in_[end])) ++end;
    const std::string_view name = in_.substr(at_ + 1, end - at_ - 1);
    if (name.empty()) {
      const char sign = in_[at_ + 1];
      if (sign == '{' || sign == '}' || sign == '\\') {
        emit(in_.substr(at_, 2));
        at_ += 2;
      } else {
        drop(2, sign != ',' && sign != '!');  // thin spaces may stand inside a number
      }
      return;
    }
    drop(end - at_, false);
    if (contains(kDropped, name)) {
      gap_ = true;
    } else if (contains(kWrappers, name)) {
      gap_ = true;
      if (in_.substr(at_, 1) == "{") {
        transparent_.push_back(true);
        ++at_;
      }
    } else {
      std::string spelling = "\\" + std::string(name);
      for (const auto& [from, into] : kSpellings)
        if (name == from) spelling = into;
      emit(spelling);
      after_command_ = true;
      if (spelling == "\\frac" || spelling == "\\sqrt") bare_arguments(spelling == "\\frac" ? 2 : 1);
    }
  }

  // \frac12 → \frac{1}{2}, \frac1{72} → \frac{1}{72}, \sqrt2 → \sqrt{2}.
  void bare_arguments(int most) {
    for (int i = 0; i < most; ++i) {
      std::size_t at = at_;
      while (at < in_.size() && in_[at] == ' ') ++at;
      if (at >= in_.size() || !is_alnum(in_[at])) return;
      emit("{");
      emit(in_.substr(at, 1));
      emit("}");
      at_ = at + 1;
    }
  }

  // Braces stay where they hold an argument: after a command, "}", "]", and after ^ or _ around more than one
  // character.
  void open() {
    const char last = out_.text.empty() ? ' ' : out_.text.back();
    const bool script = last == '^' || last == '_';
    const bool single = at_ + 2 < in_.size() && in_[at_ + 2] == '}' && is_alnum(in_[at_ + 1]);
    const bool argument = after_command_ || last == '}' || last == ']' || (script && !single);
    transparent_.push_back(!argument);
    ++at_;
    if (argument)
      emit("{");
    else
      gap_ = gap_ || !script;
  }

  void close() {
    const bool dropped = !transparent_.empty() && transparent_.back();
    if (!transparent_.empty()) transparent_.pop_back();
    ++at_;
    if (!dropped) return emit("}");
    gap_ = true;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  Normal out_;
  bool gap_ = false;
  bool after_command_ = false;
  std::vector<bool> transparent_;  // of the open braces: left out
};

}  // namespace

Normal normalize(std::string_view text) { return Normalizer(text).run(); }

}  // namespace pope
