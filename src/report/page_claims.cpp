// The claims section of `pope reproduce`: what the paper says beside what was measured, and the charts of
// each study.
#include <fmt/format.h>

#include "report/html.h"
#include "report/page.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

std::string fixed(const Json& value) {
  return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "–";
}

// "POPE − 3 × GRPO > 0", in the plan's names.
std::string comparison(const Json& claim) {
  const double times = claim["times"];
  const bool above = claim.contains("above");
  if (claim["minus"].is_null()) {
    return fmt::format("{} {} {}", text_of(claim["of"]), above ? "&gt;" : "&lt;",
                       short_number(claim[above ? "above" : "below"]));
  }
  return fmt::format("{} − {}{} {} {}", text_of(claim["of"]), times == 1 ? "" : fmt::format("{} × ", times),
                     text_of(claim["minus"]), above ? "&gt;" : "&lt;",
                     short_number(claim[above ? "above" : "below"]));
}

std::string row(const Json& claim) {
  const std::string verdict = claim["verdict"];
  const char* style = verdict == "held" ? "up" : verdict == "did not hold" ? "bad" : "muted";
  const std::string interval = claim["low"].is_number()
                                   ? fmt::format("<br><small>{} to {}, over {}</small>", fixed(claim["low"]),
                                                 fixed(claim["high"]), text_of(claim["interval"]))
                                   : "";
  return fmt::format(
      "<tr><td>{}<br><small>{}, {}</small></td><td>{}</td><td>{}</td><td>{}{}</td><td><b "
      "class=\"{}\">{}</b><br><small>{} of {} seeds</small></td></tr>",
      text_of(claim["claim"]), text_of(claim["metric"]), comparison(claim), fixed(claim["left"]),
      fixed(claim["right"]), fixed(claim["difference"]), interval, style, escape(verdict),
      claim["seeds_for"].get<int>(), claim["seeds"].get<int>());
}

std::string figure(const Json& value) {
  Chart chart;
  chart.title = value["title"];
  chart.x_label = value["x"];
  chart.y_label = value["y"];
  chart.percent = value["percent"];
  std::string legend;
  for (const Json& s : value["series"]) {
    const auto numbers = [&](const char* key) { return s[key].get<std::vector<double>>(); };
    chart.series.push_back(
        {s["name"], s["color"], numbers("x"), numbers("mean"), numbers("low"), numbers("high")});
    legend +=
        fmt::format("<li><span class=\"tag\"><i class=\"mark c{}\" aria-hidden=\"true\"></i>{}</span></li>",
                    s["color"].get<int>(), text_of(s["name"]));
  }
  return fmt::format("<figure><figcaption>{}</figcaption>{}<ul class=\"legend\">{}</ul></figure>",
                     escape(chart.title), line_chart(chart), legend);
}

std::string figures_of_study(const Json& report, const std::string& study) {
  std::string html;
  for (const Json& value : report.value("figures", Json::array())) {
    if (value["study"] == study) html += figure(value);
  }
  return html.empty() ? "" : "<div class=\"charts\">" + html + "</div>";
}

}  // namespace

std::string claims_section(const Json& report) {
  if (!report.contains("claims") || report["claims"].empty()) return "";
  std::string html =
      "<section id=\"claims\"><h2>Claims</h2><p class=\"note\">Each claim compares two arms on one metric, "
      "with the direction and bound of the plan. It held when the whole 95 % interval of the difference is "
      "on its side of the bound, did not hold when none of it is, and is not decidable at this size "
      "otherwise; below the verdict, in how many seeds the difference itself is on the claim's side.</p>";
  std::string study;
  for (const Json& claim : report["claims"]) {
    if (claim["study"] != study) {
      if (!study.empty()) html += "</tbody></table></div>" + figures_of_study(report, study);
      study = claim["study"];
      html += "<h3>" + text_of(claim["title"]) +
              "</h3><div class=\"scroll\"><table "
              "class=\"claims\"><thead><tr><th>Claim</th><th>left</th><th>right</th>"
              "<th>difference</th><th>verdict</th></tr></thead><tbody>";
    }
    html += row(claim);
  }
  return html + "</tbody></table></div>" + figures_of_study(report, study) + "</section>";
}

}  // namespace pope
