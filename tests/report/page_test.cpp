// The page: hostile text stays text, nothing is loaded from elsewhere, numbers and parts are there.
#include "report/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "report/fake_runs.h"
#include "report/html.h"
#include "report/page_claims.h"
#include "report/report.h"

namespace pope {
namespace {

using testing::FakeRuns;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// Instead of a matcher, which would print the whole page.
bool has(const std::string& page, const std::string& part) { return page.find(part) != std::string::npos; }

// A page with every section.
std::string full_page(FakeRuns& fake, const std::string& hostile = "") {
  const std::filesystem::path mine = fake.run("m", "mine", "", 1), guide = fake.run("g", "guide", "", 1);
  write_file(mine / "result.json",
             R"({"problems": 5, "classes": {"hard": 3, "easy": 2}, "tokens": 30, "tokens_fixed": 120})");
  write_file(guide / "result.json", R"({"guided": 3, "fallback": 1, "found": 2})");
  write_jsonl(guide / "guided.jsonl",
              {testing::guided("a", 0.05, 8, false), testing::guided("b", 0.57, 8, false),
               testing::guided("c" + hostile, 0.51, 8, true)});
  const std::string label = "POPE" + hostile;
  const std::filesystem::path eval = fake.eval("e", label, 1, 0.1, 0.312, "hard" + hostile);
  Json row = testing::rollout("id" + hostile, "completion" + hostile, true, true);
  row["problem"] = "problem" + hostile;
  row["guidance"] = "hint" + hostile;
  row["reason"] = "reason" + hostile;
  write_jsonl(eval / "rollouts" / "hard.jsonl.zst", {row});
  const std::vector<Json> rows = {{{"step", 1}, {"reward/unguided", 0.1}, {"key" + hostile, 1}},
                                  {{"step", 2}, {"reward/unguided", 0.2}, {"key" + hostile, 2}}};
  const std::vector<Json> higher = {{{"step", 1}, {"reward/unguided", 0.3}},
                                    {{"step", 2}, {"reward/unguided", 0.4}}};
  ReportConfig config;
  config.title = "Title" + hostile;
  config.notes = "First." + hostile + "\n\nSecond.";
  config.baseline = "GRPO";
  return render_html(collect_report(
      {mine, guide, fake.eval("b", "base", 1, 0, 0.01, "hard" + hostile),
       fake.eval("r", "GRPO", 1, 0.05, 0.07, "hard" + hostile), eval,
       fake.train("t1", label, 1, rows, "a:\n  b: \"1" + std::string(hostile.empty() ? "" : "<b>") + "\"\n"),
       fake.train("t2", label, 2, higher), fake.train("t3", "GRPO", 1, rows, "a:\n  b: 2\n")},
      config));
}

TEST(Page, HasAllParts) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  for (const char* id : {"results", "curves", "explore", "rollouts", "runs"}) {
    EXPECT_TRUE(has(page, std::string("<section id=\"") + id + "\">"));
    EXPECT_TRUE(has(page, std::string("<a href=\"#") + id + "\">"));
  }
  EXPECT_TRUE(has(page, "<p>First.</p><p>Second.</p>"));
  EXPECT_TRUE(
      has(page, "POPE solves 31\u00a0% of the hard problems unguided at pass@8, GRPO 7.0\u00a0%: 4.5×"));
  // The cell: value, interval over problems, gain over GRPO 0.07: 0.312 / 0.07 = 4.457.
  EXPECT_TRUE(
      has(page,
          "<td class=\"best\" data-v=\"0.312\"><span class=\"value\">31.2</span><small>30.2–32.2</small>"
          "<span class=\"gain up clear\">+346\u00a0%</span></td>"));
  EXPECT_TRUE(has(page, "75\u00a0%</b> tokens saved by stopping early"));  // 30 of 120
  EXPECT_TRUE(has(page, "Privileged guidance — input only"));
  EXPECT_TRUE(has(page, "<meta name=\"viewport\""));
  EXPECT_TRUE(has(page, "prefers-color-scheme:dark"));
}

// The classes as mining counts them: what is truncated is not hard, what is held out is.
TEST(Page, MiningShowsTheClassesThatThereAre) {
  FakeRuns fake;
  const std::filesystem::path mine = fake.run("m", "mine", "", 1);
  write_file(mine / "result.json",
             R"({"problems": 9, "classes": {"hard": 3, "truncated": 4, "ungraded": 0, "easy": 2},
                 "sets": {"hard": 2, "heldout": 1, "truncated": 4, "easy": 2}, "truncated": 17})");
  const std::string page = render_html(collect_report({mine}, {}));
  EXPECT_TRUE(has(page, "</i>hard <b>3</b>"));
  EXPECT_TRUE(has(page, "</i>truncated <b>4</b>"));
  EXPECT_TRUE(has(page, "<i class=\"q5\" style=\"flex-grow:4\"></i>"));
  EXPECT_FALSE(has(page, "</i>ungraded"));
  EXPECT_TRUE(has(page, "<b>1</b> of the hard ones are held out"));
  EXPECT_TRUE(has(page, "<b>17</b> rollouts were cut off"));
}

