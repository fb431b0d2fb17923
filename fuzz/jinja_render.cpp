// libFuzzer target of chat templates. The input is a template and, behind a NUL, what the user and the
// assistant say in turn, with a NUL between each two; without one, a fixed conversation. Whatever they are,
// rendering ends in an Error or in a text, in bounded time and memory.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "jinja/template.h"

namespace {

using pope::jinja::Value;

Value message(std::string_view role, std::string_view content) {
  pope::jinja::Budget budget;
  return Value::dict({{Value(std::string_view("role")), Value(role)},
                      {Value(std::string_view("content")),
                       pope::jinja::Value(pope::jinja::text_of(content, pope::jinja::kGiven))}},
                     budget);
}

Value conversation(std::string_view said) {
  pope::jinja::List messages;
  for (bool user = true;; user = !user) {
    const std::size_t end = said.find('\0');
    messages.push_back(message(user ? "user" : "assistant", said.substr(0, end)));
    if (end == std::string_view::npos) return Value::list(std::move(messages));
    said.remove_prefix(end + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = input.find('\0');
  const Value messages =
      nul == std::string_view::npos
          ? Value::list({message("system", " Be brief. "), message("user", "What's \xC3\xA9?\n"),
                         message("assistant", "<think>\nsum\n</think>\n\n4")})
          : conversation(input.substr(nul + 1));
  try {
    const pope::jinja::Template chat(input.substr(0, nul));
    const pope::jinja::Text text = chat.render({{"messages", messages},
                                                {"tools", pope::jinja::None{}},
                                                {"bos_token", Value(std::string_view("<s>"))},
                                                {"n", std::int64_t(7)},
                                                {"add_generation_prompt", true}},
                                               pope::jinja::Date{2026, 3, 7});
    for (const pope::jinja::Char c : text) {
      if (pope::jinja::code(c) > 0x10FFFF) __builtin_trap();
    }
  } catch (const pope::Error&) {
  }
  return 0;
}
