// The parts of the page; each takes the collected report and gives a <section>, or "" when it has nothing to
// show.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string claims_section(const Json& report);   // of `pope reproduce`: claim, measured, verdict
std::string results_section(const Json& report);  // headline, intervals, table
std::string curves_section(const Json& report);
std::string explore_section(const Json& report);   // mining and guiding
std::string rollouts_section(const Json& report);  // the frame; the script fills it
std::string runs_section(const Json& report);      // settings that differ, the list of runs, warnings

int color_of(const Json& report, const std::string& method);
// A coloured mark and the escaped name.
std::string method_tag(const Json& report, const std::string& method);

extern const char* const kStyle;   // style.cpp
extern const char* const kScript;  // script.cpp

}  // namespace pope
