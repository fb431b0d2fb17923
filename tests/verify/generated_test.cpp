// Pairs of answers that are the same, or not, by the way they were made: ranges joined by "and" and "or",
// units of measure, and expressions with kinks. Each generator knows what its answers mean; the verifier must
// find it out from their text.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "verify/answers.h"

namespace pope {
namespace {

using Random = std::mt19937_64;

long below(Random& random, long count) {
  return static_cast<long>(random() % static_cast<unsigned long>(count));
}

template <class T>
T one_of(Random& random, const std::vector<T>& choices) {
  return choices[random() % choices.size()];
}

void expect_equal(const std::string& a, const std::string& b) {
  for (const auto& [gold, pred] : {std::pair(a, b), std::pair(b, a)}) {
    const AnswerComparison result = compare_answers(gold, pred);
    EXPECT_TRUE(result.equal) << gold << "   =   " << pred << "   " << result.reason;
  }
}

void expect_different(const std::string& a, const std::string& b) {
  for (const auto& [gold, pred] : {std::pair(a, b), std::pair(b, a)}) {
    const AnswerComparison result = compare_answers(gold, pred);
    EXPECT_FALSE(result.equal) << gold << "   /=   " << pred << "   " << result.reason;
  }
}

// ---- Ranges
// -------------------------------------------------------------------------------------------------

// A bound in one of its spellings: a whole number, or a fraction of twelfths.
struct Bound {
  long twelfths;
  std::string text(Random& random) const {
    const std::string minus = twelfths < 0 ? "-" : "", top = std::to_string(std::abs(twelfths));
    if (twelfths % 12 == 0)
      return one_of<std::string>(random, {std::to_string(twelfths / 12), minus + "\\frac{" + top + "}{12}"});
    return minus +
           one_of<std::string>(random, {"\\frac{" + top + "}{12}", "\\dfrac{" + top + "}{12}",
                                        "\\frac{" + std::to_string(3 * std::abs(twelfths)) + "}{36}"});
  }
};

// Pieces of the line in order, none of which touches another.
struct Region {
  struct Part {
    long low, high;  // twelfths
    bool low_open, high_open, low_end, high_end;
  };
  std::vector<Part> parts;

  static Region make(Random& random) {
    const long count = 1 + below(random, 3);
    long at = below(random, 400) - 300;
    Region region;
    for (long i = 0; i < count; ++i) {
      const long low = at + 1 + below(random, 60), high = low + 1 + below(random, 60);
      region.parts.push_back({low, high, below(random, 2) == 0, below(random, 2) == 0, false, false});
      at = high;
    }
    region.parts.front().low_end = below(random, 3) == 0;
    region.parts.back().high_end = below(random, 3) == 0 && !(count == 1 && region.parts[0].low_end);
    return region;
  }

  // Another set of numbers: a bracket turned, a bound moved, a piece left out or let grow to the end of the
  // line.
  Region changed(Random& random) const {
    Region other = *this;
    Part& part = other.parts[random() % parts.size()];
    const bool low = part.high_end || (!part.low_end && below(random, 2) == 0);
    switch (below(random, 4)) {
      case 0:
        if (parts.size() > 1) {
          other.parts.erase(other.parts.begin() + (&part - other.parts.data()));
          return other;
        }
        [[fallthrough]];
      case 1:
        (low ? part.low_open : part.high_open) ^= true;
        return other;
      case 2:
        (low ? part.low : part.high) += low ? -1 : 1;  // away from the piece: it may touch the next one
        return other.touches() ? changed(random) : other;
      default:
        (low ? part.low : part.high) *= -1;
        return other.touches() || (low ? part.low : part.high) == 0 ? changed(random) : other;
    }
  }
  bool touches() const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].low_end && !parts[i].high_end && parts[i].low >= parts[i].high) return true;
      if (i > 0 && parts[i].low <= parts[i - 1].high) return true;
    }
    return false;
  }
};

std::string as_interval(const Region::Part& part, Random& random) {
  const std::string low = part.low_end ? "-\\infty" : Bound{part.low}.text(random),
                    high = part.high_end ? "\\infty" : Bound{part.high}.text(random);
  const std::string open = part.low_end || part.low_open ? "(" : "[",
                    close = part.high_end || part.high_open ? ")" : "]";
  return below(random, 2) == 0 ? open + low + ", " + high + close
                               : "\\left" + open + low + "," + high + "\\right" + close;
}

