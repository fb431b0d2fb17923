// Checkpoints: round trip, how many are kept, and falling back past a damaged one.
#include "learn/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>

#include "core/error.h"
#include "core/temp_dir.h"
#include "learn/tiny.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
  // Saves steps 1 … steps, each with other weights, moments and state.
  void save(int steps, int keep) {
    for (int step = 1; step <= steps; ++step) {
      for (Parameter& p : model_->parameters()) {
        p.compute.mutable_grad() = at::full_like(p.compute, 0.1 * step).detach();
      }
      optimizer_.step(0.01);
      weights_.push_back(test::masters_of(*model_));
      save_checkpoint(folder_ / "run", step, *model_, optimizer_, prompts_->tokenizer(),
                      {{"tokens", 10 * step}}, keep);
    }
  }
  fs::path checkpoint(const std::string& name) { return folder_ / "run" / "checkpoints" / name; }

  test::TempFolder folder_{"checkpoint"};
  std::shared_ptr<const PromptRenderer> prompts_ = test::tiny_prompts();
  std::shared_ptr<Model> model_ = Model::random(test::tiny_architecture(), 3);
  Optimizer optimizer_{{}, *model_};
  std::vector<std::vector<at::Tensor>> weights_;  // after each step
  std::shared_ptr<Model> other_ = Model::random(test::tiny_architecture(), 4);
  Optimizer other_optimizer_{{}, *other_};
};

TEST_F(CheckpointTest, NoneYet) {
  EXPECT_FALSE(load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_).has_value());
}

TEST_F(CheckpointTest, RoundTripIsExact) {
  save(2, 1);
  const std::optional<Json> state = load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ((*state)["step"], 2);
  EXPECT_EQ((*state)["tokens"], 20);
  EXPECT_EQ(test::largest_difference(test::masters_of(*other_), weights_[1]), 0);
  EXPECT_EQ(other_->version, 2);
  EXPECT_EQ(other_optimizer_.steps_taken(), 2);
  const NamedTensors saved = optimizer_.state(), loaded = other_optimizer_.state();
  for (std::size_t i = 0; i < saved.size(); ++i) {
    EXPECT_EQ(saved[i].first, loaded[i].first);
    EXPECT_TRUE(at::equal(saved[i].second, loaded[i].second)) << saved[i].first;
  }
}

TEST_F(CheckpointTest, PublishesBf16) {
  save(1, 1);
  const std::shared_ptr<Model> half = Model::random(test::tiny_architecture(), 4, at::kBFloat16);
  Optimizer optimizer({}, *half);
  load_newest_checkpoint(folder_ / "run", *half, optimizer);
  EXPECT_EQ(test::largest_difference(test::masters_of(*half), weights_[0]), 0);
  for (const Parameter& p : half->parameters()) EXPECT_TRUE(at::equal(p.master.to(at::kBFloat16), p.compute));
}

TEST_F(CheckpointTest, KeepsTheNewest) {
  save(4, 2);
  EXPECT_FALSE(fs::exists(checkpoint("step-000002")));
  EXPECT_TRUE(fs::exists(checkpoint("step-000003")));
  EXPECT_TRUE(fs::exists(checkpoint("step-000004")));
}

TEST_F(CheckpointTest, FallsBackPastDamage) {
  save(4, 4);
  fs::resize_file(checkpoint("step-000004") / "optimizer.safetensors",
                  fs::file_size(checkpoint("step-000004") / "optimizer.safetensors") - 1);
  std::ofstream(checkpoint("step-000003") / "state.json") << "{\"step\": 3";
  fs::create_directories(checkpoint("step-000005.partial"));  // what a kill while saving leaves
  const std::vector<at::Tensor> before = test::masters_of(*other_);
  const std::optional<Json> state = load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ((*state)["step"], 2);
  EXPECT_EQ(test::largest_difference(test::masters_of(*other_), weights_[1]), 0);
}

// One bit of any file that is read, wherever it lies: the checkpoint before is loaded, whole.
TEST_F(CheckpointTest, AFlippedBitIsNoticed) {
  save(2, 2);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json", "checksums.json"}) {
    const fs::path file = checkpoint("step-000002") / name;
    const std::string good = read_file(file);
    for (const std::size_t at : {good.size() / 2, good.size() - 3}) {
      std::string bad = good;
      bad[at] ^= 1;
      write_file(file, bad);
      const std::optional<Json> state = load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_);
      ASSERT_TRUE(state.has_value());
      EXPECT_EQ((*state)["step"], 1) << name << ' ' << at;
      EXPECT_EQ((*state)["tokens"], 10) << name << ' ' << at;
      EXPECT_EQ(test::largest_difference(test::masters_of(*other_), weights_[0]), 0) << name << ' ' << at;
    }
    write_file(file, good);
    EXPECT_EQ((*load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_))["step"], 2);
  }
  fs::remove(checkpoint("step-000002") / "checksums.json");
  EXPECT_EQ((*load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_))["step"], 1);
}

