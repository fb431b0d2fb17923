// Problems whose reference answers cannot be judged by: found, told, set aside.
#include "explore/references.h"

#include <gtest/gtest.h>

#include "explore/fake_engine.h"

namespace pope {
namespace {

std::vector<Problem> problems_with(const std::vector<std::string>& answers) {
  std::vector<Problem> problems;
  for (const std::string& answer : answers) {
    problems.push_back(testing::problem("p" + std::to_string(problems.size())));
    problems.back().answer = answer;
  }
  return problems;
}

TEST(References, FaultyOnesAreSetAside) {
  std::vector<Problem> problems = problems_with({"5", "proof", "\\frac12", "not found", "\\text{Evelyn}"});
  ::testing::internal::CaptureStderr();
  const std::vector<FaultyReference> faulty = take_faulty_references(problems, *make_verifier({}));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "set aside: 2 of 5 problems, whose reference answers cannot be judged by: 'p1' (it says "
            "\"proof\"), 'p3' "
            "(it says \"not found\")\n");
  ASSERT_EQ(faulty.size(), 2u);
  EXPECT_EQ(faulty[0].problem.id, "p1");
  EXPECT_EQ(faulty[1].problem.id, "p3");
  EXPECT_EQ(faulty[1].fault, "it says \"not found\"");
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].id, "p0");
  EXPECT_EQ(problems[1].id, "p2");
  EXPECT_EQ(problems[2].id, "p4");
}

TEST(References, AWarningNamesTheFirstFew) {
  const auto warned = [](const std::vector<Problem>& problems, const Verifier& verifier) {
    ::testing::internal::CaptureStderr();
    const int count = warn_of_faulty_references(problems, verifier);
    return std::pair(count, ::testing::internal::GetCapturedStderr());
  };
  const std::vector<Problem> problems = problems_with({"proof", "1", "N/A", "todo", "null", "prove"});
  EXPECT_EQ(warned(problems, *make_verifier({})),
            std::pair(5, std::string(
                             "warning: 5 of 6 problems have reference answers that cannot be judged by, so "
                             "that hardly any rollout of them is correct: 'p0' (it says \"proof\"), 'p2' (it "
                             "says \"N/A\"), 'p3' (it says \"todo\"), …\n")));
  EXPECT_EQ(warned(problems_with({"1"}), *make_verifier({})), std::pair(0, std::string()));
  // Another verifier may well judge by them.
  EXPECT_EQ(warned(problems, *make_verifier({.kind = "walks"})), std::pair(0, std::string()));
}

}  // namespace
}  // namespace pope
