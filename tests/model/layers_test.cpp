// The fused pieces against the same formulas in ATen operations: values and gradients, odd sizes, both
// dtypes.
#include "model/layers.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "core/rng.h"
#include "model/few_rows.h"
#include "model/layers_plain.h"
#include "model/per_processor.h"
#include "model/product.h"
#include "model/wide_product.h"

namespace pope {
namespace {

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType dtype, double mean = 0) {
  auto out = at::empty(shape, at::kFloat);
  RngStream rng(seed, {key_of("layers")});
  for (std::int64_t i = 0; i < out.numel(); ++i)
    out.data_ptr<float>()[i] = static_cast<float>(mean + rng.normal());
  return out.to(dtype);
}

using Piece = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

// The piece's outputs and the gradients of its inputs for Σ output · noise; inputs cast to `dtype` first.
std::vector<at::Tensor> evaluate(const Piece& piece, const std::vector<at::Tensor>& inputs,
                                 at::ScalarType dtype) {
  std::vector<at::Tensor> leaves;
  for (const auto& input : inputs)
    leaves.push_back(input.detach().to(dtype, false, true).set_requires_grad(true));
  auto results = piece(leaves);
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < results.size(); ++i) {
    loss = loss + (results[i].to(at::kDouble) * noise(results[i].sizes(), 77 + i, at::kDouble)).sum();
  }
  loss.backward();
  for (const auto& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

// Fused in f32 and bf16 against plain in f64 on the same (rounded) inputs.
void compare(const Piece& fused, const Piece& plain, const std::vector<at::Tensor>& inputs) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    std::vector<at::Tensor> rounded;
    for (const auto& input : inputs) rounded.push_back(input.to(dtype));
    const auto result = evaluate(fused, rounded, dtype), expected = evaluate(plain, rounded, at::kDouble);
    ASSERT_EQ(result.size(), expected.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
      ASSERT_EQ(result[i].sizes(), expected[i].sizes()) << i;
      // Gradients that vanish (attention over one position) are held against entries of size 1.
      const double norm = expected[i].norm().item<double>();
      const double size = norm > 1e-9 ? norm : std::sqrt(static_cast<double>(expected[i].numel()));
      const auto error = (result[i].to(at::kDouble) - expected[i]).norm() / size;
      // One rounding of the result (2^-9 relative at most in bf16), sums in f32; in bf16 some gradients pass
      // a second rounded value.
      EXPECT_LT(error.item<double>(), dtype == at::kFloat ? 2e-6 : 8e-3) << "output " << i;
    }
  }
}
class LayersTest : public EachProcessor {};
POPE_EACH_PROCESSOR(LayersTest);

// A build without OpenMP would compute the same on one thread, at half the speed.
TEST_P(LayersTest, LoopsRunOnAllThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(5);  // a runtime that is not libtorch's would not hear of it
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, 5, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  at::set_num_threads(before);
  EXPECT_EQ(threads.size(), 5);
}

TEST_P(LayersTest, RmsNorm) {
  for (const std::int64_t width : {1, 7, 16, 24, 64, 93}) {
    for (const double offset : {0, 1}) {
      const Piece fused = [=](const auto& in) { return std::vector{rms_norm(in[0], in[1], 1e-3, offset)}; };
      const Piece plain = [=](const auto& in) {
        return std::vector{plain::rms_norm(in[0], in[1], 1e-3, offset)};
      };
      compare(fused, plain, {noise({5, width}, 1, at::kFloat, 0.3), noise({width}, 2, at::kFloat, 1)});
    }
  }
}

TEST_P(LayersTest, AddRmsNorm) {
  // The sum is rounded before it is normed, so x and delta are chosen to add exactly: small multiples of 1/8.
  const auto coarse = [](const at::Tensor& x) { return x.mul(8).round().clamp(-24, 24).div(8); };
  const auto list = [](const std::pair<at::Tensor, at::Tensor>& p) { return std::vector{p.first, p.second}; };
  const Piece fused = [&](const auto& in) { return list(add_rms_norm(in[0], in[1], in[2], 1e-5, 1)); };
  const Piece plain = [](const auto& in) {
    const at::Tensor sum = in[0] + in[1];
    return std::vector{sum, plain::rms_norm(sum, in[2], 1e-5, 1)};
  };
  for (const std::int64_t width : {9, 40}) {
    compare(fused, plain,
            {coarse(noise({6, width}, 1, at::kFloat)), coarse(noise({6, width}, 2, at::kFloat)),
             noise({width}, 3, at::kFloat)});
  }
}

