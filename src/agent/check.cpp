// See check.h.
#include "agent/check.h"

#include "core/chars.h"
#include "core/files.h"
#include "data/problem.h"

namespace pope {
namespace {

constexpr std::size_t kMostEvidence = 4096;

Checked judged(const Task& task, const std::string& answer, const Verifier& verifier) {
  Problem problem;
  problem.id = task.id;
  problem.statement = task.instruction;
  problem.answer = task.check.answer;
  const Verdict verdict = verifier.verify(problem, answer);
  const Verified verified = verdict.ungraded  ? Verified::unknown
                            : verdict.correct ? Verified::passed
                                              : Verified::failed;
  return {verified, verdict.reason};
}

}  // namespace

ProcessEnd run_check_command(const std::string& command, double timeout_s,
                             const std::filesystem::path& scratch,
                             const std::filesystem::path& check_folder) {
  ProcessSpec spec;
  spec.arguments = {"/bin/sh", "-c", command};
  spec.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                      {"LC_ALL", "C.UTF-8"},
                      {"CHECK", std::filesystem::absolute(check_folder).string()}};
  spec.folder = std::filesystem::absolute(scratch).string();
  spec.timeout_s = timeout_s;
  return run_process(spec);
}

Checked check_task(const Task& task, const std::string& answer, const std::filesystem::path& check_folder,
                   double timeout_s, const RunCheck& run_command, const Verifier& verifier) {
  if (task.check.command.empty()) return judged(task, answer, verifier);
  std::filesystem::create_directories(check_folder);
  for (const auto& [name, content] : task.check.files) write_file(check_folder / name, content);
  write_file(check_folder / "answer.txt", answer);
  const ProcessEnd end = run_command(task.check.command, timeout_s);
  Checked checked;
  if (end.kind == ProcessEnd::Kind::exited && end.status <= 125)
    checked.verified = end.status == 0 ? Verified::passed : Verified::failed;
  checked.evidence = describe(end, timeout_s);
  if (const std::string_view said = trim(end.output); !said.empty())
    checked.evidence += ": " + shortened(said, kMostEvidence);
  return checked;
}

}  // namespace pope
