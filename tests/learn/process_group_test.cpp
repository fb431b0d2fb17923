// Two processes, here threads, that learn from half of the groups each end where one that has all of them
// does.
#include "learn/process_group.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "learn/bandit.h"
#include "learn/learn_batch.h"

namespace pope {
namespace {

// What the members of a group of two share.
struct Shared {
  std::barrier<> barrier{2};
  std::vector<double> values[2];
  std::vector<at::Tensor> tensors[2];
};

class Half : public ProcessGroup {
 public:
  Half(Shared& shared, int rank) : shared_(shared), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return 2; }
  void all_reduce(std::span<double> values) override {
    shared_.values[rank_].assign(values.begin(), values.end());
    shared_.barrier.arrive_and_wait();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = shared_.values[0][i] + shared_.values[1][i];
    shared_.barrier.arrive_and_wait();
  }
  void all_reduce(std::vector<at::Tensor>& tensors) override {
    shared_.tensors[rank_] = tensors;
    shared_.barrier.arrive_and_wait();
    std::vector<at::Tensor> sums;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      sums.push_back(shared_.tensors[0][i] + shared_.tensors[1][i]);
    shared_.barrier.arrive_and_wait();
    tensors = sums;
  }
  void broadcast(std::vector<at::Tensor>& tensors, int from) override {
    if (rank_ == from) shared_.tensors[from] = tensors;
    shared_.barrier.arrive_and_wait();
    const c10::NoGradGuard no_grad;
    if (rank_ != from)
      for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].copy_(shared_.tensors[from][i]);
    shared_.barrier.arrive_and_wait();
  }

 private:
  Shared& shared_;
  const int rank_;
};

struct Learned {
  std::vector<at::Tensor> weights;
  double loss = 0, grad_norm = 0;  // of the first step
  NamedTensors moments;            // of rank 0
  std::size_t kept = 0;            // moments that this process keeps
};

// Two steps on the groups that `processes` owns.
Learned learned(ProcessGroup& processes, bool sharded = false) {
  test::BanditWorld world;
  world.job.optimizer.sharded = sharded;
  world.job.processes = &processes;
  const std::vector<Group> all = {
      test::group_of(world.job, {3, 4}, {{1, 0}, {2, 5, 0}, {1, 6, 0}}, {1, 0, 1}),
      test::group_of(world.job, {5, 3}, {{2, 0}, {2, 5, 0}, {7, 0}}, {0, 0, 0}),
      test::group_of(world.job, {4, 4, 3}, {{1, 1, 6, 0}, {7, 0}}, {1, 0}),
      test::group_of(world.job, {5}, {{2, 0}, {6, 0}}, {0, 0})};
  std::vector<Group> own;
  for (std::size_t place = 0; place < all.size(); ++place) {
    if (processes.owns(place)) own.push_back(all[place]);
  }
  Optimizer optimizer(world.job.optimizer, *world.job.model, processes);
  const LearnResult first = test::learn_batch(world.job, own, 0, optimizer);
  test::learn_batch(world.job, own, 1, optimizer);
  NamedTensors moments = optimizer.state();
  return {test::masters_of(*world.job.model), first.loss, first.grad_norm, std::move(moments),
          optimizer.own_state().size()};
}

void learn_as_two(Learned (&halves)[2], bool sharded = false) {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const int rank : {0, 1}) {
    threads.emplace_back([&, rank] {
      Half half(shared, rank);
      halves[rank] = learned(half, sharded);
    });
  }
}

TEST(ProcessGroup, TwoHalvesLearnWhatOneWholeDoes) {
  const Learned whole = learned(single_process());
  Learned halves[2];
  learn_as_two(halves);
  // The second half has no group with signal: it takes part in the step all the same.
  EXPECT_EQ(test::largest_difference(halves[0].weights, halves[1].weights), 0);
  EXPECT_LT(test::largest_difference(halves[0].weights, whole.weights), 1e-6);  // fp32 sums in another order
  EXPECT_NEAR(halves[1].grad_norm, whole.grad_norm, 1e-6);
  EXPECT_NEAR(halves[0].loss + halves[1].loss, whole.loss, 1e-6);  // each over the tokens of both
  EXPECT_GT(whole.grad_norm, 0.01);
}

// Each keeps a part of the moments; weights and moments are those of two that keep all, bit for bit.
TEST(ProcessGroup, AShardedOptimizerTakesTheSameSteps) {
  Learned whole[2], sharded[2];
  learn_as_two(whole);
  learn_as_two(sharded, true);
  for (const int rank : {0, 1}) {
    EXPECT_EQ(test::largest_difference(sharded[rank].weights, whole[rank].weights), 0);
    EXPECT_EQ(whole[rank].kept, whole[0].moments.size());
    EXPECT_GT(sharded[rank].kept, 0);
  }
  EXPECT_EQ(sharded[0].kept + sharded[1].kept, whole[0].moments.size());
  ASSERT_EQ(sharded[0].moments.size(), whole[0].moments.size());
  for (std::size_t i = 0; i < whole[0].moments.size(); ++i) {
    EXPECT_EQ(sharded[0].moments[i].first, whole[0].moments[i].first);
    EXPECT_TRUE(at::equal(sharded[0].moments[i].second, whole[0].moments[i].second))
        << whole[0].moments[i].first;
  }
  EXPECT_TRUE(sharded[1].moments.empty());
}

TEST(ProcessGroup, OneProcessOwnsEverythingAndWrites) {
  EXPECT_TRUE(single_process().owns(0) && single_process().owns(7));
  EXPECT_TRUE(single_process().writes());
  Shared shared;
  Half second(shared, 1);
  EXPECT_FALSE(second.owns(4));
  EXPECT_TRUE(second.owns(5));
  EXPECT_FALSE(second.writes());
}

}  // namespace
}  // namespace pope
