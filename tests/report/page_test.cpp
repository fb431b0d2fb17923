// The page: hostile text stays text, nothing is loaded from elsewhere, numbers and parts are there.
#include "report/page.h"

#include <gtest/gtest.h>

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
  write_file(guide / "result.json", R"({"guided": 3, "fallback": 1, "fractions": [0.05, 0.55]})");
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
  EXPECT_TRUE(has(page,
                  "<td class=\"best\"><span class=\"value\">31.2</span><small>30.2–32.2</small>"
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
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(open) + open.size();
  const std::string block = page.substr(begin, page.find("</script>", begin) - begin);
  EXPECT_EQ(block.find('<'), std::string::npos);
  EXPECT_EQ(block.find("\u2028"), std::string::npos);
  EXPECT_EQ(Json::parse(block)["rollouts"][0]["completion"], "completion" + hostile);
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
