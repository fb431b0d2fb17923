// Benchmark of the math verifier on labelled rows (docs/verifier.md). Verifies first (verdicts equal labels,
// but for the disputed kinds and --wrong others), then goes through all rows --repeats times on one core and
// times each call, and all rows on 1, 2, … threads. Quantiles are over the calls of all rounds; the worst
// call also holds what else the machine did. The slowest row is the one with the largest median over its own
// calls.
//   bench_verify FILE.jsonl… [--repeats 100] [--wrong 2] [--json]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/version.h"
#include "verify/verifier.h"

namespace pope {
namespace {

struct Row {
  Problem problem;
  std::string pred;
  const Verifier* verifier;
};

double seconds_of(const std::vector<Row>& rows) {
  const auto start = std::chrono::steady_clock::now();
  for (const Row& row : rows) row.verifier->verify(row.problem, row.pred);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The faster of two calls in a row, in microseconds: on a machine that others use too, either may be
// interrupted.
double row_us(const Row& row) {
  double best = 1e30;
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    row.verifier->verify(row.problem, row.pred);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

// Of values that are sorted.
double quantile(const std::vector<double>& values, double q) {
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

Json latency(const std::vector<Row>& rows, int repeats) {
  std::vector<double> all;
  std::vector<std::vector<double>> by_row(rows.size());
  for (int r = -1; r < repeats; ++r)  // the first round warms up
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double us = row_us(rows[i]);
      if (r < 0) continue;
      all.push_back(us);
      by_row[i].push_back(us);
    }
  double slowest = 0;
  for (std::vector<double>& one : by_row) {
    std::sort(one.begin(), one.end());
    slowest = std::max(slowest, quantile(one, 0.5));
  }
  std::sort(all.begin(), all.end());
  return {{"calls", all.size()},           {"median_us", quantile(all, 0.5)},
          {"p99_us", quantile(all, 0.99)}, {"p999_us", quantile(all, 0.999)},
          {"worst_us", all.back()},        {"slowest_row_us", slowest}};
}

Json run(const std::vector<std::string>& files, int repeats, int wrong_allowed) {
  std::vector<std::unique_ptr<Verifier>> verifiers;
  for (const AnswerForm form : {AnswerForm::answer, AnswerForm::response, AnswerForm::freetext})
    verifiers.push_back(make_verifier({}, form));
  std::vector<Row> rows;
  int wrong = 0;
  const auto add = [&](Json&& json, std::size_t) {
    const std::string form = json.value("form", "answer");
    Row row{.pred = json.at("pred"),
            .verifier = verifiers[form == "answer"     ? 0
                                  : form == "response" ? 1
                                                       : 2]
                            .get()};
    row.problem.answer = json.at("gold");
    const bool disputed = json.value("kind", "").starts_with("disputed:");
    if (!disputed && json.contains("equal"))
      wrong += row.verifier->verify(row.problem, row.pred).correct != json["equal"];
    rows.push_back(std::move(row));
  };
  for (const std::string& file : files) read_jsonl(file, add);
  if (wrong > wrong_allowed)
    throw Error("bench", fmt::format("{} verdicts differ from their labels, expected at most {}", wrong,
                                     wrong_allowed));
  Json threads = Json::array();
  for (unsigned count = 1; count <= std::max(1U, std::thread::hardware_concurrency()); ++count) {
    const auto start = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < count; ++i)
        workers.emplace_back([&] {
          for (int r = 0; r < repeats; ++r) seconds_of(rows);
        });
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    threads.push_back({{"threads", count},
                       {"rows_per_second", static_cast<double>(rows.size()) * repeats * count / seconds}});
  }
  Json result = {{"bench", "verify"}, {"version", kVersion}, {"rows", rows.size()}, {"wrong", wrong}};
  result.update(latency(rows, repeats));
  result["throughput"] = threads;
  return result;
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  try {
    std::vector<std::string> files;
    int repeats = 100, wrong = 2;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "--json") {
        json = true;
      } else if ((word == "--repeats" || word == "--wrong") && i + 1 < argc) {
        (word == "--repeats" ? repeats : wrong) = std::stoi(argv[++i]);
      } else if (!word.starts_with("-")) {
        files.push_back(word);
      } else {
        throw pope::Error("bench", "unknown argument '" + word + "'");
      }
    }
    if (files.empty() || repeats < 1)
      throw pope::Error("bench", "usage: bench_verify FILE.jsonl… [--repeats 100] [--wrong 2] [--json]");
    const pope::Json result = pope::run(files, repeats, wrong);
    if (json) {
      fmt::print("{}\n", pope::dump(result));
      return 0;
    }
    fmt::print(
        "{} rows, {} unlike their label; {} calls\n"
        "median {:.1f} us, p99 {:.0f} us, p99.9 {:.0f} us, worst {:.0f} us; slowest row {:.0f} us\n",
        result["rows"].get<int>(), result["wrong"].get<int>(), result["calls"].get<int>(),
        result["median_us"].get<double>(), result["p99_us"].get<double>(), result["p999_us"].get<double>(),
        result["worst_us"].get<double>(), result["slowest_row_us"].get<double>());
    for (const pope::Json& row : result["throughput"])
      fmt::print("{} threads: {:.0f} rows/s\n", row["threads"].get<int>(),
                 row["rows_per_second"].get<double>());
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