TEST_P(LayersTest, Swiglu) {
  for (const std::int64_t width : {1, 8, 21, 48}) {
    const Piece fused = [](const auto& in) { return std::vector{swiglu(in[0])}; };
    const Piece plain = [](const auto& in) { return std::vector{plain::swiglu(in[0])}; };
    compare(fused, plain, {noise({4, 2 * width}, 1, at::kFloat).mul(4)});
  }
  const auto extreme = at::tensor({-200.0F, 200.0F, -1e30F, 1e30F, 1.0F, 2.0F, 3.0F, 4.0F}).view({1, 8});
  // simd::exp stops at exp(88), so sigmoid stops at 6e-39 where it should be 0: 1e30 times that.
  EXPECT_TRUE(at::allclose(swiglu(extreme), at::tensor({0.0F, 400.0F, 0.0F, 4e30F}).view({1, 4}), 0, 1e-7));
}

TEST_P(LayersTest, SplitHeads) {
  for (const std::int64_t width : {2, 8, 16, 36, 64}) {
    const std::int64_t heads = 6, kv_heads = 3, rows = 10;
    const auto angles = noise({rows, width / 2}, 9, at::kFloat).mul(3);
    const auto piece = [&](bool normed, auto split) -> Piece {
      return [=](const std::vector<at::Tensor>& in) {
        HeadSplit how{heads, kv_heads, width, 1e-4, {}, {}, angles.cos(), angles.sin()};
        if (normed) how.q_norm = in[1], how.k_norm = in[2], how.norm_offset = 0.5;
        const auto out = split(in[0], how);
        return std::vector{out.q, out.k, out.v};
      };
    };
    const auto qkv = noise({rows, (heads + 2 * kv_heads) * width}, 4, at::kFloat);
    compare(piece(false, split_heads), piece(false, plain::split_heads), {qkv});
    compare(piece(true, split_heads), piece(true, plain::split_heads),
            {qkv, noise({width}, 5, at::kFloat, 1), noise({width}, 6, at::kFloat, 1)});
  }
}

// Groups of segments: {{5}, {7, 1, 2}} is a sequence of 5 tokens and a prefix of 7 with continuations of 1
// and 2.
Packing packing_of(const std::vector<std::vector<std::int64_t>>& groups) {
  Packing packing;
  for (const auto& group : groups) {
    packing.add_prefix(group[0]);
    for (std::size_t s = 1; s < group.size(); ++s) packing.add_continuation(group[s]);
  }
  return packing;
}

// Lengths around the blocks of 4 queries and 32 keys, continuations before and behind longer ones, for every
// compiled head width and one that falls back.
const std::vector<std::vector<std::vector<std::int64_t>>> kPackings = {
    {{1}}, {{70}}, {{3}, {1}, {17}, {32}}, {{4, 4}}, {{1, 1, 1}, {5}}, {{33, 2, 40, 1, 7}, {1}, {18, 31}}};

std::vector<at::Tensor> heads_of(const Packing& packing, std::int64_t width) {
  const std::int64_t kv_heads = 3, group = 2, n = packing.tokens();
  return {noise({kv_heads, group, n, width}, 1, at::kFloat).mul(2),
          noise({kv_heads, 1, n, width}, 2, at::kFloat), noise({kv_heads, 1, n, width}, 3, at::kFloat)};
}

TEST_P(LayersTest, CausalAttention) {
  for (const std::int64_t width : {16, 24, 32, 64, 128}) {
    for (const auto& groups : kPackings) {
      const Packing packing = packing_of(groups);
      // A window shorter than the text falls back too; one as long changes nothing, and the kernel serves it.
      for (const std::int64_t window : {std::int64_t{0}, std::int64_t{3}, packing.longest()}) {
        const auto piece = [&](auto attention) -> Piece {
          return [=](const std::vector<at::Tensor>& in) {
            return std::vector{attention(Heads{in[0], in[1], in[2]}, packing, window)};
          };
        };
        compare(piece(causal_attention), piece(plain::causal_attention), heads_of(packing, width));
      }
    }
  }
}

