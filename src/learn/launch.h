// Which of several processes this one is, as torchrun, mpirun or Slurm tells it by environment variables.
#pragma once

#include <string>

namespace pope {

struct Launch {
  int rank = 0, size = 1;
  // Where the processes find each other; only of several.
  std::string address;
  int port = 0;
  bool served = false;  // torchrun's agent listens there; else process 0 does
  std::string prefix;   // of the keys of this start; torchrun restarts with another
};

// RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT (torchrun); OMPI_COMM_WORLD_RANK, _SIZE and
// _LOCAL_SIZE (Open MPI's mpirun); SLURM_PROCID, SLURM_NTASKS and SLURM_TASKS_PER_NODE, where MASTER_ADDR is
// set: a batch script has them too, and is one process. Error: a variable
// is no number, is missing, or the rank is not below the size.
Launch launch_of_environment();

// How many of the processes are on this machine, who share its cores; 1 where nobody says so.
int processes_here();

}  // namespace pope
