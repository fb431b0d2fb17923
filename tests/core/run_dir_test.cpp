// Run directories: starting, resuming, and every way in which opening one is refused.
#include "core/run_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/event_file.h"
#include "core/temp_dir.h"
#include "core/version.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Config {
  double lr = 1e-6;
  int threads = 2, steps = 100;
  std::string model = "some/model", wording = "Solve {problem}";
  std::vector<int> pass_at = {1, 8};
  Options options;
  Config() { options.section("run", *this); }
  void fields(Options& o) {
    o.add("lr", lr, "rate");
    o.add("threads", threads, "threads").may_change();
    o.add("steps", steps, "steps").may_grow();
    o.add("model", model, "model").by_content();
    o.add("wording", wording, "wording");
    o.add("pass_at", pass_at, "k");
  }
};

TEST(RunDir, StartsAndResumes) {
  TempDir dir;
  Config config;
  {
    RunDir run = RunDir::open(dir / "new/run", "mine", config.options);
    EXPECT_FALSE(run.resumed());
    EXPECT_EQ(run.result(), std::nullopt);
    EXPECT_EQ(read_file(run.path() / "config.yaml"), config.options.to_yaml());
    run.append_metrics({{"step", 1}});
  }
  RunDir run = RunDir::open(dir / "new/run", "mine", config.options);
  EXPECT_TRUE(run.resumed());
  run.write_result({{"hard", 3}});
  EXPECT_EQ(run.result().value()["hard"], 3);
  const Json environment = read_json(run.path() / "environment.json");
  EXPECT_EQ(environment["verb"], "mine");
  EXPECT_EQ(environment["version"], kVersion);
  EXPECT_EQ(environment["may_change"], Json::array({"run.threads"}));
  ASSERT_EQ(environment["starts"].size(), 2u);
  EXPECT_THAT(environment["starts"][1]["time"].get<std::string>(),
              testing::MatchesRegex("20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z"));
}

// A run that has done something.
void start_run(const std::filesystem::path& path, std::string_view verb) {
  Config config;
  RunDir::open(path, verb, config.options).append_metrics({{"step", 1}});
}

TEST(RunDir, RefusesAChangedConfigNamingKeyAndBothValues) {
  TempDir dir;
  start_run(dir / "run", "train");
  Config changed;
  changed.lr = 0.5;
  changed.pass_at = {1, 16};
  changed.threads = 8;
  changed.steps = 99;
  const std::string message = error_of([&] { RunDir::open(dir / "run", "train", changed.options); });
  EXPECT_THAT(message, AllOf(HasSubstr("run.lr: the run has '1e-06', now given '0.5'"),
                             HasSubstr("run.pass_at: the run has '[1, 8]', now given '[1, 16]'"),
                             HasSubstr("run.steps: the run has '100', now given '99'; it may become larger"),
                             Not(HasSubstr("run.threads")), Not(HasSubstr("run.model"))));
  EXPECT_THAT(read_file(dir / "run/config.yaml"), HasSubstr("lr: 1e-06"));
}

struct TableConfig : Config {
  Options::Entries wordings;
  Options options;
  TableConfig() { options.section("prompt", *this); }
  void fields(Options& o) {
    Config::fields(o);
    o.add("wordings", wordings, "entries by name");
  }
};

TEST(RunDir, ComparesEntriesOfTheUsersOwn) {
  TempDir dir;
  const auto open = [&](const Options::Entries& wordings, const char* run) {
    TableConfig config;
    config.wordings = wordings;
    RunDir::open(dir / run, "train", config.options).append_metrics({{"step", 1}});
  };
  open({}, "none");
  open({}, "none");
  open({{"a", {{"text", "{x} \"y\""}}}}, "one");
  open({{"a", {{"text", "{x} \"y\""}}}}, "one");
  EXPECT_THAT(error_of([&] {
                open({{"a", {{"text", "z"}}}}, "one");
              }),
              HasSubstr("prompt.wordings: the run has 'a.text: {x} \"y\"', now given 'a.text: z'"));
  EXPECT_THAT(error_of([&] { open({}, "one"); }), HasSubstr("prompt.wordings: the run has"));
  EXPECT_THAT(error_of([&] {
                open({{"a", {{"text", "z"}}}}, "none");
              }),
              HasSubstr("prompt.wordings: the run has '', now given 'a.text: z'"));
}

