// pope from outside: no text that it is given, or that a grader says, can steer the terminal it is shown on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using ::testing::HasSubstr;

const std::string kEscape = "\x1b[2J\x1b]0;title\x07";
constexpr auto kSpelled = "\\u001b[2J\\u001b]0;title\\u0007";

class Terminal : public ::testing::Test {
 protected:
  // What goes to stdout and stderr.
  std::string shown(const std::string& arguments) const {
    const std::string out = (dir_ / "shown").string();
    const int status =
        std::system((std::string(POPE_BINARY) + " " + arguments + " >" + out + " 2>&1").c_str());
    EXPECT_NE(status, -1);
    std::string text = read_file(out);
    EXPECT_EQ(text.find_first_of("\x1b\x07\r"), std::string::npos) << text;
    return text;
  }
  TempDir dir_;
};

TEST_F(Terminal, NamesAndMistypedSettings) {
  EXPECT_THAT(shown("verify '" + kEscape + ".jsonl'"), HasSubstr(kSpelled));
  EXPECT_THAT(shown("verify --gold 5 --pred 5 --set 'verify." + kEscape + "=1'"), HasSubstr(kSpelled));
  EXPECT_THAT(shown("'" + kEscape + "'"), HasSubstr(kSpelled));
}

TEST_F(Terminal, AnUndecidedPairIsNotCalledIncorrect) {
  EXPECT_TRUE(shown("verify --gold 5 --pred 5 --set verify.kind=command --set 'verify.command=exit 1'")
                  .starts_with("undecided: the grader ended without an answer, twice\n"));
}

TEST_F(Terminal, RowsOfFiles) {
  write_jsonl(dir_ / "rows.jsonl",
              {{{"id", kEscape}, {"gold", "a" + kEscape}, {"pred", "b"}, {"equal", true}}});
  const std::string rows = "verify " + (dir_ / "rows.jsonl").string();
  EXPECT_THAT(shown(rows), HasSubstr(std::string("a") + kSpelled));
  EXPECT_EQ(Json::parse(shown(rows + " --json"))["disagreements"][0]["id"], kEscape);
}

TEST_F(Terminal, WhatGradersSay) {
  write_file(
      dir_ / "grader.sh",
      "while read -r line; do\n"
      "  printf '%s\\n' '{\"id\": 1, \"correct\": false, \"reason\": \"\\u001b[2J\\u001b]0;title\\u0007\"}'\n"
      "done\n");
  EXPECT_THAT(shown("verify --gold 5 --pred 5 --set verify.kind=command --set 'verify.command=exec sh " +
                    (dir_ / "grader.sh").string() + "'"),
              HasSubstr(kSpelled));
}

}  // namespace
}  // namespace pope
