// libFuzzer target of chat templates: whatever the source is, rendering a conversation ends in an Error or in
// a text, in bounded time and memory, and what the user wrote is still known as such.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "jinja/template.h"

namespace {

using pope::jinja::Value;

Value message(const char* role, const char* content) {
  pope::jinja::Budget budget;
  return Value::dict(
      {{Value(std::string_view("role")), Value(std::string_view(role))},
       {Value(std::string_view("content")), pope::jinja::text_of(content, pope::jinja::kGiven)}},
      budget);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const Value messages = Value::list({message("system", " Be brief. "), message("user", "What's \xC3\xA9?\n"),
                                      message("assistant", "<think>\nsum\n</think>\n\n4")});
  try {
    const pope::jinja::Template chat(source);
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
