// Loops over rows for the CPU, behind layers.h and token_logprobs.h, where ATen would need several passes.
// Each struct is one kernel and names its operands. rows(kernel, begin, end) computes rows begin … end − 1
// and touches no others. T is float or c10::BFloat16; arithmetic is f32, rounded once at the end.
#pragma once

#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace pope::kernels {

// sum = x + delta; out = sum / sqrt(mean(sum²) + eps) · (offset + weight). Without delta (null) sum is x, and
// is not written.
template <class T>
struct NormForward {
  const T *x, *delta, *weight;
  T *sum, *out;
  std::int64_t width;
  float eps, offset;
};

// The gradient of NormForward. d_x is the whole gradient of sum: d_sum (null: zero), which comes from
// elsewhere, plus what comes through out. The gradient of weight is added to d_weight [W] f32.
template <class T>
struct NormBackward {
  const T *sum, *weight, *d_out, *d_sum;
  T* d_x;
  float* d_weight;
  std::int64_t width;
  float eps, offset;
};

// A row [gate | up] of 2F → silu(gate) · up.
template <class T>
struct SwigluForward {
  const T* gate_up;
  T* out;
  std::int64_t width;
};
template <class T>
struct SwigluBackward {
  const T *gate_up, *d_out;
  T* d_gate_up;
  std::int64_t width;
};

// Where the heads of row n = b·steps + t go: q to [B,H,steps,D]; k and v to [b,head,position] with these
// strides, where position = starts[b] + t (starts null: t).
struct HeadLayout {
  std::int64_t heads, kv_heads, width, steps, kv_batch_stride, kv_head_stride;
  const std::int64_t* starts;
  const float *cos, *sin;  // [rows, D/2]
  float eps, norm_offset;
};
template <class T>
struct SplitHeads {
  HeadLayout layout;
  const T *qkv, *q_norm, *k_norm;  // norms null: none
  T *q, *k, *v;
};
// The gradient of SplitHeads. The gradients of the norms are added to d_q_norm and d_k_norm, [D] f32.
template <class T>
struct MergeHeads {
  HeadLayout layout;
  const T *qkv, *q_norm, *k_norm, *d_q, *d_k, *d_v;
  T* d_qkv;
  float *d_q_norm, *d_k_norm;
};

// A row of logits z [V], `scale` = 1 / temperature:
// log_sum = log Σ exp(scale·z), entropy of the softmax, logprob of the target.
struct LogprobForward {
  const float* logits;
  const std::int64_t* targets;
  float *logprobs, *entropy, *log_sum;
  std::int64_t vocab;
  float scale;
};
// The gradient of the logits: scale · (g (1[j = t] − p_j) − e p_j (log p_j + H)), with g from d_logprobs and
// e from d_entropy (null: zero).
template <class T>
struct LogprobBackward {
  const float* logits;
  const std::int64_t* targets;
  const float *log_sum, *entropy, *d_logprobs, *d_entropy;
  T* d_logits;
  std::int64_t vocab;
  float scale;
};

#define POPE_KERNEL_TYPES(Kernel)                                        \
  void rows(const Kernel<float>&, std::int64_t begin, std::int64_t end); \
  void rows(const Kernel<c10::BFloat16>&, std::int64_t begin, std::int64_t end);
POPE_KERNEL_TYPES(NormForward)
POPE_KERNEL_TYPES(NormBackward)
POPE_KERNEL_TYPES(SwigluForward)
POPE_KERNEL_TYPES(SwigluBackward)
POPE_KERNEL_TYPES(SplitHeads)
POPE_KERNEL_TYPES(MergeHeads)
POPE_KERNEL_TYPES(LogprobBackward)
#undef POPE_KERNEL_TYPES
void rows(const LogprobForward&, std::int64_t begin, std::int64_t end);

// Runs a kernel over n rows, on all threads if there is enough to do. `work` is about the number of
// operations per row.
template <class Kernel>
void launch(const Kernel& kernel, std::int64_t n, std::int64_t work) {
  constexpr std::int64_t kEnough = 1 << 15;
  at::parallel_for(0, n, std::max<std::int64_t>(1, kEnough / std::max<std::int64_t>(1, work)),
                   [&](std::int64_t begin, std::int64_t end) { rows(kernel, begin, end); });
}
// The same for rows of very unequal cost: a thread that is free takes the next row. `work` is for all rows
// together.
template <class Kernel>
void launch_unequal(const Kernel& kernel, std::int64_t n, std::int64_t work) {
  constexpr std::int64_t kEnough = 1 << 15;
  if (work < kEnough) return rows(kernel, 0, n);
  std::atomic<std::int64_t> next = 0;
  at::parallel_for(0, std::min<std::int64_t>(n, at::get_num_threads()), 1, [&](std::int64_t, std::int64_t) {
    for (auto i = next++; i < n; i = next++) rows(kernel, i, i + 1);
  });
}

}  // namespace pope::kernels
