// What must hold for all answers: equality is reflexive and symmetric, rewrites that people use keep it, and
// a changed digit, sign or bracket ends it. And the bounds: nothing takes long, whatever it says.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/memory.h"
#include "verify/answers.h"

namespace pope {
namespace {

// One answer of each kind, in two spellings, and with one small change that makes another answer of it.
struct Kind {
  const char *answer, *rewritten, *changed;
};

const std::vector<Kind> kKinds = {
    {"1234567", "1{,}234{,}567", "1234576"},
    {"-7", "−7.0", "7"},
    {"0.125", "\\dfrac18", "0.152"},
    {"0.1\\overline{6}", "\\frac16", "0.16"},
    {"\\frac{41}{12}", "3\\frac{5}{12}", "\\frac{14}{12}"},
    {"\\frac{1}{1+\\sqrt[3]{2}}", "\\frac{1-\\sqrt[3]{2}+\\sqrt[3]{4}}{3}", "\\frac{1}{1-\\sqrt[3]{2}}"},
    {"\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt2", "\\sqrt{3-2\\sqrt{2}}"},
    {"2^{100}-1", "4^{50}-1", "2^{100}+1"},
    {"10^{2}", "100", "10^{3}"},
    {"\\log_4 8", "\\frac{3}{2}", "\\log_8 4"},
    {"\\ln 4", "2\\ln 2", "\\ln 5"},
    {"\\tan(22.5^\\circ)", "\\sqrt2-1", "\\tan(23^\\circ)"},
    {"\\frac{3\\pi}{4}", "0.75\\pi", "\\frac{4\\pi}{3}"},
    {"e^{2}", "e\\cdot e", "e^{3}"},
    {"17.5\\%", "17\\frac12\\%", "17.6\\%"},
    {"\\$1,250.50", "1250.5\\text{ dollars}", "\\$1,205.50"},
    {"15\\text{ cm}^2", "15\\mbox{ square cm}", "15\\text{ cm}^3"},
    {"30^{\\circ}", "30 degrees", "30^{\\circ}+1^{\\circ}"},
    {"1.5\\times 10^{8}", "150000000", "1.5\\times 10^{7}"},
    {"1011_2", "(1011)_{two}", "1011_3"},
    {"2\\pm\\sqrt{3}", "2-\\sqrt3,\\ 2+\\sqrt3", "2+\\sqrt{3}"},
    {"6:8", "3 : 4", "8:6"},
    {"[0,1)", "\\left[0,1\\right)", "[0,1]"},
    {"(-\\infty,0)\\cup(1,\\infty)", "x<0\\text{ or }x>1", "(-\\infty,0]\\cup(1,\\infty)"},
    {"\\{1,2,3\\}", "3, 2\\text{ and }1", "\\{1,2,4\\}"},
    {"(1,\\frac92)", "(1,4.5)", "(\\frac92,1)"},
    {"(1,2),(3,4)", "(3,4),\\;(1,2)", "(1,4),(3,2)"},
    {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&\\sqrt{16}\\end{bmatrix}",
     "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}"},
    {"x^2+y^2=25", "25-x^2=y^2", "x^2-y^2=25"},
    {"x=5", "5", "x=-5"},
    {"2x<6", "3>x", "2x>6"},
    {"-2\\le x\\le 7", "x\\in[-2,7]", "-2<x\\le 7"},
    {"(x-1)(x+2)", "x^2+x-2", "(x+1)(x-2)"},
    {"2^{n+1}", "2\\cdot2^n", "2^{n-1}"},
    {"\\binom{n}{2}", "\\frac{n(n-1)}{2}", "\\binom{n}{3}"},
    {"\\frac{(2n)!}{n!\\,n!}", "\\binom{2n}{n}", "\\frac{(2n)!}{n!}"},
    {"\\left\\lfloor\\frac n2\\right\\rfloor", "⌊n/2⌋", "\\left\\lceil\\frac n2\\right\\rceil"},
    {"\\text{Monday}", "monday", "\\text{Sunday}"},
    {"\\text{(C)}", "\\mathbf{C}", "(D)"},
    {"-\\infty", "- \\infty", "\\infty"},
    {"100!", "100\\cdot99!", "99!"},
    {"7!!", "105", "7!"},
    {"3\\pmod 7", "x\\equiv 10\\pmod{7}", "4\\pmod 7"},
    {"\\frac{1}{i}", "-i", "i"},
    {"f(n)=n^2+1", "f(x)=x^2+1", "f(n)=n^2-1"},
    {"\\emptyset", "\\{\\}", "\\{0\\}"},
    {"x<-2\\text{ or }x\\ge 5", "]-\\infty,-2[\\cup[5,\\infty)", "x<-2\\text{ and }x\\ge 5"},
    {"-8<x<8,\\ x\\ne 0", "(-8,0)\\cup(0,8)", "(-8,8)"},
    {"p\\land q", "p\\text{ and }q", "p\\text{ or }q"},
    {"12\\text{ squared}", "144", "12"},
    {"19\\text{ tenths}", "1.9", "19"},
    {"9.5\\ \\mathrm{m/s^2}", "9.5\\ \\mathrm{m\\,s^{-2}}", "9.5\\ \\mathrm{m/s}"},
    {"4\\text{ hours }40\\text{ minutes}", "4 h 40 min", "4\\text{ hours }14\\text{ minutes}"},
    {"|x-5000|", "|5000-x|", "5000-x"},
    {"\\min(n,3000)", "\\min(3000,n)", "n"},
    {"\\left\\lceil\\frac{m}{2}\\right\\rceil", "\\left\\lfloor\\frac{m+1}{2}\\right\\rfloor",
     "\\left\\lfloor\\frac{m-1}{2}\\right\\rfloor"},
    {"3k\\pi,\\ k\\in\\mathbb{Z}", "3n\\pi\\ (n\\in\\mathbb{Z})", "3k\\pi,\\ k\\in\\mathbb{R}"},
    {"2024-03-05", "2024-03-05", "2024-05-03"},
    {"\\angle ABC", "∠CBA", "\\angle BAC"},
    {"50^\\circ 15'", "50.25^\\circ", "50^\\circ 15\""},
    {"(7,141)", "(7, 141)", "7141"},
    {"\\max(\\binom{n}{2},\\binom{n}{2}+1)", "\\frac{n^2-n+2}{2}", "\\max(\\binom{n}{2}+1,3000)"}};

TEST(Properties, ReflexiveSymmetricAndSensitive) {
  for (const Kind& kind : kKinds) {
    for (const char* text : {kind.answer, kind.rewritten, kind.changed}) {
      EXPECT_TRUE(compare_answers(text, text).equal) << text;
      EXPECT_TRUE(compare_answers(text, std::string(" $") + text + "$ ").equal) << text;
      EXPECT_TRUE(compare_answers("\\boxed{" + std::string(text) + "}", text).equal) << text;
    }
    EXPECT_TRUE(compare_answers(kind.answer, kind.rewritten).equal) << kind.answer;
    EXPECT_TRUE(compare_answers(kind.rewritten, kind.answer).equal) << kind.answer;
    EXPECT_FALSE(compare_answers(kind.answer, kind.changed).equal) << kind.answer;
    EXPECT_FALSE(compare_answers(kind.changed, kind.answer).equal) << kind.answer;
    EXPECT_FALSE(compare_answers(kind.rewritten, kind.changed).equal) << kind.answer;
  }
}

TEST(Properties, KindsDoNotMix) {
  int equal = 0;
  for (const Kind& a : kKinds)
    for (const Kind& b : kKinds)
      if (&a != &b) {
        EXPECT_FALSE(compare_answers(a.answer, b.answer).equal) << a.answer << " = " << b.answer;
        EXPECT_EQ(compare_answers(a.answer, b.answer).equal, compare_answers(b.answer, a.answer).equal);
        ++equal;
      }
  EXPECT_GT(equal, 1500);
}

// Integers and fractions with random digits: every spelling is equal, every other value is not.
TEST(Properties, RandomRationals) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    const auto p = static_cast<long>(random() % 200'000) - 100'000,
               q = static_cast<long>(random() % 9'999) + 2;
    const std::string minus = p < 0 ? "-" : "", top = std::to_string(std::abs(p)), bottom = std::to_string(q);
    const std::string fraction = minus + "\\frac{" + top + "}{" + bottom + "}";
    const auto k = static_cast<long>(random() % 97) + 2;
    const std::string unreduced = std::to_string(p * k) + "/" + std::to_string(q * k);
    const std::string off = minus + "\\frac{" + top + "}{" + std::to_string(q + 1) + "}";
    EXPECT_TRUE(compare_answers(fraction, unreduced).equal) << fraction << " " << unreduced;
    EXPECT_EQ(compare_answers(fraction, off).equal, p == 0) << fraction << " " << off;
    EXPECT_EQ(compare_answers(fraction, "-(" + fraction + ")").equal, p == 0) << fraction;
  }
}

// Surds a + b√c against their squares' roots: √((a + b√c)²) = a + b√c, decided exactly.
TEST(Properties, RandomSurds) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 300; ++i) {
    const auto a = static_cast<long>(random() % 40) + 1, b = static_cast<long>(random() % 20) + 1;
    const long c = std::vector<long>{2, 3, 5, 6, 7, 10, 11}[random() % 7];
    const auto text = [](const std::string& f, long x, long y, long z) {
      return f + std::to_string(x) + "+" + std::to_string(y) + "\\sqrt{" + std::to_string(z) + "}";
    };
    const std::string nested = text("\\sqrt{", a * a + b * b * c, 2 * a * b, c) + "}";
    const AnswerComparison same = compare_answers(text("", a, b, c), nested);
    EXPECT_TRUE(same.equal) << nested;
    EXPECT_EQ(same.reason, "equal: algebraic numbers, exactly") << nested;
    EXPECT_FALSE(
        compare_answers(text("", a, b, c), text("\\sqrt{", a * a + b * b * c + 1, 2 * a * b, c) + "}").equal);
  }
}

