// See page_explore.h.
#include "report/page_explore.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"

namespace pope {
namespace {

std::string fact(const std::string& value, const std::string& what) {
  return "<div class=\"fact\"><b>" + value + "</b> " + escape(what) + "</div>";
}

// Counts as one stacked bar with a legend.
std::string stacked_bar(const Json& classes) {
  static const char* const kOrder[] = {"hard", "medium", "easy", "easier", "solved", "truncated", "ungraded"};
  constexpr std::size_t kLastDifficulty = 4;  // the others are shown where there are such
  double total = 0;
  for (const Json& count : classes) total += count.is_number() ? count.get<double>() : 0;
  if (total == 0) return "";
  std::string bar, legend;
  for (std::size_t shade = 0; shade < std::size(kOrder); ++shade) {
    const char* name = kOrder[shade];
    const double count =
        classes.contains(name) && classes[name].is_number() ? classes[name].get<double>() : 0;
    if (count == 0 && shade > kLastDifficulty) continue;
    if (count > 0) bar += fmt::format("<i class=\"q{}\" style=\"flex-grow:{}\"></i>", shade, count);
    legend += fmt::format("<li><i class=\"mark q{}\" aria-hidden=\"true\"></i>{} <b>{}</b></li>", shade, name,
                          count_text(count));
  }
  return "<div class=\"stack\" aria-hidden=\"true\">" + bar +
         "</div><ul class=\"legend\" aria-label=\"Problems per class\">" + legend + "</ul>";
}

std::string mining_html(const Json& run) {
  std::string facts =
      fact(count_text(run["problems"]), "problems") + fact(count_text(run["samples"]), "samples");
  const double tokens = run["tokens"].is_number() ? run["tokens"].get<double>() : 0;
  const double fixed = run["tokens_fixed"].is_number() ? run["tokens_fixed"].get<double>() : 0;
  facts += fact(count_text(run["tokens"]), "tokens sampled");
  if (fixed > 0 && fixed >= tokens)
    facts += fact(fmt::format("{:.0f}\u00a0%", 100 * (1 - tokens / fixed)), "tokens saved by stopping early");
  const Json& sets = run["sets"];
  if (sets.is_object() && sets.contains("heldout") && sets["heldout"].is_number() && sets["heldout"] > 0)
    facts += fact(count_text(sets["heldout"]), "of the hard ones are held out");
  if (run["truncated"].is_number() && run["truncated"] > 0)
    facts += fact(count_text(run["truncated"]), "rollouts were cut off");
  if (run["ungraded"].is_number() && run["ungraded"] > 0)
    facts += fact(count_text(run["ungraded"]), "rollouts could not be judged");
  if (run["faulty_reference"].is_number() && run["faulty_reference"] > 0)
    facts += fact(count_text(run["faulty_reference"]), "not sampled: no answer can be judged by theirs");
  return "<article><h3>Mining: " + text_of(run["run"]) + "</h3>" + stacked_bar(run["classes"]) +
         "<div class=\"facts\">" + facts + "</div></article>";
}

std::string histogram(const Json& counts) {
  int most = 1;
  for (const Json& count : counts) most = std::max(most, count.get<int>());
  std::string bars;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const int count = counts[i];
    bars += fmt::format(
        "<li><small>{}</small><i style=\"height:calc((100% - 3.2em)*{:.3f})\"></i><span>{}</span></li>",
        count ? std::to_string(count) : "", static_cast<double>(count) / most, fmt::format("{}", i * 10));
  }
  return "<ol class=\"bars\" aria-label=\"Problems by prefix length, in tenths of the solution\">" + bars +
         "</ol><p class=\"note mid\">prefix length, from so many % of the oracle solution</p>";
}

std::string guiding_html(const Json& run) {
  const std::pair<const char*, const char*> kFacts[] = {
      {"guided", "problems guided"},
      {"found", "with a prefix that works"},
      {"fallback", "with a short random prefix (none worked)"},
      {"ungraded", "rollouts could not be judged"},
      {"without_solution", "without oracle solution"},
      {"without_prefix", "without possible prefix"},
      {"leaks_prevented", "prefixes dropped: they state the answer"},
      {"tokens", "tokens sampled"}};
  std::string facts;
  for (const auto& [key, what] : kFacts) {
    if (run[key].is_number() && (run[key] > 0 || std::string(key) == "guided"))
      facts += fact(count_text(run[key]), what);
  }
  return "<article><h3>Guidance: " + text_of(run["run"]) + "</h3>" + histogram(run["histogram"]) +
         "<div class=\"facts\">" + facts + "</div></article>";
}

}  // namespace

std::string explore_section(const Json& report) {
  std::string html;
  for (const Json& run : report["mining"]) html += mining_html(run);
  for (const Json& run : report["guiding"]) html += guiding_html(run);
  if (html.empty()) return "";
  return "<section id=\"explore\"><h2>Mining and guidance</h2><div class=\"pair\">" + html +
         "</div></section>";
}

}  // namespace pope
