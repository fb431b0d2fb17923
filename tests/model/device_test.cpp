// The way of devices other than the CPU (operations of ATen in place of the fused loops) against that of the
// CPU: on a device that only looks like one (fake_device.h), or on the one that POPE_TEST_DEVICE names.
#include "model/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "model/fake_device.h"
#include "model/layers.h"
#include "model/layers_plain.h"
#include "model/models.h"

namespace pope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.detach().cpu().to(at::kDouble) - b.detach().cpu().to(at::kDouble)).abs().max().item<double>();
}

// As in cache_test.cpp: f32 differs by the order of sums, bf16 by a few roundings of 2^-9.
double tolerance(at::ScalarType type) { return type == at::kFloat ? 2e-5 : 0.1; }

class DeviceTest : public testing::TestWithParam<std::tuple<const char*, at::ScalarType>> {
 protected:
  std::shared_ptr<Model> host_ =
      lively_model(tiny_architecture(std::get<0>(GetParam())), std::get<1>(GetParam()));
  std::shared_ptr<Model> model_ = fake::on_device(*host_);
  int vocab() const { return host_->architecture().vocab_size; }
};

// The relative difference of all gradients together, which are then gone.
double take_gradient_difference(Model& got, Model& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < expected.parameters().size(); ++i) {
    auto &a = got.parameters()[i].compute.mutable_grad(),
         &b = expected.parameters()[i].compute.mutable_grad();
    const auto wanted = b.to(at::kDouble);
    error += (a.cpu().to(at::kDouble) - wanted).square().sum().item<double>();
    size += wanted.square().sum().item<double>();
    a = b = at::Tensor();
  }
  return std::sqrt(error / size);
}

// Sequences of one length (a single call of attention on a device), and a prefix with two continuations
// beside a sequence of its own; either with and without recomputation in the backward pass.
TEST_P(DeviceTest, HiddenStatesAndGradients) {
  Packing shared;
  shared.add_prefix(6);
  shared.add_continuation(5);
  shared.add_continuation(3);
  shared.add_prefix(7);
  const auto type = model_->compute_type();
  for (const Packing& packing : {Packing::equal(3, 7), shared}) {
    const auto tokens = random_tokens(1, 21, vocab(), 1)[0], targets = random_tokens(1, 21, vocab(), 2)[0];
    const auto weights = at::linspace(-1, 2, 21);
    for (const bool recompute : {false, true}) {
      model_->activation_checkpointing = recompute;
      std::vector<at::Tensor> hidden;
      for (const auto& model : {host_, model_}) {
        const auto there = [&](const at::Tensor& x) { return x.to(model->device()); };
        hidden.push_back(model->forward_hidden(there(tokens), packing));
        const auto out = token_logprobs(hidden.back(), model->output_embedding(), there(targets), 0.7, 8);
        ((out.logprobs + 0.1 * out.entropy) * there(weights)).sum().backward();
      }
      EXPECT_EQ(hidden[1].device(), fake::device());
      EXPECT_LT(largest_difference(hidden[1], hidden[0]), tolerance(type));
      EXPECT_LT(take_gradient_difference(*model_, *host_), type == at::kFloat ? 1e-5 : 3e-2);
    }
  }
}

// Prompts prefilled together, continued in pieces of three tokens, then one by one from the device's own
// tensors, beside one slot that holds nothing.
TEST_P(DeviceTest, CachedDecoding) {
  const c10::NoGradGuard no_grad;
  const auto type = model_->compute_type();
  const auto& a = model_->architecture();
  const auto tokens = random_tokens(2, 14, vocab(), 3);
  const auto whole = hidden_of(*host_, tokens);
  KvCache cache(a, 3, 9, type, fake::device());
  const auto prompt = model_->decode(tokens.narrow(1, 0, 6), at::zeros({2}, at::kLong), cache);
  EXPECT_LT(largest_difference(prompt, whole.narrow(1, 0, 6)), tolerance(type));
  const auto piece = at::stack({tokens[0].narrow(0, 6, 3), tokens[1].narrow(0, 4, 3)});
  const auto continued = model_->decode(piece, at::tensor({6, 4}, at::kLong), cache);
  EXPECT_LT(largest_difference(continued[0], whole[0].narrow(0, 6, 3)), tolerance(type));
  EXPECT_LT(largest_difference(continued[1], whole[1].narrow(0, 4, 3)), tolerance(type));
  cache.reserve(13);
  const int lengths[] = {9, 7};
  for (int step = 0; step < 4; ++step) {
    auto next = at::zeros({3, 1}, at::kLong), starts = at::zeros({3}, at::kLong);
    for (int b = 0; b < 2; ++b) {
      starts[b] = lengths[b] + step;
      next[b] = tokens[b][lengths[b] + step];
    }
    const auto here = next.to(fake::device()), from = starts.to(fake::device());
    const auto before = fake::traffic;
    const auto states = model_->decode_within(here, from, 13, cache);
    EXPECT_EQ(fake::traffic.uploads, before.uploads);
    EXPECT_EQ(fake::traffic.downloads, before.downloads);
    for (int b = 0; b < 2; ++b)
      EXPECT_LT(largest_difference(states[b][0], whole[b][lengths[b] + step]), tolerance(type));
  }
}