// "and" is an intersection, "or" a union, in every notation, whatever the bounds.
TEST(Properties, Connectives) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 200; ++i) {
    const auto low = static_cast<long>(random() % 2000) - 1000,
               high = low + 1 + static_cast<long>(random() % 50);
    const std::string a = std::to_string(low), b = std::to_string(high);
    const std::string inside = "(" + a + "," + b + ")",
                      outside = "(-\\infty," + a + ")\\cup(" + b + ",\\infty)";
    EXPECT_TRUE(compare_answers(inside, "x>" + a + " and x<" + b).equal) << inside;
    EXPECT_TRUE(compare_answers(inside, "x>" + a + ", x<" + b).equal) << inside;
    EXPECT_FALSE(compare_answers(inside, "x>" + a + " or x<" + b).equal) << inside;
    EXPECT_TRUE(compare_answers(outside, "x<" + a + " or x>" + b).equal) << outside;
    EXPECT_TRUE(compare_answers(outside, "x<" + a + ", x>" + b).equal) << outside;
    EXPECT_FALSE(compare_answers(outside, "x<" + a + " and x>" + b).equal) << outside;
    EXPECT_TRUE(compare_answers(outside + "\\cup\\{" + a + "\\}", "x\\le " + a + " or x>" + b).equal)
        << outside;
    EXPECT_TRUE(compare_answers("x=" + a + " or x=" + b, a + ", " + b).equal) << a;
    EXPECT_FALSE(compare_answers("x=" + a + " or y=" + b, "x=" + a + " and y=" + b).equal) << a;
    EXPECT_FALSE(compare_answers("x=" + a + " or y=" + b, "(" + a + "," + b + ")").equal) << a;
  }
}

