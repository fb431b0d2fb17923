// Options: precedence, strict types, nearest keys, places in messages, and the round trip through YAML.
#include "core/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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
  EXPECT_EQ(e.options.all()[0].key, "train.lr");
  EXPECT_EQ(e.options.all()[0].default_text, "1e-06");
  EXPECT_EQ(e.options.all()[2].default_text, "[1, 8]");
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

}  // namespace
}  // namespace pope
