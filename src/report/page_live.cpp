// See page_live.h.
#include "report/page_live.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/progress.h"
#include "report/html.h"

namespace pope {
namespace {

std::string fact(const std::string& value, const std::string& what) {
  return "<div class=\"fact\"><b>" + value + "</b> " + what + "</div>";
}

std::string whole_percent(const Json& part) { return fmt::format("{:.0f}\u00a0%", 100 * part.get<double>()); }

// A bar for each of the last steps: how many of its groups had no signal.
std::string signal_bars(const Json& recent) {
  if (recent.empty()) return "";
  double most = 1;
  for (const Json& one : recent)
    most = std::max({most, one["no_signal"].get<double>(),
                     one["groups"].is_number() ? one["groups"].get<double>() : 0.0});
  std::string bars;
  for (std::size_t i = 0; i < recent.size(); ++i) {
    const double height = 20 * recent[i]["no_signal"].get<double>() / most;
    bars += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"4\" height=\"{:.1f}\"/>", 5 * i, 20 - height,
                        height);
  }
  const Json& last = recent.back();
  const std::string now =
      count_text(last["no_signal"]) + (last["groups"].is_number() ? " of " + count_text(last["groups"]) : "");
  return fact(now,
              fmt::format("groups without signal in step {} <svg class=\"spark\" viewBox=\"0 0 {} 20\" "
                          "width=\"{}\" height=\"20\" role=\"img\" aria-label=\"groups without signal in "
                          "the last {} steps\">{}</svg>",
                          text_of(last["step"]), 5 * recent.size(), 5 * recent.size(), recent.size(), bars));
}

std::string progress_html(const Json& run) {
  std::string html;
  if (run["step"].is_number()) {
    html += fact(count_text(run["step"]),
                 run["steps"].is_number() ? "of " + count_text(run["steps"]) + " steps" : "steps");
    if (run["steps"].is_number() && run["steps"].get<double>() > 0)
      html +=
          fmt::format("<div class=\"meter\"><i style=\"width:{:.1f}%\"></i></div>",
                      std::clamp(100 * run["step"].get<double>() / run["steps"].get<double>(), 0.0, 100.0));
  }
  if (run["finished"].is_number()) html += fact(count_text(run["finished"]), "pieces of work finished");
  if (run["step_s"].is_number()) html += fact(duration(run["step_s"]), "a step");
  if (run["sampler_wait"].is_number())
    html += fact(whole_percent(run["sampler_wait"]), "of it sampling waited for learning");
  if (run["learner_wait"].is_number())
    html += fact(whole_percent(run["learner_wait"]), "of it learning waited for rollouts");
  return html + signal_bars(run["recent"]);
}

}  // namespace

std::string live_section(const Json& report) {
  if (!report.contains("live")) return "";
  std::string rows, complete;
  int done = 0;
  for (const Json& run : report["live"]) {
    const std::string state = run["state"];
    if (state == "complete") {
      complete += (done++ > 0 ? ", " : "") + text_of(run["run"]);
      continue;
    }
    const char* chip = state == "running" ? " correct" : state == "stopped" ? " truncated" : "";
    const std::string written =
        run["written"].is_number()
            ? fmt::format(" <small class=\"ago\" data-t=\"{}\"></small>", run["written"].get<std::int64_t>())
            : "";
    rows += fmt::format(
        "<article class=\"now\"><h3>{} <small>{}</small> <span class=\"chip{}\">{}</span>{}</h3><div "
        "class=\"facts\">{}</div></article>",
        text_of(run["run"]), text_of(run["verb"]), chip, state, written, progress_html(run));
  }
  if (done > 0) rows += fmt::format("<p class=\"note\">Complete: {}.</p>", complete);
  return "<section id=\"live\"><h2>Now</h2>" + rows + "</section>";
}

}  // namespace pope