TEST(Page, ChartsHaveLinesAndBands) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  EXPECT_TRUE(has(page, "<figcaption>Reward, unguided prompts</figcaption><svg"));
  EXPECT_EQ(count(page, "<polygon class=\"band c2\""), 1u);  // POPE has two runs that differ; GRPO has one
  EXPECT_EQ(count(page, "<polygon class=\"band c0\""), 0u);
  EXPECT_GE(count(page, "<polyline class=\"line c0\""), 1u);
  EXPECT_TRUE(has(page, "POPE: 30 % at step 2."));  // the mean of 20 % and 40 %, for who cannot see the chart
}

// The text between two marks, the first time that they stand in the page.
std::string between(const std::string& page, const std::string& open, const std::string& close) {
  const std::size_t begin = page.find(open);
  if (begin == std::string::npos) return "";
  return page.substr(begin + open.size(), page.find(close, begin + open.size()) - begin - open.size());
}

Json data_of(const std::string& page) {
  return Json::parse(between(page, "<script type=\"application/json\" id=\"data\">", "</script>"));
}

TEST(Page, ResultBarsHaveAScale) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  // The largest interval ends at 32.2 %, so the scale at 40 %.
  const std::string plot = between(page, "<figure class=\"dots\"", "</figure>");
  EXPECT_TRUE(has(plot, "--step:25.000%"));
  EXPECT_TRUE(
      has(plot,
          "<span class=\"axis\"><span style=\"left:0.00%\">0</span><span style=\"left:25.00%\">10</span>"
          "<span style=\"left:50.00%\">20</span><span style=\"left:75.00%\">30</span>"
          "<span style=\"left:100.00%\">40\u00a0%</span></span>"));
  EXPECT_TRUE(has(plot, "<i class=\"point c2\" style=\"left:78.00%\">"));  // POPE, 31.2 of 40
}

TEST(Page, MarksTheBaseline) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  const std::string mark = "<small class=\"base\">baseline</small>";
  // In both legends, the plot and the table; and a line in each row of the plot, 7 of 40.
  EXPECT_EQ(count(page, "GRPO</span> " + mark) + count(page, "GRPO " + mark), 4u);
  EXPECT_EQ(count(page, mark), 4u);
  EXPECT_EQ(count(page, "<i class=\"ref\" style=\"left:17.50%\"></i>"), 3u);
}

