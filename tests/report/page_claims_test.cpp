// The claims of `pope reproduce`: what is compared, the verdict, and the charts behind each study.
#include "report/page_claims.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

Json claim(const std::string& study, const Json& minus) {
  return {{"study", study},
          {"title", "Title of " + study},
          {"claim", "More <b>"},
          {"metric", "m"},
          {"of", "a"},
          {"minus", minus},
          {"times", 3},
          {"above", 0.5},
          {"left", 0.75},
          {"right", minus.is_null() ? Json() : Json(0.125)},
          {"difference", 0.375},
          {"low", 0.25},
          {"high", 0.5},
          {"interval", "bases"},
          {"bases", {1, 2, 3}},
          {"bases_for", 2},
          {"power", 0.876},
          {"condition", false},
          {"untestable", Json()},
          {"logit_verdict", "held"},
          {"verdict", "held"}};
}

Json figure(const std::string& study, const std::string& title) {
  return {{"study", study},
          {"title", title},
          {"x", "training step"},
          {"y", "reward"},
          {"percent", true},
          {"series",
           {{{"name", "Arm & co"},
             {"color", 2},
             {"x", {1, 2}},
             {"mean", {0, 1}},
             {"low", {0, 1}},
             {"high", {0, 1}}}}}};
}

TEST(ClaimsSection, ComparisonsAndCharts) {
  Json report = {{"claims", {claim("s1", "b"), claim("s2", nullptr)}},
                 {"figures", {figure("s2", "Second"), figure("s1", "First")}}};
  const std::string page = claims_section(report);
  const auto at = [&](const std::string& part) { return page.find(part); };
  EXPECT_NE(at("a − 3 × b &gt; 0.5"), std::string::npos);
  EXPECT_NE(at(", a &gt; 0.5</small>"), std::string::npos);  // one arm against a bound
  EXPECT_NE(at("More &lt;b&gt;"), std::string::npos);
  EXPECT_NE(at("<b class=\"up\">held</b>"), std::string::npos);
  EXPECT_NE(at("Arm &amp; co"), std::string::npos);
  // Each study's charts stand behind its table.
  EXPECT_LT(at("Title of s1"), at("<figcaption>First"));
  EXPECT_LT(at("<figcaption>First"), at("Title of s2"));
  EXPECT_LT(at("Title of s2"), at("<figcaption>Second"));
  report.erase("figures");
  EXPECT_EQ(claims_section(report).find("<figure>"), std::string::npos);
  EXPECT_EQ(claims_section({{"claims", Json::array()}}), "");
}

TEST(ClaimsSection, WhatStandsBesideAVerdict) {
  Json report = {{"claims", {claim("s", "b")}}};
  Json& one = report["claims"][0];
  EXPECT_NE(
      claims_section(report).find("<b class=\"up\">held</b><br><small>2 of 3 bases, power 88 %</small>"),
      std::string::npos);
  EXPECT_EQ(claims_section(report).find("on the logit scale:"), std::string::npos);
  one["logit_verdict"] = "undecided";
  EXPECT_NE(claims_section(report).find("on the logit scale: undecided"), std::string::npos);
  one.erase("above");
  one["within"] = 0.1;
  EXPECT_NE(claims_section(report).find("a − 3 × b within ±0.1"), std::string::npos);
  one["verdict"] = "not testable";
  one["untestable"] = "given <i>";
  one["power"] = one["logit_verdict"] = Json();
  EXPECT_NE(claims_section(report).find(
                "not testable</b><br><small>given &lt;i&gt;</small><br><small>2 of 3 bases</small>"),
            std::string::npos);
  for (const char* key : {"left", "right", "difference", "low", "high"}) one[key] = Json();
  EXPECT_NE(claims_section(report).find("<td>–</td><td>–</td><td>–</td>"), std::string::npos);
}

TEST(ClaimsSection, WhatWasLeftOut) {
  Json report = {{"claims", {claim("s", "b")}}};
  EXPECT_EQ(claims_section(report).find("Left out"), std::string::npos);
  report["rejected"] = Json::parse(R"([{"base": 7, "values": {"base": {"finishes": 0.125}}}])");
  report["failures"] = Json::parse(R"([{"job": "base-1/mine", "log": "a < b"}])");
  const std::string page = claims_section(report);
  EXPECT_NE(page.find("<li>Base 7 was rejected at the gate: base finishes 0.125.</li>"), std::string::npos);
  EXPECT_NE(page.find("<li>base-1/mine failed.<pre>a &lt; b</pre></li>"), std::string::npos);
}

}  // namespace
}  // namespace pope
