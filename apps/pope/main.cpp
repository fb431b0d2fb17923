// pope: the command line. Exit codes: 0 good, 1 an error that the message explains, 2 a mistyped command
// line. Results go to stdout; progress, notes and errors go to stderr. SIGINT and SIGTERM end the program as
// usual: every verb that works for long can be started again and goes on where it was.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/system_hint.h"
#include "core/version.h"
#include "pope/command_line.h"
#include "pope/verb.h"

namespace pope {
namespace {

void print(const std::string& result) {
  const std::string text = printable(result);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error("print", "cannot write to stdout");
  }
}

std::string shown(const Verb& verb, const Json& result, const Invocation& invocation) {
  const std::string next = verb.next != nullptr ? verb.next(result, invocation) : "";
  return verb.show(result) + (next.empty() ? "" : "\nNext: " + next + "\n");
}

int run(std::vector<std::string> arguments) {
  Settings settings;
  Options options;
  settings.declare(options);
  const bool bare = arguments.empty();
  const CommandLine line = parse_command_line(all_verbs(), std::move(arguments), options);
  if (line.version) {
    print(fmt::format("pope {}\n", kVersion));
  } else if (line.verb == nullptr) {
    print(program_help(all_verbs()));
    return bare ? 2 : 0;
  } else if (line.help) {
    print(verb_help(*line.verb, options));
  } else {
    const Options read = options.only(line.verb->keys);
    const Invocation invocation{settings, read, line.out, line.arguments, line.files};
    read.check();
    if (line.verb->check != nullptr) line.verb->check(invocation);
    const Json result = line.verb->run(invocation);
    print(line.json ? dump(result, 2) + "\n" : shown(*line.verb, result, invocation));
    if (line.verb->after != nullptr) line.verb->after(result);
  }
  return 0;
}

// Errors of libtorch carry a long trace after their message.
std::string without_trace(const std::string& what) {
  return what.substr(0, what.find("\nException raised from"));
}

void print_error(const std::string& text) { fmt::print(stderr, "error: {}\n", printable(text)); }

int out_of_memory() {
  print_error("out of memory\n  hint: lower sampling.batch_size or train.micro_batch_tokens");
  return 1;
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  pope::keep_freed_memory();
  try {
    return pope::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const pope::UsageError& error) {
    pope::print_error(error.what());
    return 2;
  } catch (const pope::Error& error) {
    pope::print_error(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string hint = pope::system_hint(error.code().value());
    pope::print_error(error.path1().string() + ": " + error.code().message() +
                      (hint.empty() ? "" : "\n  hint: " + hint));
  } catch (const std::bad_alloc&) {
    return pope::out_of_memory();
  } catch (const std::exception& error) {
    const std::string what = error.what();
    // How libtorch's allocators say it.
    if (what.find("not enough memory") != std::string::npos ||
        what.find("out of memory") != std::string::npos) {
      return pope::out_of_memory();
    }
    pope::print_error("unexpected: " + pope::without_trace(what));
  }
  return 1;
}
