// The runs that a command line names: run directories, and folders that hold some.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "report/run_data.h"

namespace pope {

// Whether a folder is a run's, or is to be searched for runs.
bool is_run(const std::filesystem::path& path);

// Numbers in names by their value: run-2 before run-10.
bool natural_less(std::string_view a, std::string_view b);

struct RunList {
  std::vector<RunData> runs;
  std::vector<std::string> notes;  // what a folder holds besides runs
};

// Reads the runs in the order given, but names that a shell has sorted, and those found in a folder, in
// natural order. A folder is searched three levels deep; what is no run there is left out with a note. Each
// run gets a name that no other one has: its folder's, with as many folders around it as that takes. A run
// without label has its name as label. Errors: a path that is no run and holds none, a run given twice.
RunList read_runs(const std::vector<std::filesystem::path>& paths);

}  // namespace pope
