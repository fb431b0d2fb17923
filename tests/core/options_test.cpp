// Options: precedence, strict types, nearest keys, places in messages, and the round trip through YAML.
#include "core/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct TrainSection {
  double lr = 1e-6;
  int steps = 200;
  std::vector<int> pass_at = {1, 8};
  void fields(Options& options) {
    options.add("lr", lr, "learning rate");
    options.add("steps", steps, "optimiser steps");
    options.add("pass_at", pass_at, "k of pass@k");
  }
};

struct Everything {
  TrainSection train;
  std::string label, wording = "Solve:\n\t{problem} \"quoted\" # not a comment";
  std::uint64_t seed = 1;
  std::int64_t tokens = 16384;
  bool guided = true;
  std::vector<double> rates = {0.5};
  std::vector<std::string> sets;
  Options options;
  Everything() {
    options.section("train", train);
    options.section("run", *this);
  }
  void fields(Options& o) {
    o.add("label", label, "name");
    o.add("wording", wording, "prompt");
    o.add("seed", seed, "seed");
    o.add("tokens", tokens, "tokens");
    o.add("guided", guided, "true | false");
    o.add("rates", rates, "rates");
    o.add("sets", sets, "NAME=FILE");
  }
};

TEST(Options, FileBeatsDefaultAndSetBeatsFile) {
  TempDir dir;
  write_file(dir / "a.yaml", "train:\n  lr: 0.5\n  steps: 7\n");
  write_file(dir / "b.yaml", "train: {steps: 8}\nrun:\n");
  Everything e;
  e.options.load_yaml(dir / "a.yaml");
  e.options.load_yaml(dir / "b.yaml");
  e.options.set_assignment("train.lr=2e-3");
  EXPECT_EQ(e.train.lr, 2e-3);
  EXPECT_EQ(e.train.steps, 8);
  EXPECT_EQ(e.seed, 1u);
  EXPECT_EQ(e.options.all()[0].key(), "train.lr");
  EXPECT_EQ(e.options.all()[0].default_text(), "1e-06");
  EXPECT_EQ(e.options.all()[0].value_text(), "0.002");
  EXPECT_EQ(e.options.all()[2].default_text(), "[1, 8]");
}

TEST(Options, SetsEveryType) {
  Everything e;
  e.options.set("run.seed", "18446744073709551615", "test");
  e.options.set("run.tokens", "-9000000000", "test");
  e.options.set("run.guided", "false", "test");
  e.options.set("run.rates", "[0.25, 1e-3]", "test");
  e.options.set("run.sets", "[a=x.jsonl, \"b=y, z.jsonl\"]", "test");
  e.options.set("train.pass_at", "16", "test");
  EXPECT_EQ(e.seed, 18446744073709551615u);
  EXPECT_EQ(e.tokens, -9000000000);
  EXPECT_FALSE(e.guided);
  EXPECT_EQ(e.rates, (std::vector<double>{0.25, 1e-3}));
  EXPECT_EQ(e.sets, (std::vector<std::string>{"a=x.jsonl", "b=y, z.jsonl"}));
  EXPECT_EQ(e.train.pass_at, std::vector<int>{16});
  e.options.set("run.sets", "[]", "test");
  EXPECT_TRUE(e.sets.empty());
}

TEST(Options, TextsAreTakenAsTheyStand) {
  Everything e;
  e.options.set("run.wording", "{problem}: go", "test");
  EXPECT_EQ(e.wording, "{problem}: go");
  e.options.set("run.wording", "\"two\\nlines\"", "test");
  EXPECT_EQ(e.wording, "two\nlines");
  e.options.set_assignment("run.label=a=b");
  EXPECT_EQ(e.label, "a=b");
  e.options.set_assignment("run.label=");
  EXPECT_EQ(e.label, "");
  e.options.set_assignment("run.label=null");
  EXPECT_EQ(e.label, "null");
}

