// All settings: keys, help, what is allowed, which verb reads what, and every shipped config.
#include "pope/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/files.h"
#include "pope/verb.h"
#include "reproduce/plan.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

TEST(Settings, EveryKeyIsInASectionAndHasHelp) {
  Settings settings;
  Options options;
  settings.declare(options);  // throws on a key declared twice
  std::set<std::string> sections;
  for (const Options::Option& option : options.all()) {
    const auto dots = std::count(option.key().begin(), option.key().end(), '.');
    EXPECT_EQ(dots, option.key().starts_with("problems.fields.") ? 2 : 1) << option.key();
    EXPECT_GE(option.help().size(), 4u) << option.key();
    EXPECT_EQ(option.help().find('\n'), std::string::npos) << option.key();
    sections.insert(option.key().substr(0, option.key().find('.')));
  }
  EXPECT_EQ(sections,
            (std::set<std::string>{"run",       "paths",     "problems", "prompt",  "verify",    "check",
                                   "engine",    "sampling",  "source",   "mine",    "guide",     "collect",
                                   "evolve",    "reflector", "pairs",    "mixture", "objective", "optimizer",
                                   "lora",      "train",     "async",    "p2o",     "adaptive",  "search",
                                   "retire",    "vote",      "sft",      "metrics", "eval",      "report",
                                   "reproduce", "watch",     "serve",    "export",  "plan",      "agent"}));
}

// Each is a thread or a process.
TEST(Settings, CountsOfThreadsAndWorkersAreBounded) {
  Settings settings;
  Options options;
  settings.declare(options);
  std::set<std::string> counts;
  for (const Options::Option& option : options.all()) {
    if (!option.key().ends_with("threads") && !option.key().ends_with("workers")) continue;
    counts.insert(option.key());
    EXPECT_THROW(options.set(option.key(), "100000", "test"), Error) << option.key();
  }
  EXPECT_EQ(counts,
            (std::set<std::string>{"agent.workers", "reproduce.workers", "run.threads", "verify.workers"}));
}

TEST(Settings, DefaultsAreAllowedAndGoTogether) {
  Settings settings;
  Options options;
  settings.declare(options);
  EXPECT_NO_THROW(options.check());
  for (const Verb* verb : all_verbs()) {
    const Options read = options.only(verb->keys);
    if (verb->check == nullptr || verb == &export_verb) continue;  // export: its argument says what is needed
    EXPECT_NO_THROW(verb->check({settings, read, "out", {}})) << verb->name;
  }
}

// A key that no verb reads could be set nowhere; a pattern that names none is a slip of the pen.
TEST(Settings, EveryKeyIsReadByAVerbAndEveryPatternNamesAKey) {
  Settings settings;
  Options options;
  settings.declare(options);
  std::set<std::string> unread, old;
  for (const Options::Option& option : options.all()) {
    unread.insert(option.key());
    old.insert(option.old_keys().begin(), option.old_keys().end());
  }
  for (const std::string& key : old) EXPECT_EQ(options.find(key), nullptr) << key;
  for (const Verb* verb : all_verbs()) {
    for (const std::string& pattern : verb->keys) {
      const Options read = options.only({pattern});
      EXPECT_FALSE(read.all().empty()) << verb->name << ' ' << pattern;
      for (const Options::Option& option : read.all()) unread.erase(option.key());
    }
    for (const Shortcut& shortcut : verb->shortcuts)
      EXPECT_TRUE(names_key(verb->keys, shortcut.key)) << verb->name << ' ' << shortcut.flag;
  }
  EXPECT_EQ(unread, std::set<std::string>());
}

TEST(Settings, DefaultsReadBackFromTheirOwnYaml) {
  Settings settings, back;
  Options options, back_options;
  settings.declare(options);
  back.declare(back_options);
  const fs::path file =
      fs::path(testing::TempDir()) / ("pope-settings-" + std::to_string(getpid()) + ".yaml");
  write_file(file, options.to_yaml());
  back_options.load_yaml(file);
  fs::remove(file);
  EXPECT_EQ(back_options.to_yaml(), options.to_yaml());
  EXPECT_EQ(back.prompt.guided, settings.prompt.guided);
  EXPECT_FALSE(back.prompt.guided.empty());
}