TEST(Page, MethodsCanBeHiddenAndTablesSorted) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  // base 1, GRPO 0, POPE 2: a button in each of two legends, the row of the table, the row of the plot; those
  // that were trained have lines.
  for (const char* color : {"0", "1", "2"}) {
    const std::string number = "data-m=\"" + std::string(color) + "\"";
    EXPECT_EQ(count(page, "<button type=\"button\" " + number), color[0] == '1' ? 1u : 2u);
    EXPECT_EQ(count(page, "<tr " + number), 1u);
    EXPECT_EQ(count(page, "<div class=\"dotrow\" " + number), 1u);
    EXPECT_EQ(has(page, "<g " + number), color[0] != '1');
  }
  EXPECT_TRUE(has(page, "<th scope=\"col\" data-col=\"2\">pass@8</th>"));
  EXPECT_TRUE(has(page, "<th scope=\"col\" data-col=\"5\">Time</th>"));
  EXPECT_TRUE(has(page, "<td data-v=\"150.0\">2 min 30 s</td>"));
}

TEST(Page, PrefixesThatWorkedStandApartFromFallbacks) {
  FakeRuns fake;
  const std::string bars = between(full_page(fake), "<ol class=\"bars\"", "</ul>");
  EXPECT_TRUE(
      has(bars, "<li><small>1</small><i class=\"worked\" style=\"height:calc((100% - 3.2em)*0.500)\""));
  // Of two in the sixth tenth one is a fall-back, on top.
  const std::size_t fallback = bars.find("<li><small>2</small><i class=\"fallback\"");
  EXPECT_LT(fallback, bars.rfind("<i class=\"worked\""));
  EXPECT_TRUE(has(bars, "a prefix with which the model succeeds <b>2</b>"));
  EXPECT_TRUE(has(bars, "a short random prefix: none worked <b>1</b>"));
}

TEST(Page, EveryTableAndChartCanBeSaved) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  const Json data = data_of(page);
  std::vector<std::string> parts;
  const std::regex link("<p class=\"save\" data-part=\"([^\"]*)\"");
  for (std::sregex_iterator match(page.begin(), page.end(), link), end; match != end; ++match) {
    parts.push_back((*match)[1]);
    // Where the script finds it.
    const Json& part = data.at(Json::json_pointer("/" + parts.back()));
    EXPECT_FALSE(part.empty()) << parts.back();
  }
  for (const char* part : {"table", "curves/0", "mining/0", "guiding/0", "differences/0/rows", "runs"})
    EXPECT_NE(std::find(parts.begin(), parts.end(), part), parts.end()) << part;
  EXPECT_EQ(std::count(parts.begin(), parts.end(), "table"), 2);  // and the plot, a part of it
  EXPECT_EQ(count(page, "<svg"),
            static_cast<std::size_t>(std::count_if(parts.begin(), parts.end(), [](const std::string& part) {
              return part.starts_with("curves/");
            })));
  EXPECT_EQ(count(page, "<table"), 3u);
  EXPECT_TRUE(
      has(page, "data-part=\"table\" data-set=\"hard\" data-metric=\"pass@8\" data-guided=\"false\""));
}

TEST(Page, LongTextsScroll) {
  FakeRuns fake;
  const std::string style = between(full_page(fake), "<style>", "</style>");
  const std::string text = between(style, ".text{font-size", "}");
  EXPECT_TRUE(has(text, "max-height:"));
  EXPECT_TRUE(has(text, "overflow-y:auto"));
}

TEST(Page, LoadsItselfAnewOnlyWhileItIsWatched) {
  FakeRuns fake;
  const auto run = fake.run("m", "mine", "", 1);
  ReportConfig config;
  const std::string once = render_html(collect_report({run}, config));
  EXPECT_FALSE(has(once, "id=\"reload\""));
  EXPECT_FALSE(data_of(once).contains("watch"));
  config.watch = 30;
  const std::string watched = render_html(collect_report({run}, config));
  EXPECT_TRUE(has(watched, "id=\"reload\"> Load anew every 30 s</label>"));
  EXPECT_EQ(data_of(watched)["watch"], 30);
  EXPECT_TRUE(data_of(watched)["written"].is_number_integer());
}