// A word behind a number is a unit, or the number's reading changes, or the answer is none. None of these
// is 12.
TEST(Properties, WordsBehindANumber) {
  for (const char* word : {"squared",
                           "cubed",
                           "factorial",
                           "halves",
                           "thirds",
                           "quarters",
                           "tenths",
                           "hundredths",
                           "or 13",
                           "or so",
                           "maybe 13",
                           "else 13",
                           "not 13",
                           "times 2",
                           "over 5",
                           "divided by 5",
                           "plus 1",
                           "minus 1",
                           "percent of 50",
                           "is wrong",
                           "at most",
                           "or more",
                           "x",
                           "n",
                           "i",
                           "y + 3",
                           "dozen",
                           "hundred",
                           "million",
                           "doubled",
                           "perhaps",
                           "unless 13",
                           "(or 13)",
                           ", possibly 13",
                           "to 13",
                           "less",
                           "more",
                           "root 2",
                           "and a half"}) {
    EXPECT_FALSE(compare_answers("12", "12\\text{ " + std::string(word) + "}").equal) << word;
    EXPECT_FALSE(compare_answers("12", "12 " + std::string(word)).equal) << word;
  }
  const std::vector<std::string> units = {
      "cm",    "km/h", "kg",        "hours", "square feet", "dollars",       "apples", "ways",
      "m/s^2", "cm^3", "years old", "mph",   "liters",      "stuffed goats", "people", "pieces of cake"};
  for (const std::string& unit : units) {
    const std::string answer = "12\\text{ " + unit + "}";
    EXPECT_TRUE(compare_answers("12", answer).equal) << unit;
    EXPECT_TRUE(compare_answers(answer, "12 " + unit).equal || unit == "m/s^2") << unit;
    EXPECT_FALSE(compare_answers("13", answer).equal) << unit;
    for (const std::string& other : units)
      EXPECT_EQ(compare_answers(answer, "12\\text{ " + other + "}").equal, &unit == &other)
          << unit << " " << other;
  }
}

