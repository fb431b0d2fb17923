// One reader per file: it knows the arms that claims and figures may name.
#include "reproduce/read_study.h"

#include <fmt/format.h>

#include <set>

#include "core/error.h"
#include "core/nearest.h"
#include "core/yaml.h"
#include "reproduce/measure.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

class Reader {
 public:
  Reader(const fs::path& path, const std::map<std::string, Arm>& arms, std::optional<double> noise)
      : path_(path), arms_(arms), noise_(noise) {}

  Study read() {
    const Json file = read_yaml(path_);
    const Entry top(path_.string(), file, {"title", "paper", "noise", "claims", "figures"});
    Study study{path_.stem(), top.text("title"), {}, {}, top.text("paper", "")};
    noise_ = noise_of(top);
    if (!section_of(file, "claims").is_array())
      throw Error(kOperation, path_.string() + ": expected a list of claims");
    int number = 0;
    std::set<std::string> ids;
    for (const Json& value : file["claims"]) {
      study.claims.push_back(claim(fmt::format("{}: claim {}", path_.string(), ++number), value));
      if (!ids.insert(study.claims.back().id).second)
        throw Error(kOperation,
                    fmt::format("{}: the id '{}' stands twice", path_.string(), study.claims.back().id));
    }
    if (!file.contains("figures")) return study;
    number = 0;
    for (const Json& value : file["figures"])
      study.figures.push_back(figure(fmt::format("{}: figure {}", path_.string(), ++number), value));
    return study;
  }

 private:
  std::optional<double> noise_of(const Entry& entry) const {
    if (!entry.has("noise")) return noise_;
    const double noise = entry.number("noise", 0);
    if (noise <= 0)
      throw Error(kOperation, fmt::format("{}: expected noise > 0, got {}", entry.where(), noise));
    return noise;
  }

  Term term(const std::string& where, const std::string& text, const std::string& metric) const {
    const std::size_t at = text.find('@');
    const std::string name = text.substr(0, at);
    const auto arm = arms_.find(name);
    if (arm == arms_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, ignored] : arms_) names.push_back(known);
      throw Error(kOperation, fmt::format("{}: no arm '{}'", where, name), did_you_mean(name, names));
    }
    return {name,
            metric,
            at == std::string::npos ? "" : text.substr(at + 1),
            arm->second.runs,
            arm->second.all_rl,
            arm->second.spent};
  }

  Claim claim(const std::string& where, const Json& value) const {
    const Entry entry(where, value,
                      {"id", "claim", "metric", "of", "minus", "times", "above", "below", "within",
                       "condition", "untestable", "expect", "noise"});
    Claim claim{entry.text("id"), entry.text("claim")};
    if (claim.id.empty() || claim.id.find('/') != std::string::npos)
      throw Error(kOperation, fmt::format("{}: expected an id without '/', got '{}'", where, claim.id));
    check_metric(where, entry.text("metric"));
    claim.left = term(where, entry.text("of"), entry.text("metric"));
    if (entry.has("minus")) claim.right = term(where, entry.text("minus"), entry.text("metric"));
    claim.times = entry.number("times", 1);
    std::tie(claim.side, claim.bound) = read_bound(entry, true);
    claim.condition = entry.text("condition", "false") == "true";
    claim.untestable = entry.text("untestable", "");
    if (entry.has("untestable") && claim.untestable.empty())
      throw Error(kOperation, where + ".untestable: expected the reason, got nothing");
    if (entry.has("expect")) claim.expect = entry.number("expect", 0);
    claim.noise = noise_of(entry);
    set_window(where, claim.left);
    if (claim.right) set_window(where, *claim.right);
    return claim;
  }

  static void set_window(const std::string& where, Term& term) {
    static const std::set<std::string> kWindows = {"start", "early", "middle", "late", "all"};
    const bool windowless = !has_window(term.metric);
    if (term.window.empty() && !windowless) term.window = "all";
    if (windowless ? !term.window.empty() : !kWindows.contains(term.window)) {
      throw Error(
          kOperation, fmt::format("{}: no window '{}' of {}", where, term.window, term.metric),
          "ARM@start, early, middle, late or all; none for final/…, reach/…, at/… and drop/… metrics");
    }
  }

  Figure figure(const std::string& where, const Json& value) const {
    const Entry entry(where, value, {"title", "x", "y", "arms"});
    Figure figure{entry.text("title"), entry.text("x", ""), entry.text("y"), {}};
    for (const std::string& name : entry.list("arms")) figure.arms.push_back(term(where, name, figure.y));
    return figure;
  }

  fs::path path_;
  const std::map<std::string, Arm>& arms_;
  std::optional<double> noise_;
};

}  // namespace

Study read_study(const fs::path& file, const std::map<std::string, Arm>& arms, std::optional<double> noise) {
  return Reader(file, arms, noise).read();
}

std::pair<Side, double> read_bound(const Entry& entry, bool within) {
  std::vector<std::pair<std::string, Side>> given;
  for (const auto& [key, side] : {std::pair("above", Side::above), std::pair("below", Side::below),
                                  std::pair("within", Side::within)}) {
    if (entry.has(key)) given.emplace_back(key, side);
  }
  if (given.size() != 1)
    throw Error(kOperation,
                entry.where() + ": expected one of above" + (within ? ", below and within" : " and below"));
  const double bound = entry.number(given[0].first, 0);
  if (given[0].second == Side::within && bound <= 0)
    throw Error(kOperation, fmt::format("{}.within: expected a bound above 0, got {}", entry.where(), bound));
  return {given[0].second, bound};
}

}  // namespace pope
