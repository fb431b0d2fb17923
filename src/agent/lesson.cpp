// See lesson.h.
#include "agent/lesson.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/redact.h"
#include "agent/trace_store.h"
#include "core/chars.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr std::size_t kMostTranscript = 6000, kMostLine = 500, kMostLines = 12;

struct Persona {
  const char* name;
  const char* view;
};
constexpr Persona kPersonas[] = {
    {"the engineer",
     "You look at each action: which one did not do what it was meant to, and what would have?"},
    {"the tester",
     "You look at what the check said: what does the task ask for that was not there in the end?"},
    {"the sceptic", "You look for what was taken for granted: which assumption was never looked at?"},
    {"the planner", "You look at the order of things: what should have come first, and what was left out?"},
    {"the newcomer", "You read the task as if for the first time: which of its words were passed over?"},
};

// What happened, without what the model thought of it where it is long.
std::string transcript(const Task& task, const AttemptEnd& failed) {
  std::string text;
  for (const Json& step : failed.steps) {
    text += "Agent: " + shortened(step.at("reply").get_ref<const std::string&>(), 800) + "\n";
    if (step.contains("seen"))
      text += "Seen: " + shortened(step["seen"].get_ref<const std::string&>(), 400) + "\n";
  }
  if (text.size() > kMostTranscript)  // the end says most
    text = "[...]\n" + text.substr(next_character_start(text, text.size() - kMostTranscript));
  return "An agent failed at this task.\n\nTask:\n" + shortened(task.instruction, kMostTranscript) +
         "\n\nWhat it did:\n" + text + "\nWhat the check said: " + shortened(failed.cause, 800) + "\n\n";
}

class Debate {
 public:
  Debate(const AgentModel& model, const AgentConfig& config, std::uint64_t key,
         std::chrono::steady_clock::time_point deadline, const std::function<bool()>& lost)
      : model_(model), config_(config), key_(key), deadline_(deadline), lost_(lost) {}

  std::string ask(const std::string& who, const std::string& message) {
    if (lost_()) throw Error("agent", "the lease was lost");
    const std::uint64_t key =
        RngStream(key_, {key_of("agent reflection"), static_cast<std::uint64_t>(result.calls)}).next();
    const Reply reply = model_.reply({{"user", message}}, false, key, config_.reflection_tokens, deadline_);
    if (reply.too_long || reply.timed_out) throw Error("agent", "no room or time for a reflection");
    ++result.calls;
    result.tokens += reply.tokens;
    result.record.push_back({{"who", who}, {"said", shortened(redacted(reply.text), 4096)}});
    return reply.text;
  }

  Reflected result{.record = Json::array()};

 private:
  const AgentModel& model_;
  const AgentConfig& config_;
  const std::uint64_t key_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::function<bool()>& lost_;
};

}  // namespace

Reflected reflect_on(const Task& task, const AttemptEnd& failed, const AgentModel& model,
                     const AgentConfig& config, std::uint64_t key,
                     std::chrono::steady_clock::time_point deadline, const std::function<bool()>& lost) {
  Debate debate(model, config, key, deadline, lost);
  const int affordable = std::max(1, (config.reflection_calls - 1) / 2);
  const auto count = static_cast<std::size_t>(std::min(config.personas, affordable));
  const std::string what = transcript(task, failed);
  try {
    std::vector<std::string> views;
    for (std::size_t i = 0; i < count; ++i)
      views.push_back(debate.ask(
          kPersonas[i].name, what + "You are " + kPersonas[i].name + ". " + kPersonas[i].view +
                                 " Say in at most five short lines why it failed and what to do instead."));
    if (count > 1) {
      std::vector<std::string> revised;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t next = (i + 1) % count;
        revised.push_back(debate.ask(
            kPersonas[i].name,
            what + "You are " + kPersonas[i].name + ". You said:\n" + shortened(views[i], 2000) + "\n\n" +
                kPersonas[next].name + " said:\n" + shortened(views[next], 2000) +
                "\n\nSay in at most five short lines where they are right, where they are not, and "
                "what you would do now."));
      }
      views = std::move(revised);
    }
    std::string message = what + "This was said of it:\n";
    for (std::size_t i = 0; i < count; ++i)
      message += std::string(kPersonas[i].name) + ":\n" + shortened(views[i], 2000) + "\n\n";
    message +=
        "You are the judge. Make of it three lists, a short line each with a dash in front, and nothing "
        "else:\n"
        "INSIGHTS\n- why it failed\nGUIDANCE\n- what to do, step by step, so that it also helps with other "
        "tasks of "
        "this kind\nTENSIONS\n- where they disagree";
    debate.result.lesson = parse_lesson(debate.ask("the judge", message));
  } catch (const Error&) {  // the failure stands, without a lesson
  } catch (const Interrupted&) {
  }
  return std::move(debate.result);
}

