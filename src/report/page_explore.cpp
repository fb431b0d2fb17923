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

std::string mining_html(const Json& run, std::size_t index) {
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
         "<div class=\"facts\">" + facts + "</div>" + save_links(fmt::format("mining/{}", index)) +
         "</article>";
}

// What may be known of a prefix, in the order in which a bar stacks them, from the top.
struct Kind {
  const char *key, *name;
};
constexpr Kind kKinds[] = {{"untried", "a prefix that was not tried"},
                           {"fallback", "a short random prefix: none worked"},
                           {"worked", "a prefix with which the model succeeds"}};

// A bar for each tenth of the solution, in parts by kind.
std::string histogram(const Json& lengths) {
  if (lengths.is_null()) return "";
  const std::size_t bins = lengths["worked"].size();
  std::vector<int> totals(bins);
  std::string legend, bars;
  for (const Kind& kind : kKinds) {
    int count = 0;
    for (std::size_t i = 0; i < bins; ++i) {
      totals[i] += lengths[kind.key][i].get<int>();
      count += lengths[kind.key][i].get<int>();
    }
    if (count > 0)
      legend.insert(0, fmt::format("<li><i class=\"mark {}\" aria-hidden=\"true\"></i>{} <b>{}</b></li>",
                                   kind.key, kind.name, count_text(count)));
  }
  const int most = std::max(1, *std::max_element(totals.begin(), totals.end()));
  for (std::size_t i = 0; i < bins; ++i) {
    bars += fmt::format("<li><small>{}</small>", totals[i] ? std::to_string(totals[i]) : "");
    for (const Kind& kind : kKinds) {
      const int count = lengths[kind.key][i];
      if (count > 0)
        bars +=
            fmt::format("<i class=\"{}\" style=\"height:calc((100% - 3.2em)*{:.3f})\" title=\"{}: {}\"></i>",
                        kind.key, static_cast<double>(count) / most, kind.name, count);
    }
    bars += fmt::format("<span>{}</span></li>", 100 * i / bins);
  }
  return "<ol class=\"bars\" aria-label=\"Problems by prefix length, in tenths of the solution\">" + bars +
         "</ol><p class=\"note mid\">prefix length, from so many % of the oracle solution</p>"
         "<ul class=\"legend\" aria-label=\"Problems by what is known of their prefix\">" +
         legend + "</ul>";
}

std::string guiding_html(const Json& run, std::size_t index) {
  const std::pair<const char*, const char*> kFacts[] = {
      {"guided", "problems guided"},
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
  return "<article><h3>Guidance: " + text_of(run["run"]) + "</h3>" + histogram(run["lengths"]) +
         "<div class=\"facts\">" + facts + "</div>" + save_links(fmt::format("guiding/{}", index)) +
         "</article>";
}

}  // namespace

std::string explore_section(const Json& report) {
  std::string html;
  for (std::size_t i = 0; i < report["mining"].size(); ++i) html += mining_html(report["mining"][i], i);
  for (std::size_t i = 0; i < report["guiding"].size(); ++i) html += guiding_html(report["guiding"][i], i);
  if (html.empty()) return "";
  return "<section id=\"explore\"><h2>Mining and guidance</h2><div class=\"pair\">" + html +
         "</div></section>";
}

}  // namespace pope