TEST(Page, DefinesTheMetricsThatItShows) {
  FakeRuns fake;
  const std::vector<Json> rows = {
      {{"step", 1}, {"reward/unguided", 0.1}, {"reward/guided", 0.2}, {"odd", 1}},
      {{"step", 2}, {"reward/unguided", 0.2}, {"reward/guided", 0.3}, {"odd", 2}}};
  const std::string page = render_html(collect_report({fake.train("t", "POPE", 1, rows)}, {}));
  EXPECT_EQ(count(page, "<dt><code>reward/{set}</code></dt><dd>mean reward of the set&#39;s rollouts"), 1u);
  EXPECT_EQ(count(page, "<dt>"), 1u);
  const std::string truncated =
      render_html(collect_report({fake.train("u", "POPE", 1, {{{"step", 1}, {"truncated/easy", 0.5}}})}, {}));
  EXPECT_TRUE(
      has(truncated, "<dd>fraction of rollouts cut off at <code>sampling.max_new_tokens</code></dd>"));
}

TEST(Page, LoadsNothing) {
  FakeRuns fake;
  const std::string page = full_page(fake);
  for (const char* part :
       {"http:", "https:", "@import", "url(", " src=", "<link", "<iframe", "<img", "//www"}) {
    EXPECT_FALSE(has(page, part));
  }
  std::smatch match;
  std::string rest = page;
  const std::regex href("href=\"([^\"]*)\"");
  while (std::regex_search(rest, match, href)) {
    EXPECT_EQ(match[1].str().front(), '#') << match[1];
    rest = match.suffix();
  }
  EXPECT_TRUE(has(page, "Content-Security-Policy\" content=\"default-src 'none'"));
}

TEST(Page, HostileTextStaysText) {
  FakeRuns fake;
  const std::string hostile = "</script><script>alert(1)</script><!--<img onerror=alert(2)>\"'&\u2028";
  const std::string page = full_page(fake, hostile);
  EXPECT_FALSE(has(page, "<script>alert"));
  EXPECT_FALSE(has(page, "<img"));
  EXPECT_FALSE(has(page, "<!--"));
  EXPECT_EQ(count(page, "<script"), 2u);  // the data block and the program
  EXPECT_EQ(count(page, "</script>"), 2u);
  EXPECT_TRUE(has(page, "Title&lt;/script&gt;&lt;script&gt;alert(1)"));
  // In the data block '<' and the line separators are escaped, and nothing is lost.
  const std::string block = between(page, "<script type=\"application/json\" id=\"data\">", "</script>");
  EXPECT_EQ(block.find('<'), std::string::npos);
  EXPECT_EQ(block.find("\u2028"), std::string::npos);
  EXPECT_EQ(data_of(page)["rollouts"][0]["completion"], "completion" + hostile);
}

// The tags of a page, without its style and script.
std::vector<std::string> tags_of(std::string page) {
  page.erase(page.find("<style>"), page.find("</style>") - page.find("<style>"));
  page.resize(page.find("<script type"));
  std::vector<std::string> tags;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1))
    tags.push_back(page.substr(at, page.find('>', at) - at));
  return tags;
}