TEST(Options, UnknownKeysNameTheNearest) {
  TempDir dir;
  Everything e;
  EXPECT_THAT(error_of([&] { e.options.set_assignment("train.step=3"); }),
              AllOf(HasSubstr("--set: unknown key 'train.step'"), HasSubstr("did you mean 'train.steps'?")));
  EXPECT_THAT(error_of([&] { e.options.set_assignment("lr=3"); }), HasSubstr("did you mean 'train.lr'?"));
  write_file(dir / "a.yaml", "# comment\nrun:\n  seed: 3\n  labl: x\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "a.yaml"); }),
              AllOf(HasSubstr("a.yaml:4: unknown key 'run.labl'"), HasSubstr("'run.label'")));
  write_file(dir / "b.yaml", "trian:\n  steps: 3\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "b.yaml"); }),
              AllOf(HasSubstr("b.yaml:2: unknown key 'trian.steps'"), HasSubstr("'train.steps'")));
}

TEST(Options, WithoutANearKeyWhatThereIsIsNamed) {
  Everything e;
  const std::string far = error_of([&] { e.options.set_assignment("train.top_p=1"); });
  EXPECT_THAT(far, AllOf(HasSubstr("unknown key 'train.top_p'"), HasSubstr("train are lr, steps and pass_at"),
                         Not(HasSubstr("did you mean"))));
  // The one key of that name, in whichever section.
  EXPECT_THAT(error_of([&] { e.options.set_assignment("optimizer.lr=1"); }),
              HasSubstr("did you mean 'train.lr'?"));
  EXPECT_THAT(error_of([&] { e.options.set_assignment("run.lr=1"); }), HasSubstr("did you mean 'train.lr'?"));
  EXPECT_THAT(error_of([&] { e.options.set_assignment("banana=1"); }),
              HasSubstr("the sections are train and run"));
}

TEST(Options, OldKeysAreRefusedWithTheNewOnes) {
  TempDir dir;
  int bases = 1, rl_seeds = 1;
  Options options;
  options.add("study.bases", bases, "bases").renamed_from("study.seeds");
  options.add("study.rl_seeds", rl_seeds, "seeds").renamed_from("study.seeds").renamed_from("old.seeds");
  EXPECT_THAT(error_of([&] { options.set_assignment("study.seeds=3"); }),
              AllOf(HasSubstr("--set: unknown key 'study.seeds'"),
                    HasSubstr("it is study.bases and study.rl_seeds now")));
  write_file(dir / "a.yaml", "old:\n  seeds: 3\n");
  EXPECT_THAT(error_of([&] { options.load_yaml(dir / "a.yaml"); }),
              AllOf(HasSubstr("a.yaml:2: unknown key 'old.seeds'"), HasSubstr("it is study.rl_seeds now")));
}

TEST(Options, ASectionThatIsGivenAValueNamesItsKeys) {
  TempDir dir;
  Everything e;
  EXPECT_EQ(error_of([&] { e.options.set_assignment("train=3"); }),
            "[config] --set: train is a section, expected one of its settings\n  hint: the keys of train are "
            "lr, steps and pass_at");
  write_file(dir / "a.yaml", "train: 3\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "a.yaml"); }),
              HasSubstr("got '3'\n  hint: the keys of train are lr, steps and pass_at"));
}

// A section with every kind of bound, and a rule over two of its values.
struct Bounded {
  static constexpr auto kSection = "b";
  int steps = 5, threads = 0, lag = -1;
  double part = 0.5, open = 0.5, clip = 0;
  std::string kind = "sync", device = "cpu";
  std::vector<int> pass_at = {1, 8};
  std::vector<std::string> sets;
  int least = 1, most = 2;
  void fields(Options& o) {
    o.add("steps", steps, "training steps").at_least(1);
    o.add("threads", threads, "CPU threads").range(0, 1024);
    o.add("lag", lag, "no bounds");
    o.add("part", part, "a part").above(0).at_most(1);
    o.add("open", open, "a level").above(0).below(1);
    o.add("clip", clip, "a bound").above(1).or_just(0);
    o.add("kind", kind, "how").choices({"sync", "streaming", "both"});
    o.add("device", device, "where").form([](const std::string& t) { return t == "cpu"; }, "cpu or cuda");
    o.add("pass_at", pass_at, "k").at_least(1).distinct();
    o.add("sets", sets, "sets").form([](const std::string& t) { return t.find('=') != t.npos; }, "NAME=FILE");
    o.add("least", least, "least");
    o.add("most", most, "most");
  }
  void check_together() const {
    if (least > most)
      refuse_setting("b.least", "at most b.most (" + std::to_string(most) + ")", std::to_string(least),
                     "mend");
  }
};

