// Benchmark of the products of few rows (model/few_rows.h) beside libtorch's, on weights that no cache holds:
// it tells from how many rows on libtorch's is faster. Verifies each way against f64 first; the ways take
// turns.
//   bench_product [--width 576] [--columns 1536] [--dtype bf16|fp32] [--widened] [--repeats 7] [--json]
// --widened: bf16 to f32, as logits are.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "bench.h"
#include "core/error.h"
#include "model/few_rows.h"
#include "model/wide_product.h"

namespace pope {
namespace {

struct Way {
  std::string name;
  std::function<at::Tensor(const at::Tensor& x, const at::Tensor& weight)> run;
};

std::vector<Way> ways(const at::Tensor& x, const at::Tensor& weight, at::ScalarType result) {
  std::vector<Way> all{{"libtorch", [result](const auto& a, const auto& w) {
                          return at::mm(a.to(result), w.to(result).t());
                        }}};
  if (x.scalar_type() == at::kBFloat16 && result == at::kBFloat16)
    all.push_back({"libtorch in f32", [](const auto& a, const auto& w) { return linear_in_f32(a, w, {}); }});
  for (const FewRowsProduct* product : few_rows_products()) {
    if (!product->fits(x, weight)) continue;
    all.push_back({product->name, [product, result](const auto& a, const auto& w) {
                     auto out = at::empty({a.size(0), w.size(0)}, a.options().dtype(result));
                     product->run(a, w, {}, out);
                     return out;
                   }});
  }
  return all;
}

void verify(const Way& way, const at::Tensor& x, const at::Tensor& weight) {
  const auto expected = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
  const auto error =
      ((way.run(x, weight).to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1)).max();
  if (!(error.item<double>() < 0.01)) throw Error("bench", way.name + " differs from the product in f64");
}

struct Arguments {
  std::int64_t width = 576, columns = 1536;
  int repeats = 7;
  at::ScalarType type = at::kBFloat16;
  bool widened = false, json = false;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  bench::Words words(argc, argv);
  while (words.left()) {
    const std::string& word = words.next();
    if (word == "--width") {
      arguments.width = std::stol(words.value());
    } else if (word == "--columns") {
      arguments.columns = std::stol(words.value());
    } else if (word == "--repeats") {
      arguments.repeats = std::stoi(words.value());
    } else if (word == "--dtype") {
      const std::string& type = words.value();
      if (type != "fp32" && type != "bf16") throw Error("bench", "expected fp32 or bf16, got '" + type + "'");
      arguments.type = type == "fp32" ? at::kFloat : at::kBFloat16;
    } else if (word == "--widened") {
      arguments.widened = true;
    } else if (word == "--json") {
      arguments.json = true;
    } else {
      throw Error("bench", "unknown argument '" + word + "'");
    }
  }
  return arguments;
}

// GFLOP/s of each way at one number of rows, median.
Json at_rows(const Arguments& arguments, const std::vector<at::Tensor>& weights, std::int64_t rows) {
  const auto x = at::randn({rows, arguments.width}).to(arguments.type);
  const auto all = ways(x, weights[0], arguments.widened ? at::kFloat : arguments.type);
  for (const Way& way : all) verify(way, x, weights[0]);
  std::vector<std::vector<double>> times(all.size());
  for (int i = 0; i < arguments.repeats; ++i) {
    for (std::size_t w = 0; w < all.size(); ++w) {
      times[w].push_back(bench::seconds([&] {
        for (const auto& weight : weights) all[w].run(x, weight);
      }));
    }
  }
  Json row{{"rows", rows}};
  const auto numbers = rows * arguments.width * arguments.columns * static_cast<std::int64_t>(weights.size());
  for (std::size_t w = 0; w < all.size(); ++w)
    row[all[w].name] = 2e-9 * static_cast<double>(numbers) / bench::spread(times[w])["median"].get<double>();
  return row;
}

Json measure(const Arguments& arguments) {
  const c10::NoGradGuard no_grad;
  constexpr std::int64_t kNumbers = 150'000'000;
  std::vector<at::Tensor> weights;
  for (std::int64_t n = 0; n < kNumbers; n += arguments.width * arguments.columns)
    weights.push_back(at::randn({arguments.columns, arguments.width}).to(arguments.type));
  Json table = Json::array();
  for (const std::int64_t rows : {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256})
    table.push_back(at_rows(arguments, weights, rows));
  return {{"width", arguments.width}, {"columns", arguments.columns}, {"gflops", table}};
}

void print(const Json& result) {
  fmt::print("GFLOP/s, weights [{}, {}]; verified\n", result["columns"].dump(), result["width"].dump());
  for (const Json& row : result["gflops"]) {
    for (const auto& [name, value] : row.items()) {
      if (name == "rows") {
        fmt::print("{:>4} rows", value.get<int>());
      } else {
        fmt::print("   {} {:7.1f}", name, value.get<double>());
      }
    }
    fmt::print("\n");
  }
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::bench::run(argc, argv, pope::parse, pope::measure, pope::print);
}
