// See page_evolve.h.
#include "report/page_evolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/html.h"
#include "report/lineage_chart.h"
#include "report/text_diff.h"

namespace pope {
namespace {

constexpr int kDeepest = 12;            // levels that are drawn as such
constexpr std::size_t kMany = 25;       // candidates, beyond which the tree scrolls
constexpr std::size_t kNamedWins = 40;  // problems that a candidate's wins are named by

std::string percent(double value) { return fmt::format("{:.1f}\u00a0%", 100 * value); }

int best_of(const Json& candidates) {
  const auto best = std::max_element(candidates.begin(), candidates.end(), [](const Json& a, const Json& b) {
    return a["mean"].get<double>() < b["mean"].get<double>();
  });
  return static_cast<int>(best - candidates.begin());
}

std::string fact(const std::string& value, const std::string& what) {
  return "<div class=\"fact\"><b>" + value + "</b> " + escape(what) + "</div>";
}

std::string state_text(const Json& run) {
  if (run["complete"] != true) return "It goes on, or was stopped.";
  if (run["ended"] == "budget") return "The budget did not cover another iteration.";
  if (run["ended"] == "patience") return "It ended as nothing new had come for long.";
  if (run["ended"] == "perfect") return "The dev set is solved.";
  return "";
}

// How much of the budget is spent.
std::string budget_bar(const Json& run) {
  if (!run["metric_calls"].is_number() || !run["budget"].is_number() || run["budget"] <= 0) return "";
  const double part = std::clamp(run["metric_calls"].get<double>() / run["budget"].get<double>(), 0.0, 1.0);
  return fmt::format(
      "<div class=\"stack budget\" role=\"img\" aria-label=\"{:.0f} % of the budget spent\"><i class=\"q1\" "
      "style=\"width:{:.1f}%\"></i></div>",
      100 * part, 100 * part);
}

std::string costs_html(const Json& run) {
  std::string facts =
      fact(count_text(run["metric_calls"]),
           run["budget"].is_number() ? "of " + count_text(run["budget"]) + " metric calls" : "metric calls") +
      fact(count_text(run["iterations"]), "iterations");
  for (const auto& [key, what] :
       {std::pair("reflections", "reflections"), std::pair("rollout_tokens", "tokens sampled to evaluate"),
        std::pair("reflection_tokens", "tokens sampled to reflect"),
        std::pair("reflection_prompt_tokens", "tokens of their prompts")}) {
    if (run.contains(key) && run[key].is_number()) facts += fact(count_text(run[key]), what);
  }
  return budget_bar(run) + "<div class=\"facts\">" + facts + "</div>";
}

// What became of the proposals, the accepted first.
std::string outcomes_html(const Json& run) {
  static const char* const kOrder[] = {"accepted", "not better", "nothing to improve", "unchanged",
                                       "known",    "empty",      "no fence",           "refused"};
  std::string bar, legend;
  for (std::size_t i = 0; i < std::size(kOrder); ++i) {
    const int count = run["outcomes"].value(kOrder[i], 0);
    if (count == 0) continue;
    const std::size_t shade = i < 5 ? i : i < 7 ? 5 : 6;
    bar += fmt::format("<i class=\"q{}\" style=\"flex-grow:{}\"></i>", shade, count);
    legend += fmt::format("<li><i class=\"mark q{}\" aria-hidden=\"true\"></i>{} <b>{}</b></li>", shade,
                          kOrder[i], count_text(count));
  }
  if (bar.empty()) return "";
  return "<div class=\"stack\" aria-hidden=\"true\">" + bar +
         "</div><ul class=\"legend\" aria-label=\"Proposals by outcome\">" + legend + "</ul>";
}

// The dev problems in the order in which strips show them: from those that most candidates solve on.
std::vector<std::size_t> strip_order(const Json& run) {
  std::vector<int> solvers(run["dev"].size());
  for (const Json& one : run["candidates"]) {
    for (std::size_t k = 0; k < solvers.size(); ++k) solvers[k] += one["scores"][k].get<double>() > 0;
  }
  std::vector<std::size_t> order(solvers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return solvers[a] > solvers[b]; });
  return order;
}

// A column for each dev problem: where the candidate wins, and where it scores at all.
std::string strip(const Json& one, const std::vector<std::size_t>& order) {
  std::vector<bool> wins(order.size());
  for (const Json& place : one["wins"]) wins[place.get<std::size_t>()] = true;
  const auto columns = [&](const auto& shown) {
    std::string path;
    for (std::size_t i = 0; i < order.size();) {
      std::size_t end = i;
      while (end < order.size() && shown(order[end])) ++end;
      if (end > i) path += fmt::format("M{} 0h{}v1h-{}z", i, end - i, end - i);
      i = std::max(end, i + 1);
    }
    return path;
  };
  const std::string some =
      columns([&](std::size_t k) { return !wins[k] && one["scores"][k].template get<double>() > 0; });
  return fmt::format(
      "<svg class=\"strip\" viewBox=\"0 0 {} 1\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"best on {} of {} dev problems\"><path class=\"some\" d=\"{}\"/><path class=\"win\" "
      "d=\"{}\"/></svg>",
      std::max<std::size_t>(1, order.size()), one["wins"].size(), order.size(), some,
      columns([&](std::size_t k) { return wins[k]; }));
}

std::string diff_html(const std::string& before, const std::string& after) {
  std::string html;
  for (const DiffPart& part : text_diff(before, after)) {
    const std::string text = escape(part.text);
    html += part.kind == DiffPart::Kind::added     ? "<ins>" + text + "</ins>"
            : part.kind == DiffPart::Kind::removed ? "<del>" + text + "</del>"
                                                   : text;
  }
  return html;
}

// The texts of a candidate; of one with a parent, those that are not the parent's, with what changed.
std::string texts_html(const Json& one, const Json& candidates) {
  const Json& parents = one["parents"];
  std::string html;
  for (const auto& [component, text] : one["texts"].items()) {
    const std::string now = text;
    const std::string heading = one["texts"].size() > 1 ? "<h4>" + escape(component) + "</h4>" : "";
    if (parents.empty()) {
      html +=
          heading + "<div class=\"text\">" +
          (now.empty() ? "<span class=\"muted\">empty: the message of a problem alone</span>" : escape(now)) +
          "</div>";
      continue;
    }
    const std::string before = candidates[parents[0].get<std::size_t>()]["texts"].value(component, "");
    if (before != now) html += heading + "<div class=\"text diff\">" + diff_html(before, now) + "</div>";
  }
  return html;
}

std::string wins_html(const Json& one, const Json& dev) {
  std::string names;
  const std::size_t shown = std::min(kNamedWins, one["wins"].size());
  for (std::size_t i = 0; i < shown; ++i)
    names += (i > 0 ? ", " : "") + text_of(dev[one["wins"][i].get<std::size_t>()]);
  if (shown < one["wins"].size()) names += fmt::format(" and {} more", one["wins"].size() - shown);
  return names.empty() ? "" : "<h4>Best on</h4><p class=\"ids\">" + names + "</p>";
}

// The proposal that was accepted as this candidate; null where it is not known.
const Json* proposal_of(const Json& run, int candidate) {
  for (const Json& one : run["proposals"]) {
    if (one["candidate"] == candidate) return &one;
  }
  return nullptr;
}

std::string sum_text(const Json& value) { return short_number(value.get<double>()); }

std::string numbers_text(const Json& numbers) {
  std::string text;
  for (const Json& number : numbers)
    text += fmt::format("{}#{}", text.empty() ? "" : " + ", number.get<int>());
  return text;
}

struct Tree {
  const Json& run;
  std::string prefix;  // of the ids of candidates
  int best;
  std::vector<std::size_t> order;
};

std::string body_html(const Tree& tree, int number) {
  const Json& candidates = tree.run["candidates"];
  const Json& one = candidates[static_cast<std::size_t>(number)];
  std::string facts = fact(count_text(one["wins"].size()), "dev problems on which none is better");
  facts += fact(count_text(one["weight"]), "fronts: its weight when a parent is drawn");
  if (const Json* proposal = proposal_of(tree.run, number))
    facts += fact(sum_text((*proposal)["before"]) + " → " + sum_text((*proposal)["after"]),
                  fmt::format("on the {} problems of its minibatch", (*proposal)["instances"].size()));
  const std::string what = one["parents"].empty() ? "The template to begin with"
                           : one["parents"].size() == 1
                               ? "Changed against " + numbers_text(one["parents"])
                               : "Merged; changed against " + numbers_text(Json::array({one["parents"][0]}));
  return "<div class=\"body\"><h4>" + what + "</h4>" + texts_html(one, candidates) +
         wins_html(one, tree.run["dev"]) + "<div class=\"facts\">" + facts + "</div></div>";
}

std::string row_html(const Tree& tree, int number, int depth) {
  const Json& one = tree.run["candidates"][static_cast<std::size_t>(number)];
  const Json& cover = tree.run["cover"];
  std::string marks;
  if (number == tree.best) marks += "<span class=\"chip correct\">best</span>";
  if (cover.size() > 1 && std::find(cover.begin(), cover.end(), Json(number)) != cover.end())
    marks += "<span class=\"chip\">cover</span>";
  const double mean = one["mean"];
  return fmt::format(
      "<details class=\"cand{}\" id=\"{}{}\" style=\"--d:{}\"{}><summary><span class=\"who\"><b>#{}</b> "
      "<small>{}</small>{}</span><span class=\"meter\"><i style=\"width:{:.1f}%\"></i></span><span "
      "class=\"mean\">{}</span>{}<small class=\"when\">{} calls</small></summary>{}</details>",
      one["weight"] == 0 ? " out" : "", tree.prefix, number, std::min(depth, kDeepest),
      number == tree.best ? " open" : "", number,
      one["parents"].empty() ? "seed" : "from " + numbers_text(one["parents"]), marks,
      100 * std::clamp(mean, 0.0, 1.0), percent(mean), strip(one, tree.order),
      count_text(one["metric_calls"]), body_html(tree, number));
}

// Each candidate followed by those that descend from it; a merge stands below its first parent.
std::string tree_html(const Tree& tree) {
  const Json& candidates = tree.run["candidates"];
  std::vector<std::vector<int>> children(candidates.size());
  for (std::size_t i = 1; i < candidates.size(); ++i)
    children[candidates[i]["parents"][0].get<std::size_t>()].push_back(static_cast<int>(i));
  std::string html;
  std::vector<std::pair<int, int>> open = {{0, 0}};  // candidates to come, with their depth; the last is next
  while (!open.empty()) {
    const auto [number, depth] = open.back();
    open.pop_back();
    html += row_html(tree, number, depth);
    const std::vector<int>& below = children[static_cast<std::size_t>(number)];
    for (auto child = below.rbegin(); child != below.rend(); ++child) open.emplace_back(*child, depth + 1);
  }
  return fmt::format("<div class=\"tree{}\">{}</div>", candidates.size() > kMany ? " many" : "", html);
}

std::string proposals_html(const Json& run, const std::string& prefix, const std::string& part) {
  if (run["proposals"].empty()) return "";
  std::string rows;
  for (const Json& one : run["proposals"]) {
    const bool accepted = one["outcome"] == "accepted";
    const std::string reply = one["reply"];
    const bool compared = accepted || one["outcome"] == "not better";
    std::string became =
        fmt::format("<span class=\"chip{}\">{}</span>", accepted ? " correct" : "", text_of(one["outcome"]));
    if (one["candidate"].is_number())
      became += fmt::format(" <a href=\"#{}{}\">#{}</a>", prefix, one["candidate"].get<int>(),
                            one["candidate"].get<int>());
    if (one["note"] != "") became += " <small>" + text_of(one["note"]) + "</small>";
    if (!reply.empty())
      became += "<details><summary>reply</summary><div class=\"text\">" + escape(reply) + "</div></details>";
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                        one["iteration"].get<int>(), numbers_text(one["parents"]),
                        one["instances"].empty() ? "–" : std::to_string(one["instances"].size()),
                        sum_text(one["before"]), compared ? sum_text(one["after"]) : "–", became);
  }
  const char* const heads[] = {"Iteration", "From", "Problems", "Parent's sum", "Child's sum", "Outcome"};
  std::string head;
  for (std::size_t i = 0; i < std::size(heads); ++i) head += sort_head(i, heads[i]);
  return fmt::format(
      "<details class=\"fold\"><summary>All {} proposals</summary><div class=\"scroll tall\" role=\"region\" "
      "aria-label=\"Proposals\" tabindex=\"0\"><table class=\"plain proposals\"><thead><tr>{}</tr></thead>"
      "<tbody>{}</tbody></table></div>{}</details>",
      run["proposals"].size(), head, rows, save_links(part + "/proposals"));
}

