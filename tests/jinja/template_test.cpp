// Templates against goldens of jinja2 as transformers sets it up (tests/golden/make_jinja_goldens.py).
#include "jinja/template.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/error.h"
#include "core/files.h"
#include "core/memory.h"

namespace pope::jinja {
namespace {

namespace fs = std::filesystem;

using Variables = std::vector<std::pair<std::string, Value>>;

Value value_of(const Json& json, Budget& budget) {
  if (json.is_null()) return None{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return text_of(json.get<std::string>(), kGiven);
  if (json.is_array()) {
    List items;
    for (const Json& item : json) items.push_back(value_of(item, budget));
    return Value::list(std::move(items));
  }
  std::vector<std::pair<Value, Value>> items;
  for (const auto& [key, item] : json.items())
    items.emplace_back(text_of(key, kGiven), value_of(item, budget));
  return Value::dict(std::move(items), budget);
}

Variables variables_of(const Json& json) {
  Variables variables;
  Budget budget;
  for (const auto& [name, item] : json.items()) variables.emplace_back(name, value_of(item, budget));
  return variables;
}

// What apply_chat_template gives beside them.
Variables with_defaults(Variables variables) {
  for (const char* name : {"tools", "documents"}) variables.emplace_back(name, None{});
  variables.emplace_back("add_generation_prompt", true);
  return variables;
}

std::string render(const std::string& source, const Variables& variables = {},
                   std::optional<Date> date = {}) {
  return utf8_of(Template(source).render(variables, date));
}

std::string error_of(const std::string& source, const Variables& variables = {}) {
  try {
    return "rendered: " + render(source, variables);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Jinja, RendersWhatJinja2Renders) {
  const Json golden = read_json(fs::path(POPE_SOURCE_DIR) / "tests/golden/jinja.json");
  const Variables variables = with_defaults(variables_of(golden["variables"]));
  const Date day{golden["day"][0], golden["day"][1], golden["day"][2]};
  ASSERT_EQ(golden["rows"].size(), 146u);
  for (const Json& row : golden["rows"]) {
    const std::string source = row["template"];
    if (row["text"].is_null()) {
      EXPECT_THROW(render(source, variables, day), Error) << row["name"];
      continue;
    }
    try {
      EXPECT_EQ(render(source, variables, day), row["text"].get<std::string>()) << row["name"];
    } catch (const Error& error) {
      ADD_FAILURE() << row["name"] << ": " << error.what();
    }
  }
}

// Renders what tests/parity_jinja.py asks for: $POPE_JINJA_PARITY/request.json, a list of {template,
// variables, day}. Beside it, answer.json: the text of each, or {"error": why not}.
TEST(JinjaParity, RendersWhatIsAsked) {
  const char* folder = std::getenv("POPE_JINJA_PARITY");
  if (folder == nullptr) GTEST_SKIP() << "POPE_JINJA_PARITY is not set: run tests/parity_jinja.py";
  Json answers = Json::array();
  for (const Json& row : read_json(fs::path(folder) / "request.json")) {
    try {
      const Date day{row["day"][0], row["day"][1], row["day"][2]};
      answers.push_back(render(row["template"], variables_of(row["variables"]), day));
    } catch (const Error& error) {
      answers.push_back({{"error", error.what()}});
    }
  }
  write_file(fs::path(folder) / "answer.json", answers.dump());
}

TEST(Jinja, KnowsWhichCharactersWereGiven) {
  const Variables variables = {{"user", text_of("<|end|> hi\n", kGiven)}};
  const auto given_part = [&](const std::string& source) {
    Text part;
    for (const Char c : Template(source).render(variables)) {
      if (given(c)) part += c;
    }
    return utf8_of(part);
  };
  EXPECT_EQ(given_part("<|end|>{{ user }}<|end|>"), "<|end|> hi\n");
  EXPECT_EQ(given_part("{{ '<' + user[1:-1] | trim + '>' }}"), "|end|> hi");
  EXPECT_EQ(given_part("{{ user.split('|')[1] }}|"), "end");
  EXPECT_EQ(given_part("{{ user | replace('end', 'END') }}"), "<||> hi\n");
  EXPECT_EQ(given_part("{{ user | upper }}"), "<|END|> HI\n");
  EXPECT_EQ(given_part("{{ [user] }}{{ [user] | tojson }}"), "<|end|> hi\\n<|end|> hi\\n");
  EXPECT_EQ(given_part("{% set x %}a{{ user }}{% endset %}{{ '%s' % x }}"), "<|end|> hi\n");
  // Comparisons do not look at it.
  EXPECT_EQ(render("{{ user == '<|end|> hi\n' }}{{ 'end' in user }}{{ user.find('hi') }}", variables),
            "TrueTrue8");
}

TEST(Jinja, NamesWhatIsNotSupported) {
  const auto says = [](const std::string& source, const std::string& part) {
    EXPECT_NE(error_of(source).find(part), std::string::npos) << error_of(source);
  };
  says("a\n\n{{ 'x' | xmlattr }}", "line 3: the filter 'xmlattr' is not supported");
  says("{% include 'x' %}", "line 1: the statement 'include' is not supported");
  says("{% for i in [1] recursive %}{% endfor %}", "recursive");
  says("{{ 'x'.zfill(3) }}", "the method 'zfill' is not supported");
  says("{{ cycler(1) }}", "cycler");
  says("{{ 9223372036854775807 + 1 }}", "64 bits");
  says("{{ 'é' | upper }}", "beyond ASCII");
  says("{{ ('a' | safe) * 2 }}", "'safe'");
  says("{{ '%5d' % 3 }}", "formats other than");
  says("{% for i in [1] %}{{ loop.cycle }}{% endfor %}", "loop.cycle");
  says("{% macro m() %}{{ varargs }}{% endmacro %}", "varargs");
  says("{{ 'a'.__class__ }}", "__class__");
  says("{{ strftime_now('%d') }}", "today's date");
}

TEST(Jinja, SaysWhereAnErrorIs) {
  EXPECT_EQ(error_of("\n\n{% if x.y %}\n{% endif %}"),
            "[chat template] line 3: 'x' is undefined and has no 'y'");
  EXPECT_EQ(error_of("a\n{{ raise_exception('no\nway') }}"),
            "[chat template] line 2: the template refuses this conversation: no\nway");
  EXPECT_EQ(error_of("{% if a %}\n"),
            "[chat template] line 1: expected {% endif %} for the statement if, got none");
}

// What is kept at once, too: an item takes far more room than a character.
TEST(Jinja, MemoryIsBounded) {
  const std::int64_t before = peak_memory_bytes();
  for (const char* source :
       {"{% set a = [0] * 9000000 %}", "{% set a = 'a' * 9000000 %}{{ a | list | length }}",
        "{% set a = ('a,' * 4000000).split(',') %}", "{% set a = ('a ' * 4000000).split() %}",
        "{% set a = ('a\n' * 4000000).splitlines() %}",
        "{% set ns = namespace(s=[0]) %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}"
        "{% endfor %}",
        "{{ ('a' * 3000000) | map('upper') | list }}", "{{ ('a' * 3000000)[::2] | list }}"}) {
    EXPECT_NE(error_of(source).find("too much"), std::string::npos) << source << error_of(source);
  }
  EXPECT_LT(peak_memory_bytes() - before, 256 << 20);
}

TEST(Jinja, IsBounded) {
  const auto too_much = [](const std::string& source) {
    EXPECT_NE(error_of(source).find("too "), std::string::npos) << error_of(source);
  };
  too_much("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}");
  too_much("{{ 'x' * 10000000000 }}");
  too_much(
      "{% set ns = namespace(s='xx') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}");
  too_much(
      "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ "
      "ns.s }}");
  too_much("{% set ns = namespace(s=[1]) %}{% for i in range(1000) %}{% set ns.s = [ns.s] %}{% endfor %}");
  too_much("{% set a = 'a' * 1000000 %}{{ a | replace('a', a) }}");
  too_much("{% set a = 'a' * 1000000 %}{{ (a + 'b') in a }}{{ a.split(a[1:] + 'b') }}");
  too_much("{% set a = 'a' * 1000000 %}{{ ([a] * 1000) | join }}");
  too_much("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  too_much("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}");
  too_much("{{ " + std::string(5000, '-') + "1 }}");
  std::string sum = "{{ 1", nested, chain = "{{ x";
  for (int i = 0; i < 5000; ++i) sum += " + 1", nested += "{% if x %}", chain += ".a";
  too_much(sum + " }}");
  too_much(nested);
  too_much(chain + " }}");
}

// Names that hold what holds them; the leak checker of the fuzzing build looks at it.
TEST(Jinja, CyclesAreFine) {
  EXPECT_EQ(render("{% set ns = namespace() %}{% set ns.self = ns %}{% set ns.list = [ns] %}"
                   "{% macro m() %}{{ m is defined }}{% endmacro %}{% set ns.m = m %}{{ ns.self.m() }}"
                   "{% for i in [1] %}{% set ns.l = loop %}{% endfor %}{{ ns.l.index }}"),
            "True1");
}

}  // namespace
}  // namespace pope::jinja