// |x - c|, max, min, √((x - c)²) and whole parts differ from what they are on one side of c, however far c
// is.
TEST(Properties, Kinks) {
  std::mt19937_64 random(10);
  for (int i = 0; i < 60; ++i) {
    const long size = std::vector<long>{10, 1'000, 100'000, 100'000'000}[random() % 4];
    const std::string c = std::to_string(1 + random() % static_cast<unsigned long>(size));
    EXPECT_TRUE(compare_answers("|x-" + c + "|", "|" + c + "-x|").equal) << c;
    EXPECT_TRUE(compare_answers("|x-" + c + "|", "\\max(x-" + c + "," + c + "-x)").equal) << c;
    EXPECT_TRUE(compare_answers("|x+" + c + "|", "\\sqrt{(x+" + c + ")^2}").equal) << c;
    for (const std::string& side : {c + "-x", "x-" + c})
      for (const std::string& kink :
           {"|x-" + c + "|", "\\sqrt{(x-" + c + ")^2}", "\\sqrt{x^2-2\\cdot " + c + "x+" + c + "^2}",
            "\\max(x-" + c + "," + c + "-x)"})
        EXPECT_FALSE(compare_answers(side, kink).equal) << side << " " << kink;
    EXPECT_FALSE(compare_answers("n", "\\min(n," + c + ")").equal) << c;
    EXPECT_FALSE(compare_answers("x", "\\max(x,-" + c + ")").equal) << c;
    EXPECT_FALSE(compare_answers("0", "\\lfloor\\frac{x^2}{" + c + "}\\rfloor").equal) << c;
    EXPECT_FALSE(compare_answers("1", "\\frac{|x+" + c + "|}{x+" + c + "}").equal) << c;
    EXPECT_FALSE(
        compare_answers("(-1)^n", "(-1)^n+\\prod_{i=0}^{" + std::to_string(random() % 200) + "}(n-i)").equal);
  }
}

TEST(Properties, NearMissesAreTold) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{
           {"\\pi", "3.14159265358979323846264338327950288"},
           {"\\sqrt{2}", "1.41421356237309504880168872420969807856967"},
           {"e^{\\pi\\sqrt{163}}", "262537412640768744"},
           {"1+10^{-300}", "1"},
           {"\\sqrt{10^{80}+1}", "10^{40}"},
           {"\\ln(1+10^{-60})", "10^{-60}"},
           {"\\tanh 400", "1"},
           {"\\arctan(10^{200})", "\\frac{\\pi}{2}"},
           {"\\cos(10^{-200})", "1"},
           {"\\cos(\\pi+10^{-200})", "-1"},
           {"1-e^{-1000}", "1"}}) {
    EXPECT_FALSE(compare_answers(a, b).equal) << a;
    EXPECT_FALSE(compare_answers(a, b).undecided) << a;
  }
}

