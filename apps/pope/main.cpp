// pope-torch: the command line with all verbs. People start it as `pope` (apps/pope/launcher.cpp).
#include "pope/program.h"

namespace pope {
namespace {

int run(std::vector<std::string> arguments) {
  Settings settings;
  Options options;
  settings.declare(options);
  const bool bare = arguments.empty();
  const CommandLine line = parse_command_line(all_verbs(), std::move(arguments), options);
  if (line.version || line.verb != nullptr) return run_line(line, settings, options);
  print(program_help(all_verbs()));
  return bare ? 2 : 0;
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::exit_code_of([&] { return pope::run(std::vector<std::string>(argv + 1, argv + argc)); });
}
