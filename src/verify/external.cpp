// Requests and replies as JSON.
#include "verify/external.h"

#include <fmt/format.h>

#include "core/chars.h"
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
  if (!reply.is_object() || !reply.contains("id")) return false;
  if (reply["id"] == std::to_string(id)) {
    verdict =
        failed_verdict(fmt::format("replied with the id \"{0}\", a text: it must be the number {0}", id));
    return true;
  }
  if (reply["id"] != id) return false;
  if (!reply.contains("correct") || !reply["correct"].is_boolean()) {
    verdict = failed_verdict("replied without a boolean \"correct\"");
    return true;
  }
  const auto text = [&](const char* key) {
    return reply.contains(key) && reply[key].is_string()
               ? shortened(reply[key].get_ref<const std::string&>(), kMostText)
               : std::string();
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
  verdict.ungraded = verdict.failed = true;
  verdict.reason = "undecided: the grader " + what;
  return verdict;
}

Verdict timed_out_verdict(double timeout_s) {
  return failed_verdict(fmt::format("did not answer within {:g} s", timeout_s));
}

Verdict too_long_verdict() {
  return failed_verdict(fmt::format("gave a reply of more than {} bytes", kMostReply));
}

std::chrono::steady_clock::time_point deadline_after(double timeout_s) {
  using Clock = std::chrono::steady_clock;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
}

}  // namespace pope