// Answers that would take for ever.
std::vector<std::string> hostile_answers() {
  const auto repeated = [](const std::string& part, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += part;
    return text;
  };
  std::vector<std::string> hostile = {"10^{10^{10}}",
                                      "10^{10^{10^{10}}}",
                                      "9!!!!!!!!!!",
                                      "9!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
                                      "2^{2^{2^{2^{2^{2}}}}}",
                                      "(10^{9})!",
                                      "\\binom{10^{12}}{10^{6}}",
                                      "9^{9^{9^{9}}}",
                                      "1e999999",
                                      "1e99999999999",
                                      "\\sqrt[1000000]{2}",
                                      "e^{e^{e^{e^{e}}}}",
                                      "\\sin(10^{10^{10}})",
                                      "\\lfloor 10^{10^{9}}\\pi \\rfloor",
                                      "(x+1)^{10^9}",
                                      "\\tan(\\frac{\\pi}{2})",
                                      "0^{0}",
                                      "1/0",
                                      "\\frac{\\frac{1}{0}}{0}",
                                      "10^{-10^{10}}"};
  for (const char* part : {"{",
                           "}",
                           "(",
                           "[",
                           "\\{",
                           "|",
                           "\\frac",
                           "\\sqrt{",
                           "x^",
                           "1+",
                           "-",
                           "\\pm 1,",
                           "9!",
                           "2^{",
                           "\\sin",
                           "\\begin{pmatrix}",
                           "&",
                           "\\\\",
                           "1,",
                           "a_",
                           "\\text{",
                           "\\frac{1}{",
                           "<x",
                           "x=",
                           ":",
                           "\\cup",
                           "\\ln(",
                           "\\sqrt{1+",
                           "\\binom{9}{",
                           "12:00 ",
                           "5 to ",
                           "\\{x|x>",
                           "m/",
                           "5 per ",
                           "\\begin{aligned}x&=1\\\\",
                           "\\begin{cases}",
                           "|x|<",
                           "P(",
                           "f^{-1}(",
                           "0.\\dot{1}",
                           "1\\ 234",
                           "x for all ",
                           "\\color{",
                           "1\\over ",
                           "**",
                           "B. "})
    for (const std::size_t bytes :
         {std::size_t{300}, std::size_t{3000}, std::size_t{12000}, std::size_t{10'000'000}})
      hostile.push_back(repeated(part, bytes));
  return hostile;
}

TEST(Properties, HostileAnswersAreUndecidedOrDecidedSoon) {
  for (const std::string& text : hostile_answers()) {
    for (const std::string& other : {std::string("1"), std::string("x"), text + "+1", "1," + text}) {
      const auto start = std::chrono::steady_clock::now();
      const AnswerComparison result = compare_answers(text, other);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      EXPECT_LT(seconds, 2) << text.substr(0, 60);  // some tens of milliseconds; a busy machine may be slow
      EXPECT_FALSE(result.equal && result.undecided);
    }
  }
}

// Each prime and subscript makes the name anew: 15 KB of them would take half a gigabyte.
TEST(Properties, GrowingNamesAreBounded) {
  const std::int64_t before = peak_memory_bytes();
  std::string primes = "x" + std::string(15'000, '\''), subscripts = "x";
  for (int i = 0; i < 7500; ++i) subscripts += "_1";
  for (const std::string& text : {primes, subscripts}) {
    EXPECT_EQ(compare_answers(text, text + "+1").reason, "undecided: over the budget of work");
  }
  EXPECT_LT(peak_memory_bytes() - before, 64 << 20);
  EXPECT_TRUE(compare_answers("f'''''", "(f''''')").equal);
}

TEST(Properties, ManyThreads) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int round = 0; round < 20; ++round)
        for (const Kind& kind : kKinds) {
          EXPECT_TRUE(compare_answers(kind.answer, kind.rewritten).equal) << kind.answer;
          EXPECT_FALSE(compare_answers(kind.answer, kind.changed).equal) << kind.answer;
        }
    });
}

}  // namespace
}  // namespace pope
