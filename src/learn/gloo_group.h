// Processes on CPUs that work together through Gloo, libtorch's collectives over TCP.
#pragma once

#include <memory>

#include "learn/launch.h"
#include "learn/process_group.h"

namespace pope {

// The group that `launch` says; of one process single_process()'s kind, of which nothing is asked. Waits for
// all to come. Error: they do not come within five minutes.
std::unique_ptr<ProcessGroup> join_processes(const Launch& launch);

}  // namespace pope