TEST(Options, ValuesThatAreNotAllowedAreRefusedAsTheyAreSet) {
  TempDir dir;
  Bounded b;
  Options options;
  options.section(b);
  const auto refused = [&](const std::string& assignment) {
    return error_of([&] { options.set_assignment(assignment); });
  };
  EXPECT_EQ(refused("b.steps=0"),
            "[config] --set: b.steps: expected at least 1, got 0\n  hint: training steps");
  EXPECT_THAT(refused("b.threads=1025"), HasSubstr("b.threads: expected 0 to 1024, got 1025"));
  EXPECT_THAT(refused("b.threads=-1"), HasSubstr("expected 0 to 1024, got -1"));
  EXPECT_THAT(refused("b.part=0"), HasSubstr("expected above 0 and at most 1, got 0"));
  EXPECT_THAT(refused("b.part=1.5"), HasSubstr("got 1.5"));
  EXPECT_THAT(refused("b.open=1"), HasSubstr("expected above 0 and below 1, got 1"));
  EXPECT_THAT(refused("b.clip=1"), HasSubstr("expected above 1, or 0, got 1"));
  EXPECT_THAT(refused("b.kind=async"),
              AllOf(HasSubstr("expected sync, streaming or both, got 'async'"), HasSubstr("'sync'?")));
  EXPECT_THAT(refused("b.kind="), AllOf(HasSubstr("got ''"), HasSubstr("hint: how")));
  EXPECT_THAT(refused("b.device=tpu"), HasSubstr("b.device: expected cpu or cuda, got 'tpu'"));
  EXPECT_THAT(refused("b.pass_at=[8, 0]"), HasSubstr("b.pass_at: expected at least 1, none twice, got 0"));
  EXPECT_THAT(refused("b.pass_at=[1, 8, 1]"), HasSubstr("expected no value twice, got [1, 8, 1]"));
  EXPECT_THAT(refused("b.sets=[a=b, c]"), HasSubstr("b.sets: expected NAME=FILE, got 'c'"));
  write_file(dir / "a.yaml", "b:\n  lag: 3\n  pass_at:\n    - 4\n    - -2\n");
  EXPECT_THAT(error_of([&] { options.load_yaml(dir / "a.yaml"); }),
              HasSubstr("a.yaml:3: b.pass_at: expected at least 1, none twice, got -2"));
  EXPECT_EQ(b.pass_at, (std::vector<int>{1, 8}));
  for (const char* good : {"b.steps=1", "b.threads=0", "b.threads=1024", "b.lag=-7", "b.part=1", "b.clip=0",
                           "b.clip=1.01", "b.kind=both", "b.pass_at=[]", "b.sets=[a=b]"})
    EXPECT_NO_THROW(options.set_assignment(good)) << good;
}

TEST(Options, WhatIsAllowedCanBeShown) {
  Bounded b;
  Options options;
  options.section(b);
  std::vector<std::string> allowed;
  for (const Options::Option& option : options.all()) allowed.push_back(option.allowed());
  EXPECT_EQ(allowed,
            (std::vector<std::string>{"at least 1", "0 to 1024", "", "above 0 and at most 1",
                                      "above 0 and below 1", "above 1, or 0", "sync | streaming | both",
                                      "cpu or cuda", "at least 1, none twice", "NAME=FILE", "", ""}));
}

TEST(Options, ValuesTogetherAreCheckedWhenAllAreSet) {
  Bounded b;
  Options options;
  options.section(b);
  EXPECT_NO_THROW(options.check());
  options.set_assignment("b.least=7");  // it may be that most is still to come
  EXPECT_EQ(error_of([&] { options.check(); }),
            "[config] b.least: expected at most b.most (2), got 7\n  hint: mend");
  options.set_assignment("b.most=7");
  EXPECT_NO_THROW(options.check());
}