TEST(RunDir, GoesOnWithSettingsThatMayChange) {
  TempDir dir;
  start_run(dir / "run", "train");
  Config changed;
  changed.threads = 8;
  {
    const RunDir run = RunDir::open(dir / "run", "train", changed.options);
    EXPECT_THAT(run.changes(), ElementsAre("run.threads: the run has '2', now given '8'"));
    EXPECT_FALSE(run.grown());
  }
  changed.steps = 200;
  const RunDir run = RunDir::open(dir / "run", "train", changed.options);
  EXPECT_THAT(run.changes(), ElementsAre("run.steps: the run has '100', now given '200'"));
  EXPECT_TRUE(run.grown());
  EXPECT_EQ(read_file(dir / "run/config.yaml"), changed.options.to_yaml());
  const Json starts = read_json(dir / "run/environment.json")["starts"];
  ASSERT_EQ(starts.size(), 3u);
  EXPECT_FALSE(starts[0].contains("changes"));
  EXPECT_EQ(starts[1]["changes"], Json({"run.threads: the run has '2', now given '8'"}));
}

TEST(RunDir, ACompleteRunChangesOnlyWhereItIsReopened) {
  TempDir dir;
  start_run(dir / "run", "train");
  Config longer;
  RunDir::open(dir / "run", "train", longer.options).write_result({{"steps", 100}});
  const std::string environment = read_file(dir / "run/environment.json");
  longer.steps = 200;
  longer.threads = 8;
  {
    const RunDir run = RunDir::open(dir / "run", "train", longer.options);
    EXPECT_TRUE(run.grown());
    EXPECT_TRUE(run.result());
  }
  EXPECT_EQ(read_file(dir / "run/environment.json"), environment);
  EXPECT_EQ(read_file(dir / "run/config.yaml"), Config().options.to_yaml());
  {
    RunDir run = RunDir::open(dir / "run", "train", longer.options);
    run.reopen();
    EXPECT_FALSE(run.result());
  }
  EXPECT_EQ(read_file(dir / "run/config.yaml"), longer.options.to_yaml());
  EXPECT_FALSE(RunDir::open(dir / "run", "train", longer.options).grown());
}

TEST(RunDir, ShowsOfLongValuesWhereTheyDiffer) {
  TempDir dir;
  const auto message = [&](const std::string& was, const std::string& is) {
    std::filesystem::remove_all(dir / "run");
    Config config;
    config.wording = was;
    RunDir::open(dir / "run", "train", config.options).append_metrics({{"step", 1}});
    config.wording = is;
    return error_of([&] { RunDir::open(dir / "run", "train", config.options); });
  };
  EXPECT_THAT(message("Solve {problem}", "first line\n" + std::string(500, 'x')),
              AllOf(HasSubstr("run.wording: the run has 'Solve {problem}', now given 'first line...'\n"),
                    HasSubstr("run/config.yaml")));
  // On a later line, far from its beginning, after a character of two bytes.
  const std::string before = "first\n" + std::string(90, 'x') + "é" + std::string(19, 'y');
  EXPECT_THAT(message(before + "one\nend", before + "two\nend"),
              HasSubstr("the run has '...é" + std::string(19, 'y') + "one...', now given '...é" +
                        std::string(19, 'y') + "two...'\n"));
  EXPECT_THAT(message("Solve {problem}", "Solve {problem}\n"),
              HasSubstr("the run has 'Solve {problem}', now given 'Solve {problem}...'"));
}

