// See table.h. Several runs of a method are averaged, with an interval over runs (seeds) and the problems in
// them; one run keeps the interval over problems that its evaluation computed.
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/statistics.h"

namespace pope {
namespace {

struct Column {
  int set_order = 0;
  bool guided = false;
  int k = 0;
  std::string set;
  bool operator<(const Column& other) const {
    return std::tie(set_order, guided, k) < std::tie(other.set_order, other.guided, other.k);
  }
};
// One {value, low, high} per run; low and high may be null. "rates": pass@k of each problem, from
// evaluations.
using Cells = std::map<Column, std::vector<Json>>;

class Sets {
 public:
  int order(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<int>(found - names_.begin());
    names_.push_back(name);
    return static_cast<int>(names_.size()) - 1;
  }

 private:
  std::vector<std::string> names_;
};

// pass@k of each problem of an evaluated set; empty where the run does not have the counts.
std::vector<double> rates_of(const Json& set, int k) {
  std::vector<double> rates;
  const Json correct = set.value("correct", Json::array()), samples = set.value("samples", Json());
  if (!samples.is_number_integer() || k < 1 || k > samples.get<int>()) return rates;
  for (const Json& count : correct) {
    if (!count.is_number_integer() || count < 0 || count > samples) return {};
    rates.push_back(pass_at_k(samples, count, k));
  }
  return rates;
}

void add_eval(const RunData& run, Sets& sets, Cells& cells) {
  if (!run.result || !run.result->contains("sets")) return;
  for (const Json& set : (*run.result)["sets"]) {
    if (!set.is_object() || !set.contains("pass")) continue;
    const std::string name = set.value("set", "");
    for (Json pass : set["pass"]) {
      if (!pass.is_object()) continue;
      const int k = pass.value("k", 0);
      pass["rates"] = rates_of(set, k);
      cells[{sets.order(name), set.value("guided", false), k, name}].push_back(std::move(pass));
    }
  }
}

// pass@k of the last row that has it.
void add_training(const RunData& run, Sets& sets, Cells& cells) {
  std::map<Column, double> last;
  for (const Json& row : run.metrics) {
    for (const auto& [key, value] : row.items()) {
      const std::optional<PassMetric> pass = pass_metric(key);
      if (pass && value.is_number()) last[{sets.order(pass->set), pass->guided, pass->k, pass->set}] = value;
    }
  }
  for (const auto& [column, value] : last)
    cells[column].push_back({{"value", value}, {"low", nullptr}, {"high", nullptr}});
}

Json summarise(const std::string& method, const Column& column, const std::vector<Json>& runs) {
  Json row = {{"method", method},
              {"set", column.set},
              {"guided", column.guided},
              {"metric", "pass@" + std::to_string(column.k)}};
  std::vector<double> values;
  std::vector<std::vector<double>> rates;
  for (const Json& run : runs) {
    values.push_back(run.value("value", 0.0));
    rates.push_back(run.value("rates", std::vector<double>()));
  }
  const bool by_problem = std::none_of(rates.begin(), rates.end(), [](const auto& r) { return r.empty(); });
  if (runs.size() > 1) {
    const Interval interval = by_problem ? bootstrap_runs(rates) : bootstrap_mean(values);
    row["value"] = interval.value;
    row["low"] = interval.low;
    row["high"] = interval.high;
  } else {
    row["value"] = values[0];
    row["low"] = runs[0].value("low", Json());
    row["high"] = runs[0].value("high", Json());
  }
  row["runs"] = runs.size();
  row["interval"] = runs.size() == 1 ? (row["low"].is_number() ? "problems" : "none")
                    : by_problem     ? "seeds and problems"
                                     : "seeds";
  return row;
}

bool apart(const Json& a, const Json& b) {
  if (!a["low"].is_number() || !b["low"].is_number()) return false;
  return a["low"].get<double>() > b["high"].get<double>() || b["low"].get<double>() > a["high"].get<double>();
}

const Json* find_row(const Json& table, const std::string& method, const Json& like) {
  for (const Json& row : table) {
    if (row["method"] == method && row["set"] == like["set"] && row["guided"] == like["guided"] &&
        row["metric"] == like["metric"]) {
      return &row;
    }
  }
  return nullptr;
}

int k_of(const Json& row) { return std::stoi(row["metric"].get<std::string>().substr(5)); }

std::string percent(double value) {
  return fmt::format("{:.{}f}\u00a0%", 100 * value, value > 0 && value < 0.0995 ? 1 : 0);
}

// Whether a row can be divided by: a ratio to what may be 0 says nothing.
bool divides(const Json& row) {
  return (row["low"].is_number() ? row["low"] : row["value"]).get<double>() > 0;
}

// "POPE solves 31 % of the hard problems unguided at pass@32, plain GRPO 7 %: 4.4× (95 % intervals apart)."
std::string sentence(const Json& row, const Json* reference, bool first) {
  const double value = row["value"];
  std::string text =
      first ? fmt::format("{} solves {} of the {} problems unguided at {}", row["method"].get<std::string>(),
                          percent(value), row["set"].get<std::string>(), row["metric"].get<std::string>())
            : fmt::format(" On {}: {}", row["set"].get<std::string>(), percent(value));
  if (!reference) return text + ".";
  const double other = (*reference)["value"];
  text += first ? fmt::format(", {} {}", (*reference)["method"].get<std::string>(), percent(other))
                : fmt::format(" against {}", percent(other));
  if (divides(*reference)) text += fmt::format("{} {:.2g}×", first ? ":" : ",", value / other);
  if (row["low"].is_number() && (*reference)["low"].is_number()) {
    text += fmt::format(" (95\u00a0% intervals {})", apart(row, *reference) ? "apart" : "overlap");
  }
  return text + ".";
}

// The method that the headline is about: the first whose label contains "POPE", else the best one of the
// column beside the baseline.
std::string subject_of(const Json& table, const Json& column, const std::vector<std::string>& methods,
                       const std::string& baseline) {
  const Json* best = nullptr;
  for (const std::string& method : methods) {
    const Json* row = find_row(table, method, column);
    if (!row) continue;
    if (method.find("POPE") != std::string::npos) return method;
    if (method == baseline) continue;
    if (!best || (*row)["value"] > (*best)["value"]) best = row;
  }
  return best ? (*best)["method"].get<std::string>() : baseline;
}

}  // namespace

Json build_table(const std::vector<RunData>& runs, const std::vector<std::string>& methods,
                 const std::string& baseline) {
  Sets sets;
  std::map<std::string, Cells> evaluated, trained;
  for (const RunData& run : runs) {
    if (run.verb == "eval") add_eval(run, sets, evaluated[run.label]);
  }
  for (const RunData& run : runs) {
    if (run.trains()) add_training(run, sets, trained[run.label]);
  }
  Json table = Json::array();
  for (const std::string& method : methods) {
    const Cells& cells = evaluated[method].empty() ? trained[method] : evaluated[method];
    for (const auto& [column, values] : cells) table.push_back(summarise(method, column, values));
  }
  for (Json& row : table) {
    const Json* other = row["method"] == baseline ? nullptr : find_row(table, baseline, row);
    row["gain"] = other && divides(*other)
                      ? Json(row["value"].get<double>() / (*other)["value"].get<double>() - 1)
                      : Json();
    row["clear"] = other && apart(row, *other);
  }
  return table;
}

Json build_headline(const Json& table, const std::vector<std::string>& methods, const std::string& baseline) {
  const Json* column = nullptr;  // any row of the column that matters
  const auto names = [](const Json& row, const char* word) {
    return row["set"].get<std::string>().find(word) != std::string::npos;
  };
  for (const Json& row : table) {
    if (row["guided"]) continue;
    if (!column || (names(row, "hard") && !names(*column, "hard")) ||
        (row["set"] == (*column)["set"] && k_of(row) > k_of(*column))) {
      column = &row;
    }
  }
  if (!column) return {{"text", "No evaluated runs yet: the table needs pope eval, or train.eval_every."}};

  const std::string subject = subject_of(table, *column, methods, baseline);
  const auto compare = [&](const Json& like, bool first) {
    const Json* row = find_row(table, subject, like);
    return row ? sentence(*row, subject == baseline ? nullptr : find_row(table, baseline, like), first) : "";
  };
  std::string text = compare(*column, true);
  // Training problems can be memorised, so held-out ones are always named beside them.
  for (const Json& row : table) {
    const bool held_out =
        names(row, "held") && row["guided"] == false && row["metric"] == (*column)["metric"];
    if (held_out && row["method"] == subject && row["set"] != (*column)["set"]) text += compare(row, false);
  }
  return {{"text", text},
          {"set", (*column)["set"]},
          {"metric", (*column)["metric"]},
          {"method", subject},
          {"baseline", baseline}};
}

}  // namespace pope