TEST(Options, AFilledSectionIsCheckedLikeOneThatIsRead) {
  EXPECT_NO_THROW(check(Bounded{}));
  EXPECT_THAT(error_of([] { check(Bounded{.steps = 0}); }),
              HasSubstr("[config] b.steps: expected at least 1, got 0"));
  EXPECT_THAT(error_of([] { check(Bounded{.part = std::nan("")}); }), HasSubstr("b.part"));
  EXPECT_THAT(error_of([] { check(Bounded{.pass_at = {2, 2}}); }), HasSubstr("no value twice"));
  EXPECT_THAT(error_of([] { check(Bounded{.least = 3}); }), HasSubstr("at most b.most"));
}

TEST(Options, APartHasItsKeysAndTheirRules) {
  Everything e;
  Bounded b{.least = 9};
  e.options.section(b);
  const Options part = e.options.only({"train.*", "run.seed"});
  std::vector<std::string> keys;
  for (const Options::Option& option : part.all()) keys.push_back(option.key());
  EXPECT_EQ(keys, (std::vector<std::string>{"train.lr", "train.steps", "train.pass_at", "run.seed"}));
  EXPECT_NO_THROW(part.check());
  EXPECT_THAT(error_of([&] { e.options.only({"run.seed", "b.steps"}).check(); }), HasSubstr("b.least"));
}

TEST(Options, WrongTypesAreRefusedWithPlaceAndHelp) {
  TempDir dir;
  Everything e;
  EXPECT_THAT(
      error_of([&] { e.options.set_assignment("train.steps=3.5"); }),
      AllOf(HasSubstr("--set: train.steps: expected an integer, got '3.5'"), HasSubstr("optimiser steps")));
  for (const char* bad : {"train.steps=99999999999", "train.steps=0x10", "train.steps=", "train.steps=[1, 2]",
                          "train.lr=fast", "train.lr=nan", "train.lr=1e999", "run.seed=-1", "run.guided=1",
                          "run.guided=True ", "train.pass_at=[1, x]", "train.pass_at=",
                          "train.pass_at={a: 1}", "train.pass_at=[1, 2", "train.steps", "=3"}) {
    EXPECT_NE(error_of([&] { e.options.set_assignment(bad); }), "") << bad;
  }
  EXPECT_EQ(e.train.pass_at, (std::vector<int>{1, 8}));  // a refused list leaves the old one
  write_file(dir / "a.yaml", "train:\n  lr: 1\n  pass_at:\n    - 1\n    - many\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "a.yaml"); }),
              HasSubstr("a.yaml:3: train.pass_at: expected an integer, got 'many'"));
  write_file(dir / "b.yaml", "run:\n  label: {x: 1}\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "b.yaml"); }), HasSubstr("b.yaml:2"));
  write_file(dir / "c.yaml", "train: 3\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "c.yaml"); }),
              HasSubstr("expected a map of settings, got '3'"));
}

TEST(Options, BrokenFilesNameTheLine) {
  TempDir dir;
  Everything e;
  write_file(dir / "a.yaml", "train:\n  lr: [1\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "a.yaml"); }), HasSubstr("a.yaml:"));
  write_file(dir / "b.yaml", "train:\n  lr: 1\n  lr: 2\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "b.yaml"); }),
              AllOf(HasSubstr("b.yaml:3"), HasSubstr("twice")));
  write_file(dir / "c.yaml", "- 1\n");
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "c.yaml"); }), HasSubstr("expected a map"));
  EXPECT_THAT(error_of([&] { e.options.load_yaml(dir / "none.yaml"); }), HasSubstr("none.yaml"));
  write_file(dir / "empty.yaml", "# nothing\n");
  Everything fresh;
  fresh.options.load_yaml(dir / "empty.yaml");
  EXPECT_EQ(fresh.options.to_yaml(), Everything().options.to_yaml());
}

