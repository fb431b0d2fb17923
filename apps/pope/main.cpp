// pope-torch: the command line with all verbs. People start it as `pope` (apps/pope/launcher.cpp).
#include "core/version.h"
#include "pope/program.h"

namespace pope {
namespace {

int run(std::vector<std::string> arguments) {
  Settings settings;
  Options options;
  settings.declare(options);
  const bool bare = arguments.empty();
  const CommandLine line = parse_command_line(all_verbs(), std::move(arguments), options);
  if (line.version) {
    print(std::string("pope ") + kVersion + "\n");
  } else if (line.verb == nullptr) {
    print(program_help(all_verbs()));
    return bare ? 2 : 0;
  } else if (line.help) {
    print(verb_help(*line.verb, options));
  } else {
    return run_verb(line, settings, options);
  }
  return 0;
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::exit_code_of([&] { return pope::run(std::vector<std::string>(argv + 1, argv + argc)); });
}
