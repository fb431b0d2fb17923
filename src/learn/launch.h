// Which of several processes this one is, as torchrun, mpirun or Slurm tells it by environment variables.
#pragma once

#include <string>

namespace pope {

struct Launch {
  int rank = 0, size = 1;
  int local_size = 1;  // processes on this machine
  // Where the processes find each other; only of several.
  std::string address;
  int port = 0;
  bool served = false;  // torchrun's agent listens there; else process 0 does
  std::string prefix;   // of the keys of this start; torchrun restarts with another
};

// RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT (torchrun); OMPI_COMM_WORLD_RANK, _SIZE and
// _LOCAL_SIZE (Open MPI's mpirun); SLURM_PROCID and SLURM_NTASKS, where MASTER_ADDR is set. Error: a variable
// is no number, is missing, or the rank is not below the size.
Launch launch_of_environment();

}  // namespace pope