std::string run_html(const Json& run, std::size_t index) {
  const std::string prefix = fmt::format("evolve-{}-", index), part = fmt::format("evolving/{}", index);
  const Json& candidates = run["candidates"];
  std::string html = "<article class=\"evolve\"><h3>Evolved templates: " + text_of(run["run"]) + "</h3>";
  if (candidates.empty())
    return html + "<p class=\"note\">No candidate has been evaluated on the whole dev set yet.</p>" +
           costs_html(run) + "</article>";
  const int best = best_of(candidates);
  const Tree tree{run, prefix, best, strip_order(run)};
  html += fmt::format(
      "<p class=\"said\">Mean score on the {} problems of the dev set: <b>{}</b> with the "
      "template to begin with, <b>{}</b> with the best of {}, <a href=\"#{}{}\">#{}</a>. {}</p>",
      run["dev"].size(), percent(candidates[0]["mean"]),
      percent(candidates[static_cast<std::size_t>(best)]["mean"]), candidates.size(), prefix, best, best,
      state_text(run));
  html += "<h4>Budget</h4>" + costs_html(run);
  if (!run["proposals"].empty())
    html += fmt::format("<h4>{} proposals</h4>", count_text(run["proposals"].size())) + outcomes_html(run);
  html += "<h4>Candidates</h4>";
  if (candidates.size() > 1)
    html += "<div class=\"wide\">" + lineage_chart(run, best, prefix) +
            "</div><p class=\"note\">Parents are drawn from the full points, which stand on fronts. Dashed "
            "lines are "
            "merges.</p>";
  html +=
      "<p class=\"note\">The strips have a column for each dev problem, from those that most candidates "
      "solve "
      "on: <i class=\"key win\"></i> none is better there, <i class=\"key some\"></i> it scores, but another "
      "is better. A row opens to what it changed.</p>";
  return html + tree_html(tree) + save_links(part + "/candidates") + proposals_html(run, prefix, part) +
         "</article>";
}

}  // namespace

std::string evolve_section(const Json& report) {
  if (!report.contains("evolving") || report["evolving"].empty()) return "";
  std::string html;
  for (std::size_t i = 0; i < report["evolving"].size(); ++i) html += run_html(report["evolving"][i], i);
  return "<section id=\"evolve\"><h2>Evolved templates</h2>" + html + "</section>";
}

}  // namespace pope
