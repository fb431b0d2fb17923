// Requests and replies as JSON.
#include "verify/external.h"

#include <fmt/format.h>

#include "core/files.h"

namespace pope {

std::string grader_request(std::uint64_t id, const Problem& problem, std::string_view completion) {
  return dump({{"id", id},
               {"problem_id", problem.id},
               {"problem", problem.statement},
               {"gold", problem.answer},
               {"completion", std::string(completion)}});
}

bool read_reply(std::string_view line, std::uint64_t id, Verdict& verdict) {
  const Json reply = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object() || !reply.contains("id") || reply["id"] != id) return false;
  if (!reply.contains("correct") || !reply["correct"].is_boolean()) {
    verdict = failed_verdict("replied without a boolean \"correct\"");
    return true;
  }
  const auto text = [&](const char* key) {
    return reply.contains(key) && reply[key].is_string() ? reply[key].get<std::string>() : std::string();
  };
  verdict.correct = reply["correct"];
  verdict.ungraded = reply.contains("undecided") && reply["undecided"] == true;
  if (verdict.ungraded) verdict.correct = false;
  verdict.extracted = text("extracted");
  verdict.reason = text("reason");
  if (verdict.reason.empty()) verdict.reason = verdict.correct ? "equal" : "not equal";
  return true;
}

Verdict failed_verdict(const std::string& what) {
  Verdict verdict;
  verdict.ungraded = true;
  verdict.reason = "undecided: the grader " + what;
  return verdict;
}

}  // namespace pope
