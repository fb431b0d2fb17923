// Small functions that each turn one part of claims.json into Markdown: a cell, a row, a section.
#include "reproduce/paper_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <vector>

#include "reproduce/measure.h"

namespace pope {
namespace {

// Text inside a table's cell: "|" and line ends would end it.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("|\n", at)) != std::string::npos;) {
    const bool bar = text[at] == '|';
    text.replace(at, 1, bar ? "\\|" : " ");
    at += bar ? 2 : 1;
  }
  return text;
}

std::string row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

std::string head(const std::vector<std::string>& names) {
  std::string rule = "|";
  for (std::size_t i = 0; i < names.size(); ++i) rule += "---|";
  return row(names) + rule + "\n";
}

// "12,345", "0.82": whole where large, else three digits.
std::string plain(double value) {
  if (std::abs(value) < 100) return fmt::format("{:.3g}", value == 0 ? 0.0 : value);
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return (value < 0 ? "-" : "") + digits;
}

std::string with_sign(std::string number) {
  if (number.starts_with("-")) return "−" + number.substr(1);
  return "+" + number;
}

// A value of a metric: "12.8 %", "1.21". Null: "–".
std::string value_of(const std::string& metric, const Json& value) {
  if (!value.is_number()) return "–";
  return is_fraction(metric) ? fmt::format("{:.1f} %", 100 * value.get<double>())
                             : plain(value.get<double>());
}

// A difference, in points where the metric is a fraction.
std::string difference_of(const std::string& metric, double value) {
  return with_sign(is_fraction(metric) ? fmt::format("{:.1f}", 100 * value) : plain(value));
}

std::string difference_cell(const Json& claim) {
  if (!claim["difference"].is_number()) return "–";
  const std::string metric = claim["metric"];
  // Of one arm it is that arm's value, which stands beside it.
  const bool one = claim["minus"].is_null();
  const auto shown = [&](const char* key) {
    return one ? value_of(metric, claim[key]) : difference_of(metric, claim[key]);
  };
  std::string text = one ? "" : shown("difference") + (is_fraction(metric) ? " points" : "");
  if (!claim["low"].is_number()) return one ? "–" : text;
  return text + fmt::format("{}({} to {})", one ? "" : " ", shown("low"), shown("high"));
}