TEST(RunDir, RefusesInputsThatHaveChanged) {
  TempDir dir;
  Config config;
  std::filesystem::create_directories(dir / "model/sub");
  write_file(dir / "model/weights", std::string(5 << 20, 'w'));
  write_file(dir / "a.jsonl", "{}\n");
  const auto open = [&] {
    RunDir run = RunDir::open(dir / "run", "mine", config.options,
                              {{"paths.problems", dir / "a.jsonl"}, {"paths.model", dir / "model"}});
    run.append_metrics({{"step", 1}});
  };
  open();
  open();
  const std::string environment = read_file(dir / "run/environment.json");
  write_file(dir / "model/weights", std::string(5 << 20, 'w') + "w");
  EXPECT_THAT(error_of(open), AllOf(HasSubstr("started with other content of:\n  " +
                                              (dir / "model").string() + " (paths.model)\n"),
                                    Not(HasSubstr("a.jsonl"))));
  EXPECT_EQ(read_file(dir / "run/environment.json"), environment);  // a refused start is not listed
  write_file(dir / "model/weights", std::string(5 << 20, 'w'));
  open();
  write_file(dir / "a.jsonl", "[]\n");  // of the same size
  EXPECT_THAT(error_of(open), HasSubstr("a.jsonl (paths.problems)"));
}

TEST(RunDir, ComparesInputsByContentNotByPath) {
  TempDir dir;
  write_file(dir / "a.jsonl", "{}\n");
  write_file(dir / "sub/a.jsonl", "{}\n");
  write_file(dir / "b.jsonl", "[]\n");
  const auto open = [&](const std::string& path, bool easy = false) {
    Config config;
    config.model = path;
    std::vector<RunInput> inputs = {{"run.model", dir.path() / path}};
    if (easy) inputs.push_back({"run.easy", dir / "b.jsonl"});
    RunDir::open(dir / "run", "mine", config.options, inputs).append_metrics({{"step", 1}});
  };
  open("a.jsonl");
  open("./a.jsonl");
  open("sub/a.jsonl");
  EXPECT_THAT(error_of([&] { open("b.jsonl"); }),
              HasSubstr("b.jsonl (run.model): the run has " + (dir / "a.jsonl").string()));
  EXPECT_THAT(error_of([&] { open("a.jsonl", true); }), HasSubstr("b.jsonl (run.easy): the run has none"));
  open("no.jsonl");  // whoever reads it says so
  Config config;
  EXPECT_THAT(error_of([&] { RunDir::open(dir / "run", "mine", config.options); }),
              HasSubstr("run.model: the run has " + (dir / "a.jsonl").string() + ", now none is given"));
}

TEST(RunDir, ComparesInputsOfOlderRunsByPath) {
  TempDir dir;
  Config config;
  write_file(dir / "a.jsonl", "{}\n");
  const auto open = [&] {
    RunDir::open(dir / "run", "mine", config.options, {{"run.model", dir / "a.jsonl"}})
        .append_metrics({{"step", 1}});
  };
  open();
  Json environment = read_json(dir / "run/environment.json");
  environment["inputs"] = {{(dir / "a.jsonl").string(), fingerprint(dir / "a.jsonl")}};
  write_file(dir / "run/environment.json", dump(environment));
  open();
  write_file(dir / "a.jsonl", "[]\n");
  EXPECT_THAT(error_of(open), HasSubstr("a.jsonl (run.model)"));
}

TEST(RunDir, ComparesValuesNotSpelling) {
  TempDir dir;
  start_run(dir / "run", "train");
  write_file(dir / "run/config.yaml", "run: {pass_at: [ 1,8 ], lr: 0.000001, wording: 'Solve {problem}'}\n");
  // Without run.threads: written before that key existed, so its default counts.
  EXPECT_TRUE(RunDir::open(dir / "run", "train", Config().options).resumed());
  write_file(dir / "run/config.yaml", "run: {old_key: 3}\n");
  EXPECT_THAT(error_of([&] { RunDir::open(dir / "run", "train", Config().options); }),
              HasSubstr("run.old_key: the run has '3', now there is no such key"));
}

TEST(RunDir, RefusesAnotherVerb) {
  TempDir dir;
  start_run(dir / "run", "mine");
  EXPECT_THAT(error_of([&] { RunDir::open(dir / "run", "guide", Config().options); }),
              HasSubstr("is a run of 'pope mine', not of 'pope guide'"));
}