// Blocks of 1024 keys: sequences that end around a block's end, at one that splits four queries, within a
// prefix and behind one, and over three blocks.
TEST_P(LayersTest, CausalAttentionOverBlocksOfKeys) {
  const std::vector<std::vector<std::vector<std::int64_t>>> packings = {
      {{1023}, {1024}, {1025}}, {{1030, 3, 1100}}, {{1022, 1, 2, 7}, {30}}, {{7, 2100}}};
  for (const auto& groups : packings) {
    const Packing packing = packing_of(groups);
    const auto piece = [&](auto attention) -> Piece {
      return [=](const std::vector<at::Tensor>& in) {
        return std::vector{attention(Heads{in[0], in[1], in[2]}, packing, 0)};
      };
    };
    compare(piece(causal_attention), piece(plain::causal_attention), heads_of(packing, 16));
  }
}

// The reference itself: each sequence cut out and attended to alone, softmax(q k / √D) v row by row in f64.
// Windows that end within a continuation, within its prefix, and beyond the longest sequence.
TEST_P(LayersTest, PlainCausalAttentionIsThatOfEachSequenceAlone) {
  for (const auto& groups : kPackings) {
    const Packing packing = packing_of(groups);
    const auto in = heads_of(packing, 6);
    const auto q = in[0].to(at::kDouble), k = in[1].to(at::kDouble), v = in[2].to(at::kDouble);
    for (const std::int64_t window : {0, 1, 3, 9, 35, 80}) {
      const auto attended = plain::causal_attention({q, k, v}, packing, window).view({-1, 3, 2, 6});
      std::int64_t token = 0;
      for (const auto& group : groups) {
        const std::int64_t start = token;
        for (std::size_t s = 0; s < group.size(); ++s) {
          const std::int64_t begin = token;
          for (; token < begin + group[s]; ++token) {
            std::vector<std::int64_t> seen;
            for (std::int64_t t = start; t < start + (s == 0 ? token - start + 1 : group[0]); ++t)
              seen.push_back(t);
            for (std::int64_t t = begin; s > 0 && t <= token; ++t) seen.push_back(t);
            if (window > 0 && window < std::ssize(seen)) seen.erase(seen.begin(), seen.end() - window);
            const auto index = at::tensor(seen, at::kLong);
            for (std::int64_t head = 0; head < 6; ++head) {
              const auto kv = head / 2;
              const auto scores =
                  at::mv(k[kv][0].index_select(0, index), q[kv][head % 2][token]) / std::sqrt(6.0);
              const auto expected = at::mv(v[kv][0].index_select(0, index).t(), scores.softmax(0));
              EXPECT_LT((attended[token][kv][head % 2] - expected).abs().max().item<double>(), 1e-12)
                  << token << " " << window;
            }
          }
        }
      }
    }
  }
}