// A damaged one that is newer than what is saved now is not kept in place of a good one, nor lost.
TEST_F(CheckpointTest, ADamagedOneIsSetAside) {
  save(3, 3);
  for (const char* damage : {"{}", "{ }"}) {
    std::ofstream(checkpoint("step-000003") / "state.json") << damage;
    ASSERT_EQ((*load_newest_checkpoint(folder_ / "run", *model_, optimizer_))["step"], 2);
    ::testing::internal::CaptureStderr();
    save_checkpoint(folder_ / "run", 2, *model_, optimizer_, prompts_->tokenizer(), Json::object(), 1);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("kept as"), std::string::npos);
    EXPECT_FALSE(fs::exists(checkpoint("step-000003")));
    EXPECT_EQ(read_file(checkpoint("step-000003.damaged") / "state.json"), damage);
    EXPECT_TRUE(fs::exists(checkpoint("step-000003.damaged") / "model.safetensors"));
    // It is none of those to go on from, and its step can be made again.
    ASSERT_EQ((*load_newest_checkpoint(folder_ / "run", *model_, optimizer_))["step"], 2);
    save_checkpoint(folder_ / "run", 3, *model_, optimizer_, prompts_->tokenizer(), Json::object(), 2);
  }
  prune_checkpoints(folder_ / "run", 3, 1);
  EXPECT_TRUE(fs::exists(checkpoint("step-000003")));
  EXPECT_FALSE(fs::exists(checkpoint("step-000002")));
  EXPECT_FALSE(fs::exists(checkpoint("step-000001")));
}

TEST_F(CheckpointTest, WhatIsNotFiniteIsNotSaved) {
  save(1, 2);
  const auto refusal = [&] {
    return error_of([&] {
      save_checkpoint(folder_ / "run", 2, *model_, optimizer_, prompts_->tokenizer(), Json::object(), 2);
    });
  };
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (const NamedTensors& tensors :
         {NamedTensors{{model_->parameters()[1].name, model_->parameters()[1].master.detach()}},
          NamedTensors{optimizer_.state().back()}}) {
      const at::Tensor one = tensors[0].second.flatten()[1];
      const float good = one.item<float>();
      one.fill_(bad);
      const std::string error = refusal();
      EXPECT_NE(error.find("after step 2"), std::string::npos) << error;
      EXPECT_NE(error.find("'" + tensors[0].first + "'"), std::string::npos) << error;
      EXPECT_NE(error.find("hint: "), std::string::npos) << error;
      one.fill_(good);
    }
  }
  EXPECT_FALSE(fs::exists(checkpoint("step-000002")));
  EXPECT_EQ((*load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_))["step"], 1);
}

// Only one is kept, and the disk takes no more than the first part of the next.
TEST_F(CheckpointTest, TheOldOneStandsWhereSavingFails) {
  save(1, 1);
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little = {1000, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
  const std::string error = error_of([&] { save(2, 1); });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(error.find("File too large"), std::string::npos) << error;
  EXPECT_EQ((*load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_))["step"], 1);
  EXPECT_EQ(test::largest_difference(test::masters_of(*other_), weights_[0]), 0);
}

TEST_F(CheckpointTest, AllDamagedIsAnError) {
  save(2, 2);
  for (const char* name : {"step-000001", "step-000002"}) fs::remove(checkpoint(name) / "model.safetensors");
  const std::vector<at::Tensor> before = test::masters_of(*other_);
  EXPECT_THROW(load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_), Error);
  EXPECT_EQ(test::largest_difference(test::masters_of(*other_), before), 0);
}

TEST_F(CheckpointTest, MomentsThatAreMissingAreNoticedBeforeAnythingChanges) {
  save(1, 1);
  NamedTensors moments = optimizer_.state();
  moments.pop_back();
  write_safetensors(checkpoint("step-000001") / "optimizer.safetensors", moments);
  const std::vector<at::Tensor> before = test::masters_of(*other_);
  EXPECT_THROW(load_newest_checkpoint(folder_ / "run", *other_, other_optimizer_), Error);
  EXPECT_EQ(test::largest_difference(test::masters_of(*other_), before), 0);
}

TEST_F(CheckpointTest, AnotherModelIsRefused) {
  save(1, 1);
  Architecture wider = test::tiny_architecture();
  wider.ffn_width += 4;
  const std::shared_ptr<Model> model = Model::random(wider, 4);
  Optimizer optimizer({}, *model);
  EXPECT_THROW(load_newest_checkpoint(folder_ / "run", *model, optimizer), Error);
}

}  // namespace
}  // namespace pope
