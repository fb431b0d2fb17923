// Reflection on a failure: several points of view each diagnose it, each answers its neighbour once, in a
// ring, and a judge makes insights, guidance and tensions of what they say. A retry is told so. Whether it
// helped is for the check alone to say: a lesson whose retry passed becomes a trace, one whose retry failed
// is kept as a warning and never shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_model.h"
#include "agent/config.h"
#include "agent/queue.h"

namespace pope {

struct Lesson {
  std::vector<std::string> insights, guidance, tensions;
};
struct Reflected {
  std::optional<Lesson> lesson;  // none: the judge gave no guidance, an engine failed, or time was over
  Json record;                   // what everybody said
  int calls = 0;
  std::int64_t tokens = 0;
};

// At most config.reflection_calls calls: as many personas as they allow, and a debate where there are two or
// more.
Reflected reflect_on(const Task& task, const AttemptEnd& failed, const AgentModel& model,
                     const AgentConfig& config, std::uint64_t key,
                     std::chrono::steady_clock::time_point deadline, const std::function<bool()>& lost);

// The judge's reply: lists under the lines INSIGHTS, GUIDANCE and TENSIONS. Nothing without guidance.
std::optional<Lesson> parse_lesson(std::string_view reply);
// As the retry is told.
std::string lesson_text(const Lesson& lesson);

// Lessons in the store, without secrets.
std::int64_t save_lesson(Database& database, const Lease& claim, const Reflected& reflected);
Lesson load_lesson(Database& database, std::int64_t id);
int lessons_of(Database& database, const std::string& task);
// What became of the retry. Passed: the guidance is a trace now ("trace"), or too short for one ("helped");
// failed: "warning".
void settle_lesson(Database& database, const Lease& claim, std::int64_t id, bool passed,
                   const AgentConfig& config, std::int64_t now);

}  // namespace pope
