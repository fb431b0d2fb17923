// What the programs of the command line share: running a verb, and what becomes of an error. Exit codes: 0
// good, 1 an error that the message explains, 2 a mistyped command line, 130 and 143 stopped by SIGINT and
// SIGTERM. Results go to stdout; progress, notes and errors go to stderr. Every verb that works for long can
// be started again and goes on where it was (core/interrupt.h).
#pragma once

#include <functional>
#include <string>

#include "pope/command_line.h"

namespace pope {

// Writes to stdout. Error: it cannot, but for a reader that has gone.
void print(const std::string& result);

// Does what `line` asks for, which has a verb or wants the version: shows the version or the verb's help, or
// runs the verb with `settings`, on which `options` were declared, and shows its result.
int run_line(const CommandLine& line, Settings& settings, const Options& options);

// Does the work of a program, whose exit code it gives; says on stderr what went wrong.
int exit_code_of(const std::function<int()>& work);

}  // namespace pope