// Every compiled shape of the attention kernel (group sizes 1, 2, 3 and their sums; widths 16, 64, 128 and
// others) against softmax(q k / √D) v in f64, with ragged lengths around the block size of 16.
TEST_P(LayersTest, CachedAttention) {
  for (const std::int64_t width : {16, 24, 64, 128}) {
    for (const std::int64_t group : {1, 2, 3, 5}) {
      for (const auto dtype : {at::kFloat, at::kBFloat16}) {
        const std::int64_t batch = 4, kv_heads = 2, positions = 40, steps = 2;
        const auto q = noise({batch * kv_heads, group, steps, width}, 1, dtype);
        const auto keys = noise({batch + 1, kv_heads, positions, width}, 2, dtype);
        const auto values = noise({batch + 1, kv_heads, positions, width}, 3, dtype);
        const std::int64_t starts[] = {0, 14, 15, 37};
        const auto whole = at::tensor(at::ArrayRef<std::int64_t>(starts), at::kLong);
        const auto out = cached_attention(q, keys, values, whole);
        // Rows that begin elsewhere: one whole but for the query's own, one in the middle of a block, one
        // alone.
        const std::int64_t shared[] = {0, 14, 3, 16};
        auto own_keys = keys.clone(), own_values = values.clone();
        std::vector<SharedPrefix> prefixes(batch);
        std::vector<std::int64_t> rows;
        for (std::int64_t b = 0; b < batch; ++b) {
          const auto n = shared[b];
          rows.push_back(starts[b] - n);
          if (n == 0) continue;
          const auto beginning = [&](const at::Tensor& x) {
            return x.narrow(0, b, 1).narrow(2, 0, n).clone();
          };
          prefixes[b] = {beginning(keys), beginning(values), n};
          for (auto* x : {&own_keys, &own_values}) {
            const auto rest = (*x)[b].narrow(1, n, positions - n).clone();
            (*x)[b].fill_(100).narrow(1, 0, positions - n).copy_(rest);
          }
        }
        const auto places = at::tensor(rows, at::kLong);
        for (const std::int64_t window : {0, 1, 9, 20}) {
          EXPECT_TRUE(at::equal(cached_attention(q, own_keys, own_values, places, window, prefixes),
                                cached_attention(q, keys, values, whole, window)));
        }
        const auto heads = out.view({batch, steps, kv_heads, group, width}).to(at::kDouble);
        for (std::int64_t b = 0; b < batch; ++b) {
          for (std::int64_t t = 0; t < steps; ++t) {
            const auto length = starts[b] + t + 1;
            for (std::int64_t k = 0; k < kv_heads; ++k) {
              const auto query = q[b * kv_heads + k].select(1, t).to(at::kDouble);  // [G,D]
              const auto key = keys[b][k].narrow(0, 0, length).to(at::kDouble);
              const auto value = values[b][k].narrow(0, 0, length).to(at::kDouble);
              const auto weights = at::softmax(at::mm(query, key.t()) / std::sqrt(width), -1);
              const auto error = (heads[b][t][k] - at::mm(weights, value)).abs().max().item<double>();
              EXPECT_LT(error, dtype == at::kFloat ? 1e-5 : 1.5e-2) << width << " " << group << " " << b;
            }
          }
        }
      }
    }
  }
}

// bf16 products are exact in f32; only the order of the sums differs from f64.
TEST_P(LayersTest, HeadProduct) {
  for (const std::int64_t rows : {1, 15, 16, 17, 33, 70}) {
    for (const auto& [vocab, width] : {std::pair{1, 2}, {9, 24}, {64, 130}, {131, 7}, {32, 64}, {96, 160}}) {
      for (const auto dtype : {at::kFloat, at::kBFloat16}) {
        const auto hidden = noise({rows, width}, 1, dtype), embedding = noise({vocab, width}, 2, dtype);
        const auto logits = head_product(hidden, embedding);
        ASSERT_EQ(logits.scalar_type(), at::kFloat);
        const auto expected = at::mm(hidden.to(at::kDouble), embedding.to(at::kDouble).t());
        EXPECT_LT((logits - expected).abs().max().item<double>(), 3e-5)
            << rows << " " << vocab << " " << width;
      }
    }
  }
}

// Few rows and many, with and without bias; the odd sizes are at::linear's. One rounding to bf16 of values up
// to about 60.
TEST_P(LayersTest, ProjectWithoutGradient) {
  const c10::NoGradGuard no_grad;
  for (const std::int64_t rows : {1, 5, 16, 17, 32, 33, 64, 70, 200}) {
    for (const auto& [columns, width] : {std::pair{32, 32}, {96, 160}, {33, 64}, {64, 40}}) {
      const auto x = noise({rows, width}, 1, at::kBFloat16),
                 weight = noise({columns, width}, 2, at::kBFloat16),
                 bias = noise({columns}, 3, at::kBFloat16);
      for (const auto& b : {at::Tensor(), bias}) {
        auto expected = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
        if (b.defined()) expected = expected + b.to(at::kDouble);
        const auto out = project(x, weight, b);
        ASSERT_EQ(out.scalar_type(), at::kBFloat16);
        const auto error = ((out.to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1)).max();
        EXPECT_LT(error.item<double>(), 1.0 / 256 + 1e-5) << rows << " " << columns << " " << width;
      }
    }
  }
}

