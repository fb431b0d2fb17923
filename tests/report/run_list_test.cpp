// Which runs a command line names, in which order, and what they are called.
#include "report/run_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "report/fake_runs.h"
#include "report/report.h"
#include "report/summary.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FakeRuns;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names(const RunList& list) {
  std::vector<std::string> result;
  for (const RunData& run : list.runs) result.push_back(run.name);
  return result;
}

TEST(NaturalOrder, NumbersByValue) {
  const std::vector<std::string> sorted = {"",
                                           "07",
                                           "7",
                                           "10",
                                           "Run-3",
                                           "run",
                                           "run-1b",
                                           "run-2",
                                           "run-10",
                                           "run-10/x",
                                           "run-99999999999999999999",
                                           "run-a",
                                           "run2",
                                           "ä"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j)
      EXPECT_EQ(natural_less(sorted[i], sorted[j]), i < j) << sorted[i] << " < " << sorted[j];
  }
}

TEST(ReadRuns, OfAFolder) {
  FakeRuns fake;
  for (const char* name : {"all/run-10", "all/run-2", "all/demo/base-1/pope", "all/demo/eval", "all/.hidden"})
    fake.run(name, "eval", name, 1);
  fake.run("all/run-2/inner", "eval", "part of a run", 1);
  fs::create_directories(fake.folder() / "all" / "data" / "more");
  write_file(fake.folder() / "all" / "report.html", "a file");
  const RunList list = read_runs({fake.folder() / "all"});
  EXPECT_THAT(names(list), ElementsAre("pope", "eval", "run-2", "run-10"));
  EXPECT_THAT(list.notes, ElementsAre((fake.folder() / "all").string() + ": no run is in data"));
  // Through collect_report, too, and with the note among the warnings.
  const Json report = collect_report({fake.folder() / "all"}, {});
  EXPECT_EQ(report["runs"].size(), 4u);
  EXPECT_THAT(report["warnings"][0].get<std::string>(), HasSubstr("no run is in data"));
}

TEST(ReadRuns, WhatIsDamagedInAFolderIsLeftOut) {
  FakeRuns fake;
  fake.run("all/good", "eval", "", 1);
  write_file(fake.run("all/bad", "eval", "", 1) / "environment.json", "{\"half");
  fs::remove(fake.run("all/young", "eval", "", 1) / "config.yaml");
  const RunList list = read_runs({fake.folder() / "all"});
  EXPECT_THAT(names(list), ElementsAre("good"));
  EXPECT_THAT(list.notes, ElementsAre(HasSubstr("bad"), HasSubstr("it has no config.yaml")));
  // Given by name it is an error, and so is a folder without runs.
  EXPECT_THAT(error_of([&] { read_runs({fake.folder() / "all" / "young"}); }),
              HasSubstr("it has no config.yaml"));
  fs::remove_all(fake.folder() / "all" / "good");
  EXPECT_THAT(error_of([&] { read_runs({fake.folder() / "all"}); }),
              AllOf(HasSubstr("no run is in it"), HasSubstr("young is no run directory")));
}

TEST(ReadRuns, NamesThatAShellHasSortedAreInNaturalOrder) {
  FakeRuns fake;
  std::vector<fs::path> given;
  for (const char* name : {"pope", "grpo", "run-1", "run-10", "run-2"})
    given.push_back(fake.run(name, "eval", "", 1));
  // pope before grpo was chosen.
  EXPECT_THAT(names(read_runs(given)), ElementsAre("pope", "grpo", "run-1", "run-2", "run-10"));
}

TEST(ReadRuns, NamesAreApartAndStandInForLabels) {
  FakeRuns fake;
  const fs::path a = fake.run("a/pope", "train", "", 1), b = fake.run("b/pope", "train", "", 1);
  const fs::path c = fake.run("c", "train", "POPE", 1);
  const RunList list = read_runs({c, a, b});
  EXPECT_THAT(names(list), ElementsAre("c", "a/pope", "b/pope"));
  EXPECT_EQ(list.runs[0].label, "POPE");
  EXPECT_EQ(list.runs[1].label, "a/pope");
  // So runs without labels are methods of their own, and no seeds of each other.
  EXPECT_EQ(collect_report({a, b}, {})["methods"].size(), 2u);
  EXPECT_THAT(doubtful_seeds(list.runs), IsEmpty());
}

TEST(ReadRuns, ARunCountsOnce) {
  FakeRuns fake;
  const fs::path run = fake.run("all/a", "eval", "", 1);
  fake.run("all/b", "eval", "", 1);
  EXPECT_THAT(names(read_runs({run, fake.folder() / "all"})), ElementsAre("a", "b"));
  EXPECT_THAT(error_of([&] { read_runs({run, run / "."}); }), HasSubstr("is given twice"));
}

}  // namespace
}  // namespace pope