TEST_P(DeviceTest, Logits) {
  const auto hidden =
      at::linspace(-2, 2, 5 * host_->architecture().width).view({5, -1}).to(model_->compute_type());
  const auto logits = model_->logits(hidden.to(fake::device()));
  EXPECT_EQ(logits.scalar_type(), at::kFloat);
  EXPECT_LT(largest_difference(logits, host_->logits(hidden)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Families, DeviceTest,
                         testing::Combine(testing::ValuesIn(kFamilies),
                                          testing::Values(at::kFloat, at::kBFloat16)));

TEST(DeviceCacheTest, CopyMovesTheFirstPositions) {
  const auto a = tiny_architecture();
  KvCache cache(a, 2, 4, at::kFloat, fake::device()), other(a, 3, 9, at::kFloat, fake::device());
  for (auto& layer : cache.values) layer.copy_(at::arange(layer.numel()).view(layer.sizes()).to(at::kFloat));
  other.copy_from(cache, 1, 2, 3);
  EXPECT_EQ(largest_difference(other.values[1][2].narrow(1, 0, 3), cache.values[1][1].narrow(1, 0, 3)), 0);
  EXPECT_EQ(other.values[1][2].narrow(1, 3, 6).abs().max().item<float>(), 0);
  EXPECT_EQ(other.values[1][1].abs().max().item<float>(), 0);
}

// The readable versions are the reference of the CPU's kernels too.
TEST(PlainCacheTest, KernelsAgree) {
  const c10::NoGradGuard no_grad;
  const std::int64_t batch = 3, steps = 2, heads = 6, kv_heads = 2, width = 16, length = 11;
  const auto noise = [](at::IntArrayRef sizes, std::uint64_t seed) {
    RngStream rng(seed, {key_of("device")});
    auto out = at::empty(sizes, at::kFloat);
    for (std::int64_t i = 0; i < out.numel(); ++i)
      out.data_ptr<float>()[i] = static_cast<float>(rng.normal());
    return out;
  };
  const auto angles = noise({batch * steps, width / 2}, 1);
  for (const double offset : {0.0, 1.0}) {
    HeadSplit split{heads,        kv_heads,     width, 1e-5, noise({width}, 2), noise({width}, 3),
                    angles.cos(), angles.sin(), offset};
    const auto qkv = noise({batch * steps, (heads + 2 * kv_heads) * width}, 4);
    const auto starts = at::tensor({0, 9, 4}, at::kLong);
    const auto old = noise({batch + 1, kv_heads, length + 2, width}, 5);
    const auto keys = old.clone(), values = old.clone(), plain_keys = old.clone(), plain_values = old.clone();
    const auto q = split_heads_into_cache(qkv, split, starts, keys, values);
    const auto plain_q = plain::split_heads_into_cache(qkv, split, starts, plain_keys, plain_values);
    EXPECT_LT(largest_difference(q, plain_q), 2e-6);
    EXPECT_LT(largest_difference(keys, plain_keys), 2e-6);
    EXPECT_LT(largest_difference(values, plain_values), 2e-6);
    for (const std::int64_t window : {0, 1, 5, 50}) {
      const auto seen = plain::seen_positions(starts, steps, length, window, at::kFloat);
      EXPECT_LT(largest_difference(cached_attention(q, keys, values, starts, window),
                                   plain::cached_attention(q, keys, values, seen)),
                2e-6)
          << window;
    }
  }
}

TEST(OpenDeviceTest, Names) {
  EXPECT_EQ(open_device("cpu"), at::Device(at::kCPU));
  for (const char* name :
       {"", "gpu", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1", "cuda:999"}) {
    try {
      open_device(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("expected cpu, cuda or cuda:N")) << name;
    }
  }
}

// Where libtorch's CUDA libraries or such a GPU are missing, the message says which, and how to mend it; the
// CPU goes on serving.
TEST(OpenDeviceTest, WhatIsMissing) {
  try {
    open_device("cuda:100");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::AnyOf(testing::AllOf(testing::HasSubstr("cannot load libtorch_cuda.so: lib"),
                                              testing::HasSubstr("hint: set LD_LIBRARY_PATH")),
                               testing::AllOf(testing::ContainsRegex("found [0-9]+ CUDA devices"),
                                              testing::HasSubstr("hint: nvidia-smi"))));
  }
  EXPECT_EQ(open_device("cpu"), at::Device(at::kCPU));
}

}  // namespace
}  // namespace pope
