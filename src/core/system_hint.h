// What to do about a failed system call.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// What to do where memory is short.
inline constexpr std::string_view kMemoryHint =
    "lower sampling.batch_size, train.micro_batch_tokens, sft.micro_batch_tokens or verify.workers, or raise "
    "the limit (ulimit -v)";

// What to do where the system gives no more threads.
inline constexpr std::string_view kThreadsHint =
    "lower verify.workers, engine.connections or run.threads, or raise the limit on processes (ulimit -u; in "
    "a container its own limit)";

// A hint for an errno: a full disk, missing permissions, no memory; "" for all others.
std::string system_hint(int code);

}  // namespace pope
