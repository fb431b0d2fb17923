// What goes to a terminal cannot steer it.
#include "core/printable.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "core/progress.h"

namespace pope {
namespace {

TEST(Printable, SpellsControlCharacters) {
  EXPECT_EQ(printable("größer\n\t∑ 😀"), "größer\n\t∑ 😀");
  EXPECT_EQ(printable("\x1b[31mred\x1b]0;title\x07"), "\\u001b[31mred\\u001b]0;title\\u0007");
  EXPECT_EQ(printable(std::string_view("a\0b\rc\x7f", 6)), "a\\u0000b\\u000dc\\u007f");
  EXPECT_EQ(printable("\u009b2J"), "\\u009b2J");  // an 8-bit control sequence
  EXPECT_EQ(printable("a\x9b"
                      "2J"),
            "a\uFFFD2J");                                        // the same, as a stray byte
  EXPECT_EQ(printable("\u202Eabc\u2066"), "\\u202eabc\\u2066");  // which would be read backwards
}

TEST(Printable, LeavesJsonTheSame) {
  const Json json = {{"label", "\x1b[2J \u009b \u202E \\ \" \x7f"}};
  EXPECT_EQ(Json::parse(printable(dump(json, 2))), json);
}

TEST(Printable, IsWhatIsLogged) {
  ::testing::internal::CaptureStderr();
  log_line("of '\x1b[2J'");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "of '\\u001b[2J'\n");
}

}  // namespace
}  // namespace pope
