// See program.h.
#include "pope/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/system_hint.h"
#include "core/version.h"

namespace pope {

void print(const std::string& result) {
  const std::string text = printable(result);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    const int code = errno;
    if (code == EPIPE) return;  // a reader that has seen enough, such as head
    throw Error("print", std::string("cannot write to stdout: ") + std::strerror(code), system_hint(code));
  }
}

namespace {

std::string shown(const Verb& verb, const Json& result, const Invocation& invocation) {
  const std::string next = verb.next != nullptr ? verb.next(result, invocation) : "";
  return verb.show(result) + (next.empty() ? "" : "\nNext: " + next + "\n");
}

// A stderr that cannot be written to, such as a log on a disk that is full, does not change the exit code.
void print_error(const std::string& message, const std::string& hint = "") {
  std::string text = "error: " + printable(message) + "\n";
  if (!hint.empty()) text += "  hint: " + printable(hint) + "\n";
  std::fputs(text.c_str(), stderr);
}

void explain(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error) != nullptr) {
    print_error(error.what());
  } else if (is_out_of_memory(error)) {
    // As it stands: there may be no memory to make a text.
    for (const std::string_view part : {std::string_view("error: out of memory\n  hint: "), kMemoryHint})
      std::fwrite(part.data(), 1, part.size(), stderr);
    std::fputc('\n', stderr);
  } else if (is_out_of_threads(error)) {
    print_error("the system gives no more threads", std::string(kThreadsHint));
  } else if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    print_error(file->path1().string() + ": " + file->code().message(), system_hint(file->code().value()));
  } else {
    print_error("unexpected: " + without_trace(error.what()));
  }
}

// An exception that nobody catches: on a thread of libtorch, or while it is loaded.
[[noreturn]] void end_at_once() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      explain(error);
      ::_exit(1);
    } catch (...) {
    }
  }
  std::abort();
}

// Before the constructors of libraries.
void catch_what_nobody_does(int, char**, char**) { std::set_terminate(end_at_once); }
[[gnu::section(".preinit_array"), gnu::used]] void (*before_libraries)(int, char**,
                                                                       char**) = catch_what_nobody_does;

int run_verb(const CommandLine& line, Settings& settings, const Options& options) {
  const Options read = options.only(line.verb->keys);
  const Invocation invocation{settings, read, line.out, line.arguments, line.files};
  read.check();
  if (line.verb->check != nullptr) line.verb->check(invocation);
  const Json result = line.verb->run(invocation);
  if (result.is_null()) return 0;  // another process of the same command shows it
  print(line.json ? dump(result, 2) + "\n" : shown(*line.verb, result, invocation));
  if (line.verb->after != nullptr) line.verb->after(result);
  return 0;
}

}  // namespace

int run_line(const CommandLine& line, Settings& settings, const Options& options) {
  if (!line.version && !line.help) return run_verb(line, settings, options);
  print(line.version ? std::string("pope ") + kVersion + "\n" : verb_help(*line.verb, options));
  return 0;
}

int exit_code_of(const std::function<int()>& work) {
  keep_freed_memory();
  // A file beyond `ulimit -f` and a reader that is gone are errors of the write: so a Ctrl-C that ends `tee`
  // as well lets a run save what it has.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return work();
  } catch (const UsageError& error) {
    print_error(error.what());
    return 2;
  } catch (const Interrupted& stopped) {
    std::fputs((std::string(stopped.what()) + "\n").c_str(), stderr);
    return stopped.exit_code();
  } catch (const std::exception& error) {
    explain(error);
  }
  return 1;
}

}  // namespace pope