// "pass@32 on hard, unguided, after training" of final/hard/unguided/pass@32.
std::string in_words(const std::string& metric) {
  if (metric.starts_with("reach/")) {
    const std::size_t key = metric.find('/', 6);
    return fmt::format("rollouts until {} is {}", in_words(metric.substr(key + 1)),
                       metric.substr(6, key - 6));
  }
  if (metric.starts_with("at/")) {
    const std::size_t key = metric.find('/', 3);
    return fmt::format("{}, after {} rollouts in all", in_words(metric.substr(key + 1)),
                       metric.substr(3, key - 3));
  }
  if (metric.starts_with("drop/"))
    return fmt::format("how far the end is below the best: {}", in_words(metric.substr(5)));
  std::vector<std::string> parts(1);
  for (const char c : metric) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if ((parts[0] == "final" || parts[0] == "eval") && parts.size() >= 4) {
    std::string what = parts[3];
    for (std::size_t i = 4; i < parts.size(); ++i) what += " of " + parts[i];
    return fmt::format("{} on {}, {}, {}", what, parts[1], parts[2],
                       parts[0] == "final" ? "after training" : "in training");
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// "`pope` − 3 × `hard` above 0".
std::string comparison(const Json& claim) {
  const std::string metric = claim["metric"];
  const char* side = claim.contains("above") ? "above" : claim.contains("below") ? "below" : "within";
  std::string text = fmt::format("`{}`", claim["of"].get<std::string>());
  const double times = claim["times"];
  const bool one = claim["minus"].is_null();
  if (!one)
    text += fmt::format(" − {}`{}`", times == 1 ? "" : fmt::format("{} × ", times),
                        claim["minus"].get<std::string>());
  const double bound = claim[side];
  const std::string shown = one                   ? value_of(metric, bound)
                            : bound == 0          ? "0"
                            : is_fraction(metric) ? fmt::format("{:.3g} points", 100 * bound)
                                                  : plain(bound);
  return fmt::format("{} {}{}", text, side == std::string("within") ? "within ±" : side + std::string(" "),
                     shown);
}

std::string verdict_cell(const Json& claim) {
  const std::string verdict = claim["verdict"];
  std::string text = verdict == "held" || verdict == "did not hold" ? "**" + verdict + "**" : verdict;
  if (claim["untestable"].is_string()) text += ": " + claim["untestable"].get<std::string>();
  if (claim["logit_verdict"].is_string() && claim["logit_verdict"] != verdict)
    text += fmt::format(" (on the logit scale: {})", claim["logit_verdict"].get<std::string>());
  return cell(text);
}

std::string claim_row(const Json& claim) {
  const std::string metric = claim["metric"];
  const std::string power =
      claim["power"].is_number() ? fmt::format("{:.0f} %", 100 * claim["power"].get<double>()) : "–";
  return row({fmt::format("{}{}<br><small>{}: {}</small>", claim["condition"] ? "(condition) " : "",
                          cell(claim["claim"]), cell(in_words(metric)), cell(comparison(claim))),
              value_of(metric, claim["left"]), value_of(metric, claim["right"]), difference_cell(claim),
              fmt::format("{}/{}", claim["bases_for"].get<int>(), claim["bases"].size()), power,
              verdict_cell(claim)});
}

std::string studies(const Json& claims) {
  std::string text, study;
  for (const Json& claim : claims) {
    if (claim["study"] != study) {
      study = claim["study"];
      const std::string place = claim["paper"];
      text += fmt::format("\n## {}\n`pope reproduce {}`{}\n\n", claim["title"].get<std::string>(), study,
                          place.empty() ? "" : ", in the paper " + place);
      text += head({"claim", "left", "right", "difference (95 %)", "bases for it", "power", "verdict"});
    }
    text += claim_row(claim);
  }
  return text;
}

// What the gate asked, and what each base model did.
std::string gates(const Json& result) {
  std::string text = "\n## Base models at the gate\n";
  if (result["gates"].empty()) return text + "There was no gate.\n";
  text += "What a base model had to do before anything was trained from it:\n";
  for (const Json& condition : result["gates"][0]["conditions"]) {
    const char* side = condition.contains("above") ? "above" : "below";
    text += fmt::format("- `{}`: {} ({} {} {})\n", condition["id"].get<std::string>(),
                        condition["claim"].get<std::string>(), in_words(condition["metric"]), side,
                        value_of(condition["metric"], condition[side]));
  }
  text += "\n" + head({"base", "attempt", "values", "outcome"});
  for (const Json& gate : result["gates"]) {
    for (const Json& attempt : gate["attempts"]) {
      std::vector<std::string> values;
      for (const Json& condition : gate["conditions"]) {
        const std::string id = condition["id"];
        values.push_back(id + " " + value_of(condition["metric"], attempt["values"][id]));
      }
      const bool passed = attempt["failed"].empty();
      const bool last = attempt["attempt"] == gate["attempts"].back()["attempt"];
      text += row({std::to_string(gate["base"].get<std::uint64_t>()), attempt["attempt"],
                   cell(fmt::format("{}", fmt::join(values, ", "))),
                   passed ? "passed"
                   : last ? "**rejected**"
                          : "not enough: the next attempt"});
    }
  }
  return text;
}

std::string failures(const Json& result) {
  if (result["failures"].empty()) return "";
  std::string text = "\n## What failed\n";
  for (const Json& failure : result["failures"]) {
    std::string log = failure["log"];
    while (log.ends_with('\n')) log.pop_back();
    text += fmt::format("- {}:\n\n  ```\n  ", failure["job"].get<std::string>());
    for (const char c : log) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
    text += "\n  ```\n";
  }
  if (!result["skipped"].empty())
    text += fmt::format("\n{} runs that read these were left out.\n", result["skipped"].size());
  return text;
}

std::string settings(const Json& result) {
  std::string text = fmt::format(
      "\n## Settings\nBase seeds {}; {} RL seed{} per base where an arm has several{}.\n\n",
      fmt::join(result["bases"].get<std::vector<std::uint64_t>>(), ", "), result["rl_seeds"].get<int>(),
      result["rl_seeds"] == 1 ? "" : "s", result["quick"] ? "; small runs (`--quick`)" : "");
  if (result["arms"].empty()) return text + "No arm was trained.\n";
  text += head({"arm", "name", "trained by", "learning rate", "runs per base"});
  for (const Json& arm : result["arms"]) {
    text += row({"`" + arm["arm"].get<std::string>() + "`", cell(arm["label"]), arm["verb"],
                 arm["lr"].is_string() ? arm["lr"].get<std::string>() : "–",
                 std::to_string(arm["runs"].get<int>())});
  }
  return text;
}

}  // namespace

std::string paper_page(const Json& result) {
  std::string text = fmt::format(
      "# The paper's claims, and what came out here\n\n"
      "Written by `pope reproduce` from its claims.json ([reproduce.md](reproduce.md) says how it measures "
      "and judges). Of {} claims {} held, {} did not hold, {} are undecided, {} are not testable here. Of {} "
      "conditions, on which claims rest, {} held. Values are means over base models of the mean over RL "
      "seeds, the interval is Student's t over base models; “bases for it”: how many have the difference on "
      "the claim's side; power: how likely the interval was to be on that side, by the difference and the "
      "spread that were written down before the run.\n",
      result["claims"].size() - result["conditions"].get<std::size_t>(), result["held"].get<int>(),
      result["did_not_hold"].get<int>(), result["undecided"].get<int>(), result["not_testable"].get<int>(),
      result["conditions"].get<int>(), result["conditions_held"].get<int>());
  return text + studies(result["claims"]) + gates(result) + failures(result) + settings(result);
}

}  // namespace pope
