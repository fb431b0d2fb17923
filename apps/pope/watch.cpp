// pope watch: the report on runs that go on, as a page that follows them.
#include "serve/watch.h"

#include <fmt/format.h>

#include "pope/verb.h"

namespace pope {
namespace {

Json run_watch(const Invocation& invocation) {
  return watch_runs({invocation.arguments.begin(), invocation.arguments.end()}, invocation.settings.report,
                    invocation.settings.watch);
}

void check_watch(const Invocation& invocation) {
  if (invocation.settings.report.watch > 0)
    refuse_setting("report.watch", "0 with pope watch", std::to_string(invocation.settings.report.watch),
                   "the page follows the runs by itself: watch.every_s says how often it asks");
}

std::string show_watch(const Json& result) {
  return fmt::format("Ended; {} requests were answered.\n", result.at("requests").get<int>());
}

}  // namespace

const Verb watch_verb = {
    .name = "watch",
    .group = VerbGroup::workflow,
    .summary = "follow runs on a page in the browser, while they go on",
    .description =
        "Serves the page of pope report on this machine alone, from the run directories as they are: what "
        "each\n"
        "run is doing and who waits for whom, curves, groups without signal, rollouts as they come. The "
        "page\n"
        "takes over what is new without being loaded anew. Ctrl-C ends it; the runs are not touched.\n"
        "From elsewhere: ssh -L 8765:127.0.0.1:8765 HOST, then http://127.0.0.1:8765/.\n"
        "\n"
        "  pope watch runs/\n"
        "  pope watch runs/pope runs/grpo --baseline GRPO --port 9000",
    .arguments = "RUN...",
    .shortcuts = {{"--port", "watch.port", "PORT"}, {"--baseline", "report.baseline", "LABEL"}},
    .keys = {"watch.*", "report.*"},
    .needs_out = false,
    .check = check_watch,
    .run = run_watch,
    .show = show_watch};

}  // namespace pope
