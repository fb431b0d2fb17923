// Tables and numbers for people.
#include "pope/table.h"

#include <gtest/gtest.h>

#include "core/progress.h"

namespace pope {
namespace {

TEST(Table, AlignsByCharacters) {
  EXPECT_EQ(table({{"set", "n", ""}, {"größer", "12", "50.0 %"}, {"x"}}),
            "  set      n\n"
            "  größer  12  50.0 %\n"
            "  x\n");
}

TEST(Table, ACellIsOneLine) {
  EXPECT_EQ(table({{"a\nb", "\x1b[2Jc"}, {"d", "e"}}),
            "  a b  \\u001b[2Jc\n"
            "  d             e\n");
}

TEST(Table, WritesNumbersAsPeopleReadThem) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(percent(0.1234), "12.3 %");
  EXPECT_EQ(duration(3.24), "3.2 s");
  EXPECT_EQ(duration(45.3), "45 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(59.7), "1 min 00 s");
  EXPECT_EQ(duration(7500), "2 h 05 min");
}

}  // namespace
}  // namespace pope
