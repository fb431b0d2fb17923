// See page_claims.h.
#include "report/page_claims.h"

#include <fmt/format.h>

#include "report/html.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

std::string fixed(const Json& value) {
  return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "–";
}

// "POPE − 3 × GRPO > 0", in the plan's names.
std::string comparison(const Json& claim) {
  const double times = claim["times"];
  std::string text = text_of(claim["of"]);
  if (!claim["minus"].is_null())
    text += fmt::format(" − {}{}", times == 1 ? "" : fmt::format("{} × ", times), text_of(claim["minus"]));
  if (claim.contains("within")) return text + " within ±" + short_number(claim["within"]);
  const bool above = claim.contains("above");
  return fmt::format("{} {} {}", text, above ? "&gt;" : "&lt;",
                     short_number(claim[above ? "above" : "below"]));
}

// The verdict, and what a reader should know beside it.
std::string verdict(const Json& claim) {
  const std::string verdict = claim["verdict"];
  const char* style = verdict == "held" ? "up" : verdict == "did not hold" ? "bad" : "muted";
  std::string text = fmt::format("<b class=\"{}\">{}</b>", style, escape(verdict));
  if (claim["untestable"].is_string()) text += "<br><small>" + text_of(claim["untestable"]) + "</small>";
  if (claim["logit_verdict"].is_string() && claim["logit_verdict"] != verdict)
    text += "<br><small>on the logit scale: " + text_of(claim["logit_verdict"]) + "</small>";
  text += fmt::format("<br><small>{} of {} bases", claim["bases_for"].get<int>(), claim["bases"].size());
  if (claim["power"].is_number()) text += fmt::format(", power {:.0f} %", 100 * claim["power"].get<double>());
  return text + "</small>";
}

std::string row(const Json& claim) {
  const std::string interval =
      claim["low"].is_number()
          ? fmt::format("<br><small>{} to {}</small>", fixed(claim["low"]), fixed(claim["high"]))
          : "";
  return fmt::format(
      "<tr><td>{}<br><small>{}, {}</small></td><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>",
      (claim.value("condition", false) ? "(condition) " : "") + text_of(claim["claim"]),
      text_of(claim["metric"]), comparison(claim), fixed(claim["left"]), fixed(claim["right"]),
      fixed(claim["difference"]), interval, verdict(claim));
}

// Base models that did not pass the gate, and runs that failed: the claims above are without them.
std::string left_out(const Json& report) {
  std::string html;
  for (const Json& base : report.value("rejected", Json::array())) {
    html += fmt::format("<li>Base {} was rejected at the gate:", text_of(base["base"]));
    for (const auto& [attempt, values] : base["values"].items()) {
      html += " " + escape(attempt);
      for (const auto& [id, value] : values.items()) html += fmt::format(" {} {}", escape(id), fixed(value));
      html += ";";
    }
    html.back() = '.';
    html += "</li>";
  }
  for (const Json& failure : report.value("failures", Json::array()))
    html += fmt::format("<li>{} failed.<pre>{}</pre></li>", text_of(failure["job"]), text_of(failure["log"]));
  return html.empty() ? "" : "<h3>Left out</h3><ul>" + html + "</ul>";
}

std::string figure(const Json& value, std::size_t index) {
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
    legend += "<li><span class=\"tag\">" + mark(s["color"]) + text_of(s["name"]) + "</span></li>";
  }
  return fmt::format("<figure><figcaption>{}</figcaption>{}<ul class=\"legend\">{}</ul>{}</figure>",
                     escape(chart.title), line_chart(chart), legend,
                     save_links(fmt::format("figures/{}", index)));
}

std::string figures_of_study(const Json& report, const std::string& study) {
  std::string html;
  const Json figures = report.value("figures", Json::array());
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (figures[i]["study"] == study) html += figure(figures[i], i);
  }
  return html.empty() ? "" : "<div class=\"charts\">" + html + "</div>";
}

std::string end_of_study(const Json& report, const std::string& study) {
  return "</tbody></table></div>" + save_links("claims", " data-study=\"" + escape(study) + "\"") +
         figures_of_study(report, study);
}

}  // namespace

std::string claims_section(const Json& report) {
  if (!report.contains("claims") || report["claims"].empty()) return "";
  std::string html =
      "<section id=\"claims\"><h2>Claims</h2><p class=\"note\">Each claim compares two arms on one metric, "
      "with the direction and bound of the plan. It held when the whole 95 % interval of the difference over "
      "base models is on its side of the bound, did not hold when none of it is, and is undecided otherwise; "
      "below the verdict, in how many base models the difference itself is on the claim's side, and how "
      "likely the interval was to be there by what was expected before the run. Where the verdict on the "
      "logit scale is another, that is said.</p>";
  std::string study;
  for (const Json& claim : report["claims"]) {
    if (claim["study"] != study) {
      if (!study.empty()) html += end_of_study(report, study);
      study = claim["study"];
      const std::string paper = claim.value("paper", "");
      html += "<h3>" + text_of(claim["title"]) +
              (paper.empty() ? "" : " <small>(" + escape(paper) + ")</small>") +
              "</h3><div class=\"scroll\"><table "
              "class=\"claims\"><thead><tr><th>Claim</th><th>left</th><th>right</th>"
              "<th>difference</th><th>verdict</th></tr></thead><tbody>";
    }
    html += row(claim);
  }
  return html + end_of_study(report, study) + left_out(report) + "</section>";
}

}  // namespace pope
