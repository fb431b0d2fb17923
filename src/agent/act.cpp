// See act.h.
#include "agent/act.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "agent/redact.h"
#include "core/chars.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/rng.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

std::string stored(std::string_view text) { return shortened(redacted(text), kMostStored); }

// What the model is shown of an action's end.
std::string shown(const ProcessEnd& end, double timeout_s) {
  std::string text = end.output;
  if (end.kind != ProcessEnd::Kind::exited || end.status != 0) {
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += "[" + describe(end, timeout_s) + "]";
  }
  return text.empty() ? "[no output]" : text;
}

std::string in_quotes(std::string_view word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

class Attempt {
 public:
  Attempt(const Task& task, const Acting& acting)
      : task_(task),
        acting_(acting),
        limits_(limits_of(task, acting.config.limits)),
        start_(Clock::now()),
        deadline_(start_ + seconds(limits_.seconds)) {}

  AttemptEnd run(const std::string& first_message) {
    try {
      remove_scratch(acting_.folder);
      prepare();
      talk(first_message);
      verify();
    } catch (const Interrupted& stopped) {
      outcome_.released = true;
      outcome_.cause = stopped.what();
    } catch (const Error& error) {
      fault(error);
    } catch (const std::filesystem::filesystem_error& error) {
      fault(error);
    }
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    clean_up();
    return std::move(outcome_);
  }

 private:
  static Clock::duration seconds(double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  }

  void fault(const std::exception& error) { outcome_.cause = shortened(redacted(error.what()), kMostStored); }

  void prepare() {
    if (acting_.config.sandbox) {
      sandbox_.emplace(acting_.folder, acting_.config.sandbox_limits);
      scratch_ = sandbox_->scratch();
    } else {
      scratch_ = acting_.folder / "work";
      std::filesystem::create_directories(scratch_);
    }
    for (const auto& [name, content] : task_.files) write_file(scratch_ / name, content);
    if (sandbox_) sandbox_->hand_over();
  }

  void clean_up() {
    sandbox_.reset();
    std::error_code code;
    std::filesystem::remove_all(acting_.folder, code);
  }

  // The conversation. Sets `executed` where it ended by itself or by a limit.
  void talk(const std::string& first_message) {
    const bool tools = acting_.config.has_tools(), in_template = acting_.config.tool_format == "template";
    std::vector<Message> messages = {{"user", first_message}};
    const int calls = tools ? limits_.calls : 1;
    while (true) {
      if (acting_.lost()) throw Error("agent", "the lease was lost");
      std::string limit;
      if (outcome_.calls >= calls) limit = "the last message was used up";
      if (outcome_.own_steps >= limits_.steps) limit = "the last action was used up";
      if (outcome_.tokens >= limits_.tokens) limit = "the tokens were used up";
      if (Clock::now() >= deadline_) limit = "the time was used up";
      if (!limit.empty()) return ended_by(limit);
      const Reply reply = acting_.model.reply(
          messages, tools && in_template,
          RngStream(acting_.key, {key_of("agent reply"), static_cast<std::uint64_t>(outcome_.calls)}).next(),
          limits_.tokens - outcome_.tokens, deadline_);
      if (reply.too_long) return ended_by("the conversation fills the model's context");
      if (reply.timed_out) return ended_by("the time was used up");
      ++outcome_.calls;
      outcome_.tokens += reply.tokens;
      Parsed parsed = parse_action(reply.text, tools);
      if (!parsed.action && !tools && !reply.truncated) {  // the whole reply is the answer
        parsed.action = Action{.tool = Tool::finish, .text = parsed.thought};
      }
      Json step = {{"reply", stored(reply.text)}, {"tokens", reply.tokens}};
      if (parsed.action) {
        ++outcome_.own_steps;
        const Action action = *parsed.action;
        step["tool"] = name_of(action.tool);
        if (action.tool == Tool::finish) {
          answer_ = action.text;
          outcome_.claimed = outcome_.executed = true;
          outcome_.steps.push_back(std::move(step));
          return;
        }
        const std::string result = perform(action);
        step["seen"] = stored(result);
        outcome_.steps.push_back(std::move(step));
        if (in_template) {
          messages.push_back({"assistant", parsed.thought, action});
          messages.push_back({"tool", result});
        } else {
          messages.push_back({"assistant", reply.text});
          messages.push_back({"user", "What came of it:\n" + result});
        }
        continue;
      }
      step["seen"] = parsed.error;
      outcome_.steps.push_back(std::move(step));
      messages.push_back({"assistant", reply.text});
      messages.push_back({"user", parsed.error});
    }
  }

  void ended_by(const std::string& limit) {
    outcome_.executed = true;
    outcome_.cause = limit;
  }

  // Error: the sandbox failed.
  std::string perform(const Action& action) {
    const double left = std::chrono::duration<double>(deadline_ - Clock::now()).count();
    const double timeout_s = std::clamp(left, 0.1, acting_.config.sandbox_limits.command_s);
    ProcessEnd end;
    switch (action.tool) {
      case Tool::shell:
        end = sandbox_->run(action.text, "", timeout_s);
        break;
      case Tool::read:
        end = sandbox_->run("exec cat -- " + in_quotes(action.path), "", timeout_s);
        break;
      case Tool::write:
        end = sandbox_->run("mkdir -p -- \"$(dirname -- " + in_quotes(action.path) + ")\" && cat > " +
                                in_quotes(action.path) + " && echo written",
                            action.text, timeout_s);
        break;
      case Tool::finish:
        break;
    }
    stop_if_interrupted();
    if (end.kind == ProcessEnd::Kind::not_started) throw Error("sandbox", describe(end, timeout_s));
    return shown(end, timeout_s);
  }

  void verify() {
    const std::filesystem::path check_folder = acting_.folder / "check";
    const bool by_command = !task_.check.command.empty();
    const std::string overfull = sandbox_ && by_command ? sandbox_->overfull() : "";
    Checked checked;
    if (!by_command && !outcome_.claimed) {
      checked = {Verified::failed, "no answer was given"};
    } else if (!overfull.empty()) {  // no command runs there any more, a check's neither
      checked = {Verified::failed, "the working folder holds " + overfull};
    } else {
      checked = check_task(
          task_, answer_, check_folder, limits_.check_s,
          [&](const std::string& command, double timeout_s) {
            if (sandbox_) return sandbox_->run(command, "", timeout_s, check_folder);
            return run_check_command(command, timeout_s, scratch_, check_folder);
          },
          acting_.verifier);
    }
    stop_if_interrupted();
    outcome_.verified = checked.verified;
    outcome_.evidence = shortened(redacted(checked.evidence), kMostStored);
    if (checked.verified == Verified::failed)
      outcome_.cause = outcome_.cause.empty() ? outcome_.evidence : outcome_.cause + "; " + outcome_.evidence;
    if (checked.verified == Verified::unknown)
      outcome_.cause = "the check itself failed: " + outcome_.evidence;
  }

  const Task& task_;
  const Acting& acting_;
  const TaskLimits limits_;
  const Clock::time_point start_, deadline_;
  std::optional<Sandbox> sandbox_;
  std::filesystem::path scratch_;
  std::string answer_;
  AttemptEnd outcome_;
};

}  // namespace

AttemptEnd act(const Task& task, const std::string& first_message, const Acting& acting) {
  return Attempt(task, acting).run(first_message);
}

}  // namespace pope