TEST(RunDir, IsLockedForItsLife) {
  TempDir dir;
  Config config;
  {
    RunDir run = RunDir::open(dir / "run", "mine", config.options);
    run.append_metrics({{"step", 1}});
    EXPECT_THAT(error_of([&] { RunDir::open(dir / "run", "mine", config.options); }), HasSubstr("is in use"));
    RunDir moved = RunDir::open(dir / "other", "mine", config.options);
    const RunDir here = std::move(moved);
    EXPECT_THAT(error_of([&] { RunDir::open(dir / "other", "mine", config.options); }),
                HasSubstr("is in use"));
    const pid_t child = fork();
    if (child == 0) {
      bool refused = false;
      try {
        RunDir::open(dir / "run", "mine", config.options);
      } catch (const Error&) {
        refused = true;
      }
      _exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_TRUE(RunDir::open(dir / "run", "mine", config.options).resumed());
}

TEST(RunDir, RefusesPathsThatCannotBeRuns) {
  TempDir dir;
  Config config;
  const auto message = [&](const std::filesystem::path& path) {
    return error_of([&] { RunDir::open(path, "mine", config.options); });
  };
  write_file(dir / "file", "x");
  EXPECT_THAT(message(dir / "file"), HasSubstr("a file is in the way"));
  EXPECT_THAT(message(dir / "file/run"), HasSubstr("hint: "));
  EXPECT_THAT(message(""), HasSubstr("--out"));
  EXPECT_THAT(message("/proc/no/such"), AllOf(HasSubstr("/proc/no/such"), HasSubstr("hint: ")));
  write_file(dir / "data/hard.jsonl", "{}\n");
  EXPECT_THAT(message(dir / "data"), AllOf(HasSubstr("is no run directory"), HasSubstr("hard.jsonl")));
  EXPECT_EQ(read_file(dir / "data/hard.jsonl"), "{}\n");
  write_file(dir / "logged/out.log", "redirected output\n");
  EXPECT_FALSE(RunDir::open(dir / "logged", "mine", config.options).resumed());
}

TEST(RunDir, StartsAgainWhereAKillLeftNoConfig) {
  TempDir dir;
  Config config;
  { RunDir::open(dir / "run", "mine", config.options); }
  std::filesystem::remove(dir / "run/config.yaml");
  write_file(dir / "run/config.yaml.pope-tmp-77", "half");
  EXPECT_FALSE(RunDir::open(dir / "run", "mine", config.options).resumed());
}

TEST(RunDir, ARunThatHasDoneNothingTakesNewSettings) {
  TempDir dir;
  { RunDir::open(dir / "run", "mine", Config().options); }
  Config changed;
  changed.model = "corrected/model";
  EXPECT_FALSE(RunDir::open(dir / "run", "guide", changed.options).resumed());
  EXPECT_THAT(read_file(dir / "run/config.yaml"), HasSubstr("corrected/model"));
  EXPECT_EQ(read_json(dir / "run/environment.json")["verb"], "guide");
}

TEST(RunDir, TruncatesMetricsAndDropsTornLines) {
  TempDir dir;
  Config config;
  const auto file = dir / "run/metrics.jsonl";
  {
    RunDir run = RunDir::open(dir / "run", "train", config.options);
    for (int step = 1; step <= 4; ++step) run.append_metrics({{"step", step}, {"loss", 0.5 * step}});
    run.truncate_metrics(2);
    EXPECT_EQ(read_file(file), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":1.0}\n");
    std::ofstream(file, std::ios::app) << "{\"step\": 3, \"lo";
    run.truncate_metrics(2);
    EXPECT_EQ(read_file(file), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":1.0}\n");
    std::ofstream(file, std::ios::app) << "{\"step\": 3, \"lo";
  }
  RunDir run =
      RunDir::open(dir / "run", "train", config.options);  // repairs on opening, so that appending is safe
  run.append_metrics({{"step", 3}});
  EXPECT_EQ(read_file(file), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":1.0}\n{\"step\":3}\n");
}

TEST(RunDir, TensorBoardHasEachStepOnce) {
  TempDir dir;
  Config config;
  const auto steps = [&] {
    std::vector<std::int64_t> steps;
    for (const ReadEvent& event : read_event_folder(dir / "run/tensorboard"))
      if (!event.scalars.empty()) steps.push_back(event.step);
    return steps;
  };
  {
    RunDir run = RunDir::open(dir / "run", "train", config.options);
    run.append_metrics({{"step", 1}, {"loss", 0.5}});
    EXPECT_FALSE(std::filesystem::exists(dir / "run/tensorboard"));  // unless it is asked for
    run.write_tensorboard();
    for (int step = 2; step <= 4; ++step) run.append_metrics({{"step", step}, {"loss", 0.5}});
    EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
  }
  // Killed after step 4, whose event was torn, with a checkpoint of step 2.
  const auto file = *std::filesystem::directory_iterator(dir / "run/tensorboard");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  RunDir run = RunDir::open(dir / "run", "train", config.options);
  run.write_tensorboard();
  run.truncate_metrics(2);
  run.append_metrics({{"step", 3}, {"loss", 0.25}});
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
  EXPECT_EQ(read_event_folder(dir / "run/tensorboard").back().scalars, (Json{{"loss", 0.25}}));
}

TEST(RunDir, WritesNothingWhereItsDirectoryIsGone) {
  for (const bool moved : {false, true}) {
    TempDir dir;
    RunDir run = RunDir::open(dir / "run", "train", Config().options);
    run.append_metrics({{"step", 1}});
    if (moved) {
      std::filesystem::rename(dir / "run", dir / "elsewhere");
      RunDir::open(dir / "run", "train", Config().options);  // another one in its place
    } else {
      std::filesystem::remove_all(dir / "run");
    }
    EXPECT_THAT(error_of([&] {
                  run.append_metrics({{"step", 2}});
                }),
                HasSubstr("was removed, moved or replaced"));
    EXPECT_THAT(error_of([&] { run.write_result({}); }), HasSubstr("was removed"));
    EXPECT_THAT(error_of([&] { run.write_rollouts("a", {{{"r", 1}}}); }), HasSubstr("was removed"));
    EXPECT_FALSE(std::filesystem::exists(dir / "run/metrics.jsonl"));
    EXPECT_FALSE(std::filesystem::exists(dir / "run/result.json"));
  }
}

TEST(RunDir, RemovesWhatKilledWritesLeft) {
  TempDir dir;
  start_run(dir / "run", "train");
  const std::vector<const char*> left = {"result.json.pope-tmp-77", "rollouts/a.jsonl.zst.pope-tmp-77",
                                         "model.pope-tmp/half", "checkpoints/step-000003.pope-tmp/half"};
  const std::vector<const char*> of_the_user = {"notes.tmp/x", "model.replaced/x", "list.tmp-77",
                                                "checkpoints/step-000002.tmp/x"};
  for (const char* name : left) write_file(dir / "run" / name, "half");
  for (const char* name : of_the_user) write_file(dir / "run" / name, "whole");
  EXPECT_TRUE(RunDir::open(dir / "run", "train", Config().options).resumed());
  for (const char* name : left) EXPECT_FALSE(std::filesystem::exists(dir / "run" / name)) << name;
  EXPECT_FALSE(std::filesystem::exists(dir / "run/model.pope-tmp"));
  for (const char* name : of_the_user) EXPECT_EQ(read_file(dir / "run" / name), "whole") << name;
}

TEST(RunDir, RefusesMetricsThatAreNotDeclared) {
  TempDir dir;
  RunDir run = RunDir::open(dir / "run", "train", Config().options);
  EXPECT_THAT(error_of([&] { run.append_metrics({{"step", 1}, {"los", 0.5}}); }), HasSubstr("got 'los'"));
  EXPECT_FALSE(std::filesystem::exists(dir / "run/metrics.jsonl"));
}

TEST(RunDir, KeepsRolloutsCompressed) {
  TempDir dir;
  const RunDir run = RunDir::open(dir / "run", "train", Config().options);
  run.write_rollouts("step-000010", {{{"tokens", 3}}});
  std::vector<Json> rows;
  read_jsonl(run.path() / "rollouts/step-000010.jsonl.zst",
             [&](Json&& r, std::size_t) { rows.push_back(r); });
  EXPECT_EQ(rows, (std::vector<Json>{{{"tokens", 3}}}));
}

TEST(Version, IsTheOneOfTheBuild) {
  EXPECT_THAT(read_file(std::filesystem::path(POPE_SOURCE_DIR) / "CMakeLists.txt"),
              HasSubstr(std::string("project(pope VERSION ") + kVersion + " "));
}

}  // namespace
}  // namespace pope