TEST(Options, WhatItPrintsReadsBackTheSame) {
  TempDir dir;
  Everything e;
  e.train.lr = 0.1 + 0.2;  // needs 17 digits
  e.label = "yes";
  e.sets = {"a=b c.jsonl", "", "x: y", "[z]", "ü", "null", "12"};
  e.rates = {};
  e.seed = 18446744073709551615u;
  write_file(dir / "out.yaml", e.options.to_yaml());
  Everything back;
  back.options.load_yaml(dir / "out.yaml");
  EXPECT_EQ(back.train.lr, 0.1 + 0.2);
  EXPECT_EQ(back.label, "yes");
  EXPECT_EQ(back.wording, e.wording);
  EXPECT_EQ(back.sets, e.sets);
  EXPECT_TRUE(back.rates.empty());
  EXPECT_EQ(back.options.to_yaml(), e.options.to_yaml());
  EXPECT_EQ(back.options.to_yaml(), e.options.to_yaml());
  EXPECT_THAT(e.options.to_yaml(), testing::StartsWith("train:\n  lr: 0.30000000000000004\n  steps: 200\n"));
}

TEST(Options, AKeyDeclaredTwiceIsRefused) {
  int x = 0;
  Options options;
  options.add("x", x, "first");
  EXPECT_THAT(error_of([&] { options.add("x", x, "second"); }), HasSubstr("'x' is declared twice"));
}

struct TableSection {
  Options::Entries wordings;
  Options options;
  TableSection() { options.section("prompt", *this); }
  void fields(Options& o) { o.add("wordings", wordings, "wordings by name"); }
};

TEST(Options, EntriesOfTheUsersOwnAddUpAndReadBack) {
  TempDir dir;
  write_file(dir / "a.yaml",
             "prompt:\n  wordings:\n    a: {text: \"one: {x}\\n\", where: here}\n    b: {text: 2}\n");
  TableSection table;
  EXPECT_EQ(table.options.find("prompt.wordings")->default_text(), "{}");
  table.options.load_yaml(dir / "a.yaml");
  table.options.set("prompt.wordings", "{b: {text: three}, c: {}}", "--set");
  const Options::Entries expected = {
      {"a", {{"text", "one: {x}\n"}, {"where", "here"}}}, {"b", {{"text", "three"}}}, {"c", {}}};
  EXPECT_EQ(table.wordings, expected);
  TableSection back;
  write_file(dir / "b.yaml", table.options.to_yaml());
  back.options.load_yaml(dir / "b.yaml");
  EXPECT_EQ(back.wordings, expected);
  EXPECT_EQ(back.options.to_yaml(), table.options.to_yaml());
}

TEST(Options, APathIntoAnEntryIsAnsweredWithTheMapToGive) {
  TableSection table;
  for (const char* assignment : {"prompt.wordings.loud.text=", "prompt.wordings.loud.text={problem}!"})
    EXPECT_EQ(
        error_of([&] { table.options.set_assignment(assignment); }),
        "[config] --set: unknown key 'prompt.wordings.loud.text'\n  hint: prompt.wordings is one setting, "
        "a map: --set 'prompt.wordings={loud: {text: ...}}' (wordings by name)");
}

TEST(Options, EntriesAreMapsOfTexts) {
  TempDir dir;
  TableSection table;
  const auto refusal = [&](const std::string& yaml) {
    write_file(dir / "a.yaml", "prompt:\n  wordings: " + yaml + "\n");
    return error_of([&] { table.options.load_yaml(dir / "a.yaml"); });
  };
  EXPECT_THAT(refusal("loud"), HasSubstr("a.yaml:2: prompt.wordings: expected a map, got 'loud'"));
  EXPECT_THAT(refusal("{a: loud}"), HasSubstr("prompt.wordings.a: expected a map, got 'loud'"));
  EXPECT_THAT(refusal("{a: {text: [1]}}"), HasSubstr("prompt.wordings.a.text: expected a text, got a list"));
  EXPECT_THAT(refusal("{a: {text: x}, a: {text: y}}"), HasSubstr("'prompt.wordings.a' stands here twice"));
  EXPECT_TRUE(table.wordings.empty());
}

}  // namespace
}  // namespace pope