// "a < x ≤ b", "x > a and x ≤ b", "b ≥ x > a".
std::string as_inequality(const Region::Part& part, const std::string& name, Random& random) {
  const std::string low = Bound{part.low}.text(random), high = Bound{part.high}.text(random);
  const std::string above = part.low_open ? " > " : " \\ge ", under = part.high_open ? " < " : " \\le ",
                    rising = part.low_open ? " < " : " \\leq ", falling = part.high_open ? " > " : " \\geq ";
  if (part.low_end) return below(random, 2) == 0 ? name + under + high : high + falling + name;
  if (part.high_end) return below(random, 2) == 0 ? name + above + low : low + rising + name;
  return below(random, 2) == 0 ? low + rising + name + under + high : high + falling + name + above + low;
}

std::string as_text(const Region& region, Random& random) {
  std::vector<Region::Part> parts = region.parts;
  std::shuffle(parts.begin(), parts.end(), random);
  const bool inequalities = below(random, 2) == 0;
  const std::string between = inequalities ? one_of<std::string>(random, {" or ", "\\text{ or }", " \\lor "})
                                           : one_of<std::string>(random, {" \\cup ", "\\cup", " ∪ "});
  std::string text;
  for (const Region::Part& part : parts)
    text += (text.empty() ? "" : between) +
            (inequalities ? as_inequality(part, "x", random) : as_interval(part, random));
  if (!inequalities && below(random, 3) == 0) return "x \\in " + text;
  if (inequalities && below(random, 4) == 0) return "\\{x \\mid " + text + "\\}";
  return text;
}

TEST(Generated, RangesAreSetsOfNumbers) {
  Random random(21);
  for (int i = 0; i < 1500; ++i) {
    const Region region = Region::make(random);
    expect_equal(as_text(region, random), as_text(region, random));
    expect_different(as_text(region, random), as_text(region.changed(random), random));
  }
}

// "and" of two ranges that overlap is their common part, "or" all of both; each is not the other.
TEST(Generated, AndIsTheCommonPartOrIsBoth) {
  Random random(22);
  for (int i = 0; i < 500; ++i) {
    long at[4];
    at[0] = below(random, 300) - 200;
    for (int k = 1; k < 4; ++k) at[k] = at[k - 1] + 1 + below(random, 50);
    const bool open[4] = {below(random, 2) == 0, below(random, 2) == 0, below(random, 2) == 0,
                          below(random, 2) == 0};
    const Region::Part first = {at[0], at[2], open[0], open[2], false, false},
                       second = {at[1], at[3], open[1], open[3], false, false};
    const Region both = {{{at[1], at[2], open[1], open[2], false, false}}},
                 either = {{{at[0], at[3], open[0], open[3], false, false}}};
    const std::string meet = as_interval(first, random) + " \\cap " + as_interval(second, random),
                      join = as_interval(first, random) + " \\cup " + as_interval(second, random);
    const std::string a = as_inequality(first, "x", random), b = as_inequality(second, "x", random);
    expect_equal(meet, as_text(both, random));
    expect_equal(join, as_text(either, random));
    expect_equal(a + " and " + b, as_text(both, random));
    expect_equal(a + "\\text{ or }" + b, as_text(either, random));
    expect_different(a + " and " + b, as_text(either, random));
    expect_different(a + " or " + b, as_text(both, random));
    expect_different(meet, join);
    expect_different(a + " and " + b, a + " or " + b);
    // Of different names neither is the other, and no order matters.
    const std::string c = as_inequality(second, "y", random);
    expect_equal(a + " and " + c, c + "\\text{ and }" + a);
    expect_equal(a + " or " + c, c + "\\text{ or }" + a);
    expect_different(a + " and " + c, a + " or " + c);
    expect_different(a + " and " + c, a + " and " + b);
  }
}

