// pope: does by itself what needs no tensors, and hands all else to pope-torch beside it, with the same
// arguments. Loading libtorch takes a quarter of a second, which is long for one answer to be verified.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "pope/program.h"

namespace pope {
namespace {

constexpr const Verb* kVerbs[] = {&verify_verb, &problems_verb, &report_verb, &watch_verb};

// The settings that these verbs read.
void declare(Settings& settings, Options& options) {
  options.section(settings.run);
  options.section(settings.verify);
  options.section(settings.check);
  options.section(settings.problems);
  options.section(settings.source);
  options.section(settings.report);
  options.section(settings.watch);
}

// Whether a file of settings is given. It may hold those of all verbs, and where it is a pipe it can be read
// once only.
bool names_a_file(const std::string& argument) {
  return argument.starts_with("-c") || argument.starts_with("--config");
}

// Nothing where pope-torch is to do it: another verb, files of settings, and what is mistyped, since it knows
// more to say.
std::optional<CommandLine> parse_here(const std::vector<std::string>& arguments, Options& options) {
  if (std::any_of(arguments.begin(), arguments.end(), names_a_file)) return std::nullopt;
  try {
    const CommandLine line = parse_command_line(kVerbs, arguments, options);
    if (line.version || line.verb != nullptr) return line;
  } catch (const std::exception&) {
  }
  return std::nullopt;
}

// Threads of libtorch wait for each other hundreds of times per token. By default they keep their cores busy
// for milliseconds before they sleep, cores that others may need: after some microseconds it costs nothing
// that can be measured (docs/performance.md, Threads).
void let_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "300", /*overwrite=*/0);
}

[[noreturn]] void hand_over(char** argv) {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe");
  const std::filesystem::path program = here.parent_path() / "pope-torch";
  let_threads_sleep();
  ::execv(program.c_str(), argv);
  throw Error("start", "cannot start " + program.string() + ": " + std::strerror(errno),
              "it belongs beside " + here.string());
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  Settings settings;
  Options options;
  declare(settings, options);
  const std::optional<CommandLine> line = parse_here(arguments, options);
  if (!line) hand_over(argv);
  return run_line(*line, settings, options);
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::exit_code_of([&] { return pope::run(argc, argv); });
}
