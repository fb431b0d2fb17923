// Benchmark of the math verifier on labelled rows (docs/verifier.md). Verifies first (verdicts equal labels,
// but for the disputed kinds and --wrong others), then times each row alone on one core, and all rows on 1,
// 2, … threads.
//   bench_verify FILE.jsonl [--repeats 20] [--wrong 2] [--json]
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

// The fastest of `repeats` runs of one row, in microseconds: what it costs on a machine that others use too.
double row_us(const Row& row, int repeats) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    row.verifier->verify(row.problem, row.pred);
    best = std::min(
        best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

Json run(const std::string& file, int repeats, int wrong_allowed) {
  std::vector<std::unique_ptr<Verifier>> verifiers;
  for (const AnswerForm form : {AnswerForm::answer, AnswerForm::response, AnswerForm::freetext})
    verifiers.push_back(make_verifier({}, form));
  std::vector<Row> rows;
  int wrong = 0;
  read_jsonl(file, [&](Json&& json, std::size_t) {
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
  });
  if (wrong > wrong_allowed)
    throw Error("bench", fmt::format("{} verdicts differ from their labels, expected at most {}", wrong,
                                     wrong_allowed));
  std::vector<double> us;
  for (const Row& row : rows) us.push_back(row_us(row, repeats));
  std::sort(us.begin(), us.end());
  const auto quantile = [&](double q) {
    return us[std::min(us.size() - 1, static_cast<std::size_t>(q * static_cast<double>(us.size())))];
  };
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
  return {{"bench", "verify"},          {"version", kVersion},
          {"rows", rows.size()},        {"wrong", wrong},
          {"median_us", quantile(0.5)}, {"p99_us", quantile(0.99)},
          {"p999_us", quantile(0.999)}, {"worst_us", us.back()},
          {"throughput", threads}};
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  try {
    std::string file;
    int repeats = 20, wrong = 2;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "--json") {
        json = true;
      } else if ((word == "--repeats" || word == "--wrong") && i + 1 < argc) {
        (word == "--repeats" ? repeats : wrong) = std::stoi(argv[++i]);
      } else if (file.empty() && !word.starts_with("-")) {
        file = word;
      } else {
        throw pope::Error("bench", "unknown argument '" + word + "'");
      }
    }
    if (file.empty() || repeats < 1)
      throw pope::Error("bench", "usage: bench_verify FILE.jsonl [--repeats 20] [--wrong 2] [--json]");
    const pope::Json result = pope::run(file, repeats, wrong);
    if (json) {
      fmt::print("{}\n", pope::dump(result));
      return 0;
    }
    fmt::print(
        "{} rows, {} unlike their label\nmedian {:.1f} us, p99 {:.0f} us, p99.9 {:.0f} us, worst {:.0f} us\n",
        result["rows"].get<int>(), result["wrong"].get<int>(), result["median_us"].get<double>(),
        result["p99_us"].get<double>(), result["p999_us"].get<double>(), result["worst_us"].get<double>());
    for (const pope::Json& row : result["throughput"])
      fmt::print("{} threads: {:.0f} rows/s\n", row["threads"].get<int>(),
                 row["rows_per_second"].get<double>());
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