// Everything that a run's files say, in quotes that end an attribute: each tag keeps the attributes that it
// has without them.
TEST(Page, NoTextFromARunEndsATagOrAnAttribute) {
  const auto page_with = [](const std::string& text) {
    FakeRuns fake;
    std::string name = text;  // of files and of metrics, whose parts a slash separates
    std::erase(name, '/');
    const auto more = [&](const std::filesystem::path& run) {
      write_file(run / "environment.json", dump(Json{{"verb", read_json(run / "environment.json")["verb"]},
                                                     {"version", text},
                                                     {"system", text},
                                                     {"starts", {{{"time", text}}}}}));
      return run;
    };
    const auto settings = [&](int value) {
      return "odd:\n  " + dump(Json("key" + text)) + ": " + dump(Json(text + std::to_string(value))) + "\n";
    };
    const std::vector<Json> rows = {
        {{"step", 1}, {"odd" + name, 1}, {"eval/s" + name + "/guided/pass@2", 0.5}},
        {{"step", 2}, {"odd" + name, 2}}};
    const auto mine = more(fake.run("mine" + name, "mine", text, 1));
    write_file(mine / "result.json",
               dump(Json{{"problems", text}, {"tokens", text}, {"classes", {{text, 5}, {"hard", 3}}}}));
    const auto guide = more(fake.run("guide" + name, "guide", text, 1));
    write_file(guide / "result.json", dump(Json{{"guided", 1}, {"tokens", text}}));
    Json prefix = testing::guided("id" + text, 0.5, 8, false);
    prefix["guidance"]["kind"] = text;
    write_jsonl(guide / "guided.jsonl", {prefix});
    const auto eval = more(fake.eval("eval" + name, "b" + text, 1, 0.5, 0.6, "set" + text));
    write_file(more(fake.run("torn" + name, "eval", "t" + text, 1)) / "result.json", text);
    ReportConfig config;
    config.title = config.notes = text;
    config.baseline = "a" + text;
    return render_html(collect_report({mine, guide, eval, fake.folder() / ("torn" + name),
                                       more(fake.train("t1" + name, "a" + text, 1, rows, settings(1))),
                                       more(fake.train("t2" + name, "b" + text, 1, rows, settings(2)))},
                                      config));
  };
  const std::string plain = "x",
                    hostile = "\"'><b onclick=alert(1)></title></style></textarea>--></script>&lt;";
  std::vector<std::string> expected = tags_of(page_with(plain)), got = tags_of(page_with(hostile));
  ASSERT_EQ(got.size(), expected.size());
  const std::regex value("=\"[^\"]*\"");
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(std::regex_replace(got[i], value, "="), std::regex_replace(expected[i], value, "="));
}

TEST(Page, WithoutRolloutsOrRunsToCompare) {
  FakeRuns fake;
  const std::string page = render_html(collect_report({fake.run("m", "mine", "", 1)}, {}));
  EXPECT_TRUE(has(page, "No evaluated runs yet"));
  EXPECT_TRUE(has(page, "not complete"));
  EXPECT_FALSE(has(page, "id=\"rollouts\""));
  EXPECT_FALSE(has(page, "id=\"curves\""));
}

TEST(Page, ClaimsAreEscapedOnce) {
  const Json claim = {{"study", "s"},
                      {"title", "A & B"},
                      {"paper", "Fig. <1>"},
                      {"claim", "plain RL's <b>"},
                      {"metric", "final"},
                      {"of", "a"},
                      {"minus", "b"},
                      {"times", 1},
                      {"above", 0},
                      {"condition", false},
                      {"untestable", "seeds < 5"},
                      {"power", 0.8},
                      {"verdict", "held"},
                      {"logit_verdict", Json()},
                      {"left", 0.5},
                      {"right", 0.25},
                      {"difference", 0.25},
                      {"low", 0.1},
                      {"bases", {1, 2, 3, 4, 5}},
                      {"bases_for", 4},
                      {"high", 0.4}};
  const std::string html = claims_section({{"claims", Json::array({claim})}});
  EXPECT_TRUE(has(html, "plain RL&#39;s &lt;b&gt;"));
  EXPECT_TRUE(has(html, "A &amp; B"));
  EXPECT_TRUE(has(html, "seeds &lt; 5"));
  EXPECT_TRUE(has(html, "4 of 5 bases"));
  EXPECT_FALSE(has(html, "&amp;#39;"));
}

TEST(Html, Helpers) {
  EXPECT_EQ(escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(embed(Json("</script>\u2028\u2029é")), "\"\\u003c/script>\\u2028\\u2029é\"");
  EXPECT_EQ(count_text(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(count_text(123), "123");
  EXPECT_EQ(count_text(Json()), "–");
  EXPECT_EQ(short_number(0.0123456), "0.0123");
  EXPECT_EQ(short_number(25000), "25k");
}

}  // namespace
}  // namespace pope