// Whatever this machine does with bf16 in a whole model.
TEST_P(LayersTest, ProductsInF32) {
  for (const bool bias : {false, true}) {
    const Piece in_f32 = [=](const auto& in) {
      return std::vector{linear_in_f32(in[0], in[1], bias ? in[2] : at::Tensor())};
    };
    const Piece plain = [=](const auto& in) {
      return std::vector{at::linear(in[0], in[1], bias ? in[2] : at::Tensor())};
    };
    std::vector<at::Tensor> inputs = {noise({7, 33}, 1, at::kFloat), noise({20, 33}, 2, at::kFloat)};
    if (bias) inputs.push_back(noise({20}, 3, at::kFloat));
    compare(in_f32, plain, inputs);
  }
  // A factor that is frozen, as under an adapter.
  for (const std::size_t trained : {0, 1}) {
    std::vector<at::Tensor> in = {noise({7, 33}, 1, at::kBFloat16), noise({20, 33}, 2, at::kBFloat16)};
    in[trained].set_requires_grad(true);
    linear_in_f32(in[0], in[1], {}).sum().backward();
    const at::Tensor sums = in[1 - trained].to(at::kFloat).sum(0).expand({in[trained].size(0), 33});
    EXPECT_LT((in[trained].grad().to(at::kFloat) - sums).abs().max().item<double>(), 0.1);
    EXPECT_FALSE(in[1 - trained].grad().defined());
  }
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto a = noise({7, 33}, 1, dtype), b = noise({33, 20}, 2, dtype);
    const auto expected = at::mm(a.to(at::kDouble), b.to(at::kDouble));
    for (const auto product : {product_out, product_in_f32_out}) {
      auto out = at::full({7, 20}, NAN, at::TensorOptions(dtype));
      product(out, a, b);
      EXPECT_LT(((out.to(at::kDouble) - expected).norm() / expected.norm()).item<double>(), 4e-3);
    }
  }
}

// Every way that this machine has, rows and columns that fill no panel included, against f64.
TEST_P(LayersTest, EveryProductOfFewRows) {
  for (const FewRowsProduct* product : few_rows_products()) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      for (const std::int64_t rows : {1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 70}) {
        for (const auto& [columns, width] : {std::pair{32, 32}, {96, 160}, {33, 64}, {5, 96}, {130, 128}}) {
          const auto x = noise({rows, width}, 1, dtype), weight = noise({columns, width}, 2, dtype),
                     bias = noise({columns}, 3, dtype);
          if (!product->fits(x, weight)) continue;
          const auto exact = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
          for (const auto result : std::set{dtype, at::kFloat}) {
            for (const auto& b : {at::Tensor(), bias}) {
              const auto expected = b.defined() ? exact + b.to(at::kDouble) : exact;
              auto out = at::full({rows, columns}, NAN, at::TensorOptions(result));
              product->run(x, weight, b, out);
              const auto error = ((out.to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1)).max();
              EXPECT_LT(error.item<double>(), result == at::kFloat ? 3e-5 : 1.0 / 256 + 1e-5)
                  << product->name << " " << rows << " " << columns << " " << width;
            }
          }
        }
      }
    }
  }
}

// A way that this processor has instructions for takes part; operands of other shapes are libtorch's to
// refuse.
TEST_P(LayersTest, WhichProductOfFewRows) {
  const c10::NoGradGuard no_grad;
  const auto x = noise({3, 64}, 1, at::kBFloat16), weight = noise({32, 64}, 2, at::kBFloat16);
  EXPECT_TRUE(row_product.fits(x, weight));
#ifdef POPE_SEVERAL_PROCESSORS
  EXPECT_EQ(pair_product.fits(x, weight), __builtin_cpu_supports("avx512bf16") != 0);
#endif
  EXPECT_NE(find_product(x, weight, {}, at::kBFloat16), nullptr);
  EXPECT_EQ(find_product(x, noise({32, 96}, 2, at::kBFloat16), {}, at::kBFloat16), nullptr);
  EXPECT_EQ(find_product(x, weight, noise({31}, 3, at::kBFloat16), at::kBFloat16), nullptr);
  EXPECT_EQ(find_product(x.narrow(0, 0, 0), weight, {}, at::kBFloat16), nullptr);
  EXPECT_EQ(find_product(x, weight.t().contiguous().t(), {}, at::kBFloat16), nullptr);
  EXPECT_EQ(project(x.narrow(0, 0, 0), weight).size(0), 0);
  EXPECT_THROW(project(x, noise({32, 96}, 2, at::kBFloat16)), c10::Error);
}

}  // namespace
}  // namespace pope