// What a run that goes on may be given otherwise, and what the document on runs says of it.
TEST(Settings, WhatMayChangeOnResumeIsDocumented) {
  Settings settings;
  Options options;
  settings.declare(options);
  std::set<std::string> any, larger, same_content;
  for (const Options::Option& option : options.all()) {
    if (option.on_resume() == Options::Option::OnResume::any) any.insert(option.key());
    if (option.on_resume() == Options::Option::OnResume::larger) larger.insert(option.key());
    if (option.on_resume() == Options::Option::OnResume::same_content) same_content.insert(option.key());
  }
  std::set<std::string> expected = {"run.label",
                                    "run.threads",
                                    "run.device",
                                    "run.activation_checkpointing",
                                    "verify.command",
                                    "verify.url",
                                    "verify.timeout_s",
                                    "verify.workers",
                                    "sampling.batch_size",
                                    "mine.pass_at",
                                    "train.max_sampler_mismatch",
                                    "train.micro_batch_tokens",
                                    "train.save_every",
                                    "train.save_minutes",
                                    "train.keep",
                                    "train.rollouts_every",
                                    "sft.micro_batch_tokens",
                                    "sft.save_every",
                                    "sft.save_minutes",
                                    "sft.keep",
                                    "metrics.tensorboard",
                                    "optimizer.sharded",
                                    "eval.pass_at",
                                    "eval.level",
                                    "eval.resamples",
                                    "eval.keep_rollouts",
                                    "mine.heldout",
                                    "train.stop_without_signal"};
  for (const std::string section : {"engine.", "reflector."})
    for (const std::string key : {"urls", "key_env", "connections", "timeout_s", "attempts", "backoff_s",
                                  "give_up_s", "publish_dir", "max_gap"})
      expected.insert(section + key);
  EXPECT_EQ(any, expected);
  EXPECT_EQ(larger, (std::set<std::string>{"train.steps", "sft.epochs"}));
  EXPECT_EQ(same_content,
            (std::set<std::string>{"paths.model", "paths.problems", "paths.easy", "paths.reference",
                                   "paths.eval_sets", "evolve.reflection_model"}));
  const std::string text = read_file(fs::path(POPE_SOURCE_DIR) / "docs/formats.md");
  for (const std::set<std::string>& keys : {any, larger})
    for (const std::string& key : keys) {
      if (key.starts_with("reflector.")) continue;
      EXPECT_NE(text.find("`" + key + "`"), std::string::npos) << key;
    }
}

TEST(Settings, EveryShippedConfigParses) {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(POPE_SOURCE_DIR) / "configs")) {
    // configs/paper holds plans, see below.
    if (entry.path().extension() != ".yaml" || entry.path().parent_path().filename() == "paper") continue;
    Settings settings;
    Options options;
    settings.declare(options);
    EXPECT_NO_THROW(options.load_yaml(entry.path())) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 0);
}

TEST(Settings, EveryStepOfThePapersPlanParses) {
  for (const bool quick : {false, true}) {
    const Plan plan = read_plan(fs::path(POPE_SOURCE_DIR) / "configs/paper", quick);
    for (const Step& step : plan.steps) {
      Settings settings;
      Options options;
      settings.declare(options);
      for (const std::string& file : step.config) EXPECT_NO_THROW(options.load_yaml(file)) << step.name;
      const auto verb = std::find_if(all_verbs().begin(), all_verbs().end(),
                                     [&](const Verb* one) { return one->name == step.verb; });
      ASSERT_NE(verb, all_verbs().end()) << step.name;
      for (const auto& [key, value] : step.settings) {
        EXPECT_NO_THROW(options.set(key, value, "arms.yaml")) << step.name << ' ' << key;
        EXPECT_TRUE(names_key((*verb)->keys, key)) << step.name << ' ' << key;
      }
      EXPECT_NO_THROW(options.only((*verb)->keys).check()) << step.name;
    }
    for (const char* study : {"fig3", "fig4", "fig5", "fig6", "fig9", "fig10", "fig11", "table2", "guidance",
                              "baselines", "relatives", "teachers", "p2o"})
      EXPECT_FALSE(plan.study(study).claims.empty()) << study;
  }
}

}  // namespace
}  // namespace pope