std::optional<Lesson> parse_lesson(std::string_view reply) {
  Lesson lesson;
  std::vector<std::string>* list = nullptr;
  for (std::size_t at = 0; at < reply.size();) {
    const std::size_t end = std::min(reply.find('\n', at), reply.size());
    const std::string_view line = trim(reply.substr(at, end - at));
    at = end + 1;
    std::string letters;
    for (const char c : line)
      if (is_letter(c)) letters += lower(c);
    if (letters == "insights") {
      list = &lesson.insights;
    } else if (letters == "guidance") {
      list = &lesson.guidance;
    } else if (letters == "tensions") {
      list = &lesson.tensions;
    } else if (list != nullptr && list->size() < kMostLines) {
      std::size_t begin = line.find_first_not_of("-*• \t0123456789.)");
      if (begin == std::string_view::npos) continue;
      begin = character_start(line, begin);
      list->push_back(shortened(line.substr(begin), kMostLine));
    }
  }
  if (lesson.guidance.empty()) return std::nullopt;
  return lesson;
}

std::string lesson_text(const Lesson& lesson) {
  std::string text;
  for (const auto& [title, list] : {std::pair{"Why it failed", &lesson.insights},
                                    {"What to do", &lesson.guidance},
                                    {"Not settled", &lesson.tensions}}) {
    if (list->empty()) continue;
    text += std::string(title) + ":\n";
    for (const std::string& line : *list) text += "- " + line + "\n";
  }
  return text;
}

std::int64_t save_lesson(Database& database, const Lease& claim, const Reflected& reflected) {
  const auto clean = [](const std::vector<std::string>& list) {
    Json lines = Json::array();
    for (const std::string& line : list) lines.push_back(redacted(line));
    return lines;
  };
  const Json body = {{"insights", clean(reflected.lesson->insights)},
                     {"guidance", clean(reflected.lesson->guidance)},
                     {"tensions", clean(reflected.lesson->tensions)},
                     {"said", reflected.record}};
  change(database, "insert into reflections(task, attempt, body) values(?, ?, ?)", claim.task.id,
         claim.attempt, dump(body));
  return database.last_id();
}

Lesson load_lesson(Database& database, std::int64_t id) {
  Query query(database, "select body from reflections where id = ?", id);
  if (!query.next()) throw Error("agent", fmt::format("the store has no reflection {}", id));
  const Json body = Json::parse(query.text(0));
  Lesson lesson;
  body.at("insights").get_to(lesson.insights);
  body.at("guidance").get_to(lesson.guidance);
  body.at("tensions").get_to(lesson.tensions);
  return lesson;
}

int lessons_of(Database& database, const std::string& task) {
  Query query(database, "select count(*) from reflections where task = ?", task);
  query.next();
  return static_cast<int>(query.integer(0));
}

void settle_lesson(Database& database, const Lease& claim, std::int64_t id, bool passed,
                   const AgentConfig& config, std::int64_t now) {
  std::int64_t trace_id = 0;
  const Lesson lesson = load_lesson(database, id);
  if (passed && lesson.guidance.size() >= kLeastSteps) {
    Trace trace{.type = claim.task.type, .source = "council", .steps = lesson.guidance, .retry_wins = 1};
    trace.tasks = {claim.task.id};
    trace.attempt = claim.attempt;
    trace_id = TraceStore(database, config.trace_limits).add(std::move(trace), now);
  }
  change(database, "update reflections set outcome = ?, trace = ? where id = ?",
         !passed         ? "warning"
         : trace_id == 0 ? "helped"
                         : "trace",
         trace_id, id);
}

}  // namespace pope
