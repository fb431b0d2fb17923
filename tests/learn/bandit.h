// A bandit for tests of the trainer: three prompts, and right is an answer that begins with "yes".
#pragma once

#include "learn/tiny.h"
#include "rollout/native_engine.h"

namespace pope::test {

inline bool says_yes(const Problem&, std::string_view completion) { return completion.starts_with("yes"); }

struct BanditWorld {
  explicit BanditWorld(FakeVerifier::Judge judge = says_yes, at::ScalarType compute = at::kFloat) {
    job.model = Model::random(tiny_architecture(), 7, compute);
    job.prompts = tiny_prompts();
    job.verifier = std::make_shared<FakeVerifier>(std::move(judge));
    engine = std::make_unique<NativeEngine>(job.model);
    job.engine = engine.get();
    job.hard = {problem("a", "one two", "red"), problem("b", "two", "blue"),
                problem("c", "three one", "red red")};
    job.stop_tokens = {0};
    job.sampling.max_new_tokens = 3;
    job.optimizer.lr = 2e-2;
    job.config.steps = 6;
    job.config.prompts_per_step = 4;
    job.config.rollouts_per_prompt = 8;
    job.config.rollouts_every = 0;
    job.config.micro_batch_tokens = 64;
  }
  Json train(const std::filesystem::path& path) {
    RunDir run = open_run(path);
    return pope::train(run, job);
  }
  TrainJob job;
  std::unique_ptr<Engine> engine;
};

}  // namespace pope::test
