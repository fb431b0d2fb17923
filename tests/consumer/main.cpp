// pope as a library: compares two answers, and makes a model.
#include <cstdio>

#include "model/model.h"
#include "verify/answers.h"

int main() {
  const auto answer = pope::compare_answers("1/2", "0.5");
  pope::Architecture micro{.vocab_size = 10, .width = 4, .layers = 1, .heads = 2, .kv_heads = 1};
  micro.head_width = 2, micro.ffn_width = 6, micro.context = 8;
  const auto model = pope::Model::random(micro, /*seed=*/1);
  std::int64_t values = 0;
  for (const auto& parameter : model->parameters()) values += parameter.master.numel();
  std::printf("1/2 and 0.5: %s; a model of %lld parameters\n", answer.reason.c_str(), (long long)values);
  // Embedding 40, norms 12, attention 16 + 8 + 8 + 16, feed-forward 3 · 24.
  return answer.equal && values == 172 ? 0 : 1;
}