// "x = 3 or x = 5": solutions, whatever joins them; a value more, less or other makes another answer.
TEST(Generated, SolutionsAreListedInAnyOrder) {
  Random random(23);
  for (int i = 0; i < 500; ++i) {
    std::vector<long> values;
    const long count = 2 + below(random, 3);
    while (std::cmp_less(values.size(), count)) {
      const long value = below(random, 4000) - 2000;
      values.push_back(value);
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    const auto text = [&](std::vector<long> listed) {
      std::shuffle(listed.begin(), listed.end(), random);
      const bool named = below(random, 2) == 0;
      const bool set = !named && below(random, 3) == 0;
      const std::string last =
          one_of<std::string>(random, {" or ", "\\text{ or }", ", ", " and ", "\\text{ and }"});
      std::string out;
      for (std::size_t k = 0; k < listed.size(); ++k) {
        if (k > 0) out += k + 1 == listed.size() && !set ? last : ", ";
        out += (named ? "x = " : "") + Bound{listed[k]}.text(random);
      }
      return set ? "\\{" + out + "\\}" : out;
    };
    expect_equal(text(values), text(values));
    std::vector<long> other = values;
    switch (below(random, 3)) {
      case 0:
        other.pop_back();
        break;
      case 1:
        other.push_back(values.back() + 1);
        break;
      default:
        other[0] -= 1;
    }
    expect_different(text(values), text(other));
  }
}

// ---- Units
// --------------------------------------------------------------------------------------------------

struct Named {
  std::string symbol;
  std::vector<std::string> words;  // in the plural
  std::string singular;
};
const std::vector<Named> kUnits = {
    {"m", {"meters", "metres"}, "meter"}, {"kg", {"kilograms"}, "kilogram"},
    {"s", {"seconds"}, "second"},         {"cm", {"centimeters"}, "centimeter"},
    {"km", {"kilometers"}, "kilometer"},  {"h", {"hours"}, "hour"},
    {"mol", {"moles"}, "mole"},           {"ft", {"feet"}, "foot"}};

// Powers of units, of which none is 0.
struct Measure {
  std::vector<std::pair<std::size_t, int>> factors;  // into kUnits
  bool operator==(const Measure&) const = default;

  static Measure make(Random& random) {
    Measure measure;
    const long count = 1 + below(random, 3);
    while (std::cmp_less(measure.factors.size(), count)) {
      const std::size_t unit = random() % kUnits.size();
      const bool known = std::any_of(measure.factors.begin(), measure.factors.end(),
                                     [&](const auto& f) { return f.first == unit; });
      if (!known) measure.factors.emplace_back(unit, one_of<int>(random, {1, 1, 2, 3, -1, -1, -2}));
    }
    if (std::none_of(measure.factors.begin(), measure.factors.end(),
                     [](const auto& f) { return f.second > 0; }))
      measure.factors[0].second *= -1;
    std::sort(measure.factors.begin(), measure.factors.end());
    return measure;
  }

  Measure changed(Random& random) const {
    Measure other = *this;
    auto& [unit, power] = other.factors[random() % factors.size()];
    if (below(random, 2) == 0) {
      power = power == 1 ? 2 : power == -1 ? -2 : power > 0 ? power - 1 : power + 1;
    } else if (below(random, 2) == 0 && factors.size() > 1) {
      other.factors.erase(std::find(other.factors.begin(), other.factors.end(), std::pair(unit, power)));
    } else {
      std::size_t next = unit;
      while (std::any_of(factors.begin(), factors.end(), [&](const auto& f) { return f.first == next; }))
        next = (next + 1) % kUnits.size();
      unit = next;
      std::sort(other.factors.begin(), other.factors.end());
    }
    return other;
  }

  std::string text(Random& random) const {
    std::vector<std::pair<std::size_t, int>> shuffled = factors;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto powered = [&](const std::string& name, int power) {
      if (power == 1) return name;
      const std::string p = std::to_string(power);
      return name + "^" + (p.size() == 1 && below(random, 2) == 0 ? p : "{" + p + "}");
    };
    const auto negative =
        std::count_if(shuffled.begin(), shuffled.end(), [](const auto& f) { return f.second < 0; });
    const bool all_negative = std::cmp_equal(negative, shuffled.size());
    const std::string between = one_of<std::string>(random, {"\\,", "\\cdot ", " \\cdot "});
    if (negative == 0 || all_negative || below(random, 2) == 0) {  // m s^{-2}
      std::string out;
      for (const auto& [unit, power] : shuffled)
        out += (out.empty() ? "" : between) + powered(kUnits[unit].symbol, power);
      return "\\mathrm{" + out + "}";
    }
    std::string above, under;  // m/s^2
    for (const auto& [unit, power] : shuffled) {
      std::string& side = power > 0 ? above : under;
      side += (side.empty() ? "" : between) + powered(kUnits[unit].symbol, std::abs(power));
    }
    if (negative == 1 && below(random, 2) == 0) return "\\mathrm{" + above + "/" + under + "}";
    if (negative == 1) return "\\text{ " + above + "/" + under + "}";
    return "\\mathrm{" + above + "/(" + under + ")}";
  }
};

TEST(Generated, UnitsAreProductsOfPowers) {
  Random random(24);
  for (int i = 0; i < 1500; ++i) {
    const Measure measure = Measure::make(random);
    const std::string number =
        one_of<std::string>(random, {"12", "9.8", "\\frac{3}{7}", "2\\sqrt{3}", "1{,}250"});
    const std::string answer = number + "\\ " + measure.text(random);
    expect_equal(answer, number + " " + measure.text(random));
    expect_equal(answer, number);
    expect_different(answer, number + "\\," + measure.changed(random).text(random));
    expect_different(answer, "13\\ " + measure.text(random));
  }
}

// "5 meters per second", "20 square feet".
TEST(Generated, UnitsInWords) {
  Random random(25);
  for (int i = 0; i < 300; ++i) {
    const Named &a = one_of(random, kUnits), &b = one_of(random, kUnits);
    const std::string words = one_of(random, a.words);
    expect_equal("20 " + words, "20\\text{ " + a.symbol + "}");
    const std::string power = one_of<std::string>(random, {"square ", "cubic "});
    const std::string exponent = power == "square " ? "2" : "3", wrong = power == "square " ? "3" : "2";
    expect_equal("20 " + power + words, "20\\text{ " + a.symbol + "}^" + exponent);
    expect_different("20 " + power + words, "20\\text{ " + a.symbol + "}^" + wrong);
    expect_different("20 " + power + words, "20 " + words);
    if (a.symbol == b.symbol) continue;
    expect_equal("20 " + words + " per " + b.singular, "20\\text{ " + a.symbol + "/" + b.symbol + "}");
    expect_different("20 " + words + " per " + b.singular, "20\\text{ " + b.symbol + "/" + a.symbol + "}");
    expect_different("20 " + words + " per " + b.singular, "20 " + words);
    expect_different("20 " + words, "20 " + one_of(random, b.words));
  }
}

// Lists, points and ranges of quantities: the unit behind each value, or missing.
TEST(Generated, ListsOfQuantities) {
  Random random(26);
  for (int i = 0; i < 300; ++i) {
    const Named &a = one_of(random, kUnits), &b = one_of(random, kUnits);
    const long x = 1 + below(random, 500), y = x + 1 + below(random, 500);
    const std::string p = std::to_string(x), q = std::to_string(y);
    const std::string unit = "\\text{ " + a.symbol + "}", other = "\\text{ " + b.symbol + "}";
    const std::string both = p + unit + " and " + q + unit;
    expect_equal(both, q + unit + ", " + p + unit);
    expect_equal(both, p + "\\text{ and }" + q);
    expect_different(both, p + unit);
    expect_different(both, p + unit + ", " + std::to_string(y + 1) + unit);
    if (a.symbol == b.symbol) continue;
    expect_different(both, p + unit + " and " + q + other);
    // Not with "and": "2 h and 30 s" is one time.
    expect_equal(p + unit + ", " + q + other, q + other + ", " + p + unit);
    expect_different(p + unit + ", " + q + other, p + other + ", " + q + unit);
  }
}

// ---- Kinks
// --------------------------------------------------------------------------------------------------

// A positive number of any magnitude, from 10^-15 to 10^30.
std::string constant(Random& random) {
  std::string digits = std::to_string(1 + below(random, 9));
  const long magnitude = below(random, 46) - 15;
  if (magnitude < 0)
    return "\\frac{" + digits + "}{1" + std::string(static_cast<std::size_t>(-magnitude), '0') + "}";
  for (long i = 0; i < magnitude; ++i) digits += std::to_string(below(random, 10));
  return digits;
}

// Arguments that change their sign at places that depend on the constant, near or far.
std::string argument(Random& random) {
  const std::string c = constant(random);
  const int low = 1 + static_cast<int>(below(random, 12)),
            high = low + 1 + static_cast<int>(below(random, 3));
  const std::string near = "x^2-" + std::to_string(low + high) + "x+" + std::to_string(low * high);
  return one_of<std::string>(
      random,
      {near, "x-" + c, c + "-x", "x+" + c, c + "x-1", "\\frac{x}{" + c + "}-3", "x^2-" + c, "x^3+" + c,
       "\\sqrt{x}-" + c, "\\frac{1}{x}-" + c, "x^2-" + c + "x", "\\frac{x-" + c + "}{2}", "\\sqrt[3]{x}-" + c,
       "x-y-" + c, "\\ln x-" + std::to_string(1 + below(random, 800)), "2^x-" + c, "\\frac{" + c + "}{x}-1"});
}

// |u|, max, min and √(u²) in terms of each other.
TEST(Generated, KinksInTermsOfEachOther) {
  Random random(27);
  for (int i = 0; i < 600; ++i) {
    const std::string u = argument(random), k = std::to_string(2 + below(random, 8));
    const std::string opposite = "-(" + u + ")";
    const std::vector<std::string> same = {"|" + u + "|",
                                           "\\left|" + u + "\\right|",
                                           "|" + opposite + "|",
                                           "\\max(" + u + "," + opposite + ")",
                                           "-\\min(" + u + "," + opposite + ")",
                                           "\\sqrt{(" + u + ")^2}",
                                           "\\frac{|" + k + "(" + u + ")|}{" + k + "}"};
    expect_equal(one_of(random, same), one_of(random, same));
    const std::string one = one_of(random, same);
    expect_different(one, u);
    expect_different(one, opposite);
    expect_different(one, "\\max(" + u + ",0)");
    expect_different(one, "\\min(" + u + "," + opposite + ")");
    expect_different(one + "+1", one);
  }
}

TEST(Generated, MaximaAndMinima) {
  Random random(28);
  for (int i = 0; i < 400; ++i) {
    const std::string u = argument(random), v = std::to_string(below(random, 5));
    const std::string greater = "\\max(" + u + "," + v + ")", smaller = "\\min(" + u + "," + v + ")";
    expect_equal(greater, "\\max\\{" + v + "," + u + "\\}");
    expect_equal(greater, "\\frac{" + u + "+" + v + "+|" + u + "-" + v + "|}{2}");
    expect_equal(smaller, u + "+" + v + "-\\max(" + v + "," + u + ")");
    expect_different(greater, smaller);
    for (const std::string& side : {u, v}) {
      expect_different(greater, side);
      expect_different(smaller, side);
    }
  }
}

// Equations and inequalities with kinks far away.
TEST(Generated, RelationsWithKinks) {
  Random random(29);
  for (int i = 0; i < 200; ++i) {
    const std::string c = constant(random), k = std::to_string(2 + below(random, 8));
    const std::string sign = one_of<std::string>(random, {"=", "<", "\\ge "});
    const std::string kink = "|x-" + c + "|";
    const std::string turned = sign == "=" ? "=" : sign == "<" ? ">" : "\\le ";
    expect_equal(kink + "+y" + sign + "1", "1-y" + turned + kink);
    expect_equal(kink + "+y" + sign + "1", k + "y+" + k + "|" + c + "-x|" + sign + k);
    expect_different(kink + "+y" + sign + "1", c + "-x+y" + sign + "1");
    expect_different(kink + "+y" + sign + "1", "x-" + c + "+y" + sign + "1");
    expect_different(kink + "+y" + sign + "1", "\\max(x-" + c + ",0)+y" + sign + "1");
  }
}

// A kink around a kink: the two sides differ near one place alone, which may be far away.
TEST(Generated, KinksAroundKinks) {
  Random random(31);
  for (int i = 0; i < 200; ++i) {
    const std::string c = constant(random), d = std::to_string(1 + below(random, 9));
    for (const std::string& u : {"x-" + c, "\\sqrt{x}-" + c, "\\sqrt[3]{x}-" + c}) {
      expect_equal("||" + u + "|-" + d + "|", "\\max(|" + u + "|-" + d + "," + d + "-|" + u + "|)");
      expect_different("||" + u + "|-" + d + "|", "|" + u + "|-" + d);
      expect_different("\\max(|" + u + "|," + d + ")", "|" + u + "|");
    }
  }
}

// ⌊x⌋ and ⌈x⌉.
TEST(Generated, WholeParts) {
  Random random(30);
  for (int i = 0; i < 300; ++i) {
    const std::string q = std::to_string(2 + below(random, 50)),
                      n = std::to_string(1 + below(random, 1'000'000));
    const std::string u = "\\frac{x}{" + q + "}";
    const auto floor = [](const std::string& t) { return "\\lfloor " + t + "\\rfloor"; };
    const auto ceil = [](const std::string& t) { return "\\lceil " + t + "\\rceil"; };
    expect_equal(floor(u), "-" + ceil("-" + u));
    expect_equal(floor(u) + "+" + n, "\\left\\lfloor " + u + "+" + n + "\\right\\rfloor");
    expect_different(floor(u), ceil(u));
    expect_different(floor(u), u);
    expect_different(floor(u), floor(u + "+\\frac{1}{2}"));
    expect_different(ceil(u), floor(u) + "+1");
    const std::string c = constant(random);
    expect_different(floor("\\frac{x}{" + c + "}"), "0");
    expect_different(floor("\\frac{\\sqrt{x}}{" + c + "}"), "0");
    expect_different(floor("\\frac{n}{" + c + "}"), n);
  }
}

}  // namespace
}  // namespace pope
