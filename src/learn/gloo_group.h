// Processes on CPUs that work together through Gloo, libtorch's collectives over TCP.
#pragma once

#include <memory>

#include "learn/launch.h"
#include "learn/process_group.h"

namespace pope {

// The group that `launch` says. Waits for all to come. The network device is the one that GLOO_SOCKET_IFNAME
// names, else loopback where all are on this machine, else that of its host name. What it does together fails
// with LostProcess at once where another process has ended, and after a day where its machine has gone
// without a word. A request to stop ends its waiting for the others after half a minute, unless they
// `stop_together`, as where all are needed to save. Error: the others do not come within five minutes.
std::unique_ptr<ProcessGroup> join_processes(const Launch& launch, bool stop_together);

}  // namespace pope
