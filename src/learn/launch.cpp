#include "learn/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace pope {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::optional<int> number(const char* name) {
  const std::optional<std::string> text = variable(name);
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (code != std::errc() || end != text->data() + text->size() || value < 0) {
    throw Error("processes", fmt::format("expected a number in {}, got '{}'", name, *text),
                "start pope by torchrun, mpirun or srun, or unset it");
  }
  return value;
}

// The names by which a launcher tells rank, size and local size.
struct Names {
  const char *rank, *size, *local_size;
};

// Those of the launcher that has started this process; none: nobody has.
const Names* launcher() {
  static constexpr Names kTorchrun{"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"},
      kMpirun{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
      kSlurm{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_TASKS_PER_NODE"};
  if (variable(kTorchrun.size)) return &kTorchrun;
  if (variable(kMpirun.size)) return &kMpirun;
  return variable(kSlurm.size) && variable("MASTER_ADDR") ? &kSlurm : nullptr;
}

}  // namespace

int processes_here() {
  const Names* names = launcher();
  const std::string text = names == nullptr ? "" : variable(names->local_size).value_or("");
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);  // of Slurm's "2(x3)" the 2
  return std::max(value, 1);
}

Launch launch_of_environment() {
  const Names* names = launcher();
  Launch launch;
  if (names == nullptr) return launch;
  launch.size = number(names->size).value_or(1);
  if (launch.size <= 1) return {};
  const std::optional<int> rank = number(names->rank);
  if (!rank || *rank >= launch.size) {
    throw Error("processes",
                fmt::format("expected {} from 0 to {} ({} is {}), got {}", names->rank, launch.size - 1,
                            names->size, launch.size, rank ? std::to_string(*rank) : "none"),
                "each process needs a rank of its own: start pope by torchrun, mpirun or srun");
  }
  launch.rank = *rank;
  const std::optional<std::string> address = variable("MASTER_ADDR");
  if (!address && processes_here() < launch.size) {
    throw Error("processes", "MASTER_ADDR is not set, and the processes are on several machines",
                "set MASTER_ADDR to the host of process 0, and MASTER_PORT to a free port there");
  }
  launch.address = address.value_or("127.0.0.1");
  launch.port = number("MASTER_PORT").value_or(29500);
  launch.served = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  launch.prefix = "/pope/" + variable("TORCHELASTIC_RESTART_COUNT").value_or("0");
  return launch;
}

}  // namespace pope
