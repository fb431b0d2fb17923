// The program from outside: help, refusals with the nearest known word, exit codes, and what goes to stdout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <regex>

#include "core/files.h"
#include "core/temp_dir.h"
#include "core/version.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Output {
  int code = -1;
  std::string out, err;
};

// Runs `pope ARGUMENTS` by the shell.
Output run_pope(const TempDir& dir, const std::string& arguments) {
  const std::string err = (dir / "stderr").string();
  const std::string command = std::string(POPE_BINARY) + " " + arguments + " 2>" + err;
  Output output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (std::size_t size; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.out.append(buffer, size);
  const int status = pclose(pipe);
  output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  output.err = read_file(err);
  return output;
}

const std::vector<std::string> kVerbs = {
    "mine",   "guide",  "train", "eval",  "report",    "problems", "prompt", "verify", "collect", "sft",
    "export", "doctor", "init",  "pairs", "reproduce", "evolve",   "plan",   "watch",  "serve",   "agent"};

TEST(CommandLine, HelpListsEveryVerb) {
  TempDir dir;
  const Output help = run_pope(dir, "--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const std::string& verb : kVerbs) EXPECT_THAT(help.out, HasSubstr("\n  " + verb + " "));
  EXPECT_THAT(help.out, HasSubstr("Start here"));
  // In groups, and in this order.
  std::size_t at = 0;
  for (const char* word :
       {"workflow", "  mine ", "  report ", "models", "  problems ", "  init ", "paper", "  pairs "}) {
    const std::size_t next = help.out.find(word, at);
    ASSERT_NE(next, std::string::npos) << word;
    at = next;
  }
  // What is trained on is not evaluated on.
  EXPECT_THAT(help.out,
              AllOf(HasSubstr("mine.heldout=0.3"), HasSubstr("--problems runs/mine/heldout.jsonl")));
  EXPECT_EQ(run_pope(dir, "").code, 2);
  EXPECT_EQ(run_pope(dir, "--version").out, std::string("pope ") + kVersion + "\n");
}

TEST(CommandLine, EveryVerbExplainsItself) {
  TempDir dir;
  for (const std::string& verb : kVerbs) {
    const Output help = run_pope(dir, verb + " --help");
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_THAT(help.out, AllOf(StartsWith("pope " + verb + ": "), HasSubstr("--set KEY=VALUE"),
                                HasSubstr("-c, --config FILE"), HasSubstr("\n  pope " + verb)));
    EXPECT_THAT(help.out, HasSubstr("Settings, with their defaults:\n  "));
  }
  const Output help = run_pope(dir, "mine --help --set nonsense=1");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("mine.samples = 128"), HasSubstr("verify.kind = math"),
                              HasSubstr("--model MODEL"), Not(HasSubstr("train.steps"))));
}

TEST(CommandLine, HelpShowsWhatIsNeededAndAllowed) {
  TempDir dir;
  const auto help = [&](const std::string& verb) { return run_pope(dir, verb + " --help").out; };
  EXPECT_THAT(help("mine"),
              AllOf(HasSubstr("Usage: pope mine --model MODEL --problems FILE --out DIR [flags]\n"),
                    HasSubstr(" [at least 1]\n"), HasSubstr(" [fp32 | bf16]\n"),
                    HasSubstr("\n\n  sampling.temperature")));
  EXPECT_THAT(help("eval"),
              HasSubstr("Usage: pope eval --model MODEL (--problems FILE | --eval-set NAME=FILE) --out DIR"));
  EXPECT_THAT(help("init"),
              AllOf(HasSubstr("Usage: pope init CONFIG.json --out DIR [flags]\n"), HasSubstr("run.seed"),
                    Not(HasSubstr("run.dtype")), Not(HasSubstr("--label"))));
  EXPECT_THAT(help("report"), HasSubstr("Usage: pope report RUN... [--out FILE.html] [flags]\n"));
  EXPECT_THAT(help("export"), AllOf(HasSubstr("run.dtype"), Not(HasSubstr("async."))));
  EXPECT_THAT(help("train"),
              AllOf(HasSubstr("[luffy | ppo_clip | truncated_is]"), HasSubstr("[above 1, or 0]")));
}

TEST(CommandLine, MistypedWordsAreRefusedWithTheNearestOne) {
  TempDir dir;
  const Output verb = run_pope(dir, "trian --help");
  EXPECT_EQ(verb.code, 2);
  EXPECT_THAT(verb.err, AllOf(HasSubstr("unknown verb 'trian'"), HasSubstr("'train'")));
  const Output flag = run_pope(dir, "mine --modle x --out y");
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.err, AllOf(HasSubstr("unknown flag '--modle'"), HasSubstr("'--model'")));
  EXPECT_THAT(run_pope(dir, "eval --eval-sets=a=b --out y").err, HasSubstr("'--eval-set'"));
  const Output key = run_pope(dir, "mine --out y --set mine.sample=3");
  EXPECT_EQ(key.code, 1);
  EXPECT_THAT(key.err, AllOf(StartsWith("error: "), HasSubstr("'mine.sample'"), HasSubstr("'mine.samples'")));
  for (const Output& output : {verb, flag, key}) EXPECT_EQ(output.out, "");
}

TEST(CommandLine, WhatIsMissingOrTooMuchIsUsage) {
  TempDir dir;
  EXPECT_THAT(run_pope(dir, "mine").err, HasSubstr("--out DIR"));
  for (const char* arguments : {"mine", "mine stray --out x", "report", "init --out x", "init a b --out x",
                                "mine --out", "mine --set --out x", "--nonsense"}) {
    EXPECT_EQ(run_pope(dir, arguments).code, 2) << arguments;
  }
}

TEST(CommandLine, SuggestionsAreNear) {
  TempDir dir;
  const std::string far = run_pope(dir, "eval --out y --set sampling.top_p=0.9").err;
  EXPECT_THAT(far, AllOf(HasSubstr("unknown key 'sampling.top_p'"), Not(HasSubstr("did you mean")),
                         HasSubstr("sampling are temperature, max_new_tokens and batch_size")));
  EXPECT_THAT(run_pope(dir, "train --out y --set train.lr=1").err, HasSubstr("did you mean 'optimizer.lr'?"));
  EXPECT_THAT(
      run_pope(dir, "distill --out y").err,
      AllOf(HasSubstr("unknown verb 'distill'"), Not(HasSubstr("did you mean")), HasSubstr("reproduce")));
}

TEST(CommandLine, VerbsRefuseSettingsOfOthersButFilesMayHoldThem) {
  TempDir dir;
  const Output eval = run_pope(dir, "eval --model m --problems p --out y --set objective.kind=foo");
  EXPECT_EQ(eval.code, 1);
  EXPECT_THAT(eval.err, AllOf(HasSubstr("[config] --set: pope eval does not read objective.*"),
                              HasSubstr("objective.kind is for pope train, export and plan;")));
  EXPECT_THAT(run_pope(dir, "init c.json --out y --set run.dtype=bf16").err,
              HasSubstr("pope init does not read run.dtype"));
  const std::string file = dir / "shared.yaml", problems = dir / "p.jsonl";
  write_file(file, "objective: {kind: luffy}\nrun: {dtype: bf16}\nsource: {count: 3}\n");
  EXPECT_EQ(run_pope(dir, "problems -c " + file + " --out " + problems).code, 0);
  write_file(file, "source: {count: 3}\nobjective: {kind: lufy}\n");
  EXPECT_THAT(
      run_pope(dir, "problems -c " + file + " --out " + problems).err,
      AllOf(HasSubstr("shared.yaml:2: objective.kind: expected luffy, ppo_clip or truncated_is, got 'lufy'"),
            HasSubstr("did you mean 'luffy'?")));
}

// Neither the model nor the problems are there: what is wrong with the settings is said first.
TEST(CommandLine, SettingsAreRefusedBeforeAnythingIsRead) {
  TempDir dir;
  const std::vector<std::array<std::string, 3>> faults = {
      {"train", "objective.kind=pppo",
       "objective.kind: expected luffy, ppo_clip or truncated_is, got 'pppo'"},
      {"train", "train.mode=streaming", "train.mode: expected sync or async, got 'streaming'"},
      {"train", "train.micro_batch_tokens=-1", "train.micro_batch_tokens: expected at least 1, got -1"},
      {"train", "train.keep=0", "train.keep: expected at least 1, got 0"},
      {"train", "train.updates_per_batch=33", "train.updates_per_batch: expected at most"},
      {"train", "objective.pass_k=9",
       "objective.pass_k: expected at most train.rollouts_per_prompt (8), got 9"},
      {"train", "optimizer.warmup=201",
       "optimizer.warmup: expected at most the 200 steps of the run, got 201"},
      {"train", "sampling.temperature=0", "sampling.temperature: expected above 0, got 0"},
      {"train", "async.max_lag=1", "async.max_lag: expected -1, its default, with train.mode=sync, got 1"},
      {"train", "train.mode=async --set async.buffer=31", "async.buffer: expected at least 32"},
      {"train", "mixture.guided=0 --set mixture.unguided=0",
       "mixture: expected weights with a sum above 0, got 0"},
      {"train", "train.prompts_per_step=1", "1 prompts a step leave none for mixture.guided = 1"},
      {"train", "verify.kind=command", "verify.command: expected a value with verify.kind=command, got none"},
      {"train", "verify.workers=1025", "verify.workers: expected 1 to 1024, got 1025"},
      {"train", "prompt.guided=go", "prompt.guided: expected a text with {problem} and {guidance}, got 'go'"},
      {"train", "prompt.wordings={my: {text: go}}",
       "prompt.wordings.my.text: expected a text with {problem}"},
      {"mine", "prompt.instruction=loud", "prompt.instruction: expected default or silent, got 'loud'"},
      {"guide", "guide.grid=0", "guide.grid: expected at least 1, got 0"},
      {"guide", "guide.min_fraction=0.9",
       "guide.min_fraction: expected at most guide.max_fraction (0.75), got 0.9"},
      {"guide", "sampling.temperature=0", "guide.samples: expected 1 with sampling.temperature=0, got 8"},
      {"mine", "mine.easy_min=0.5", "mine.easy_min: expected at most mine.easier_min (0.45), got 0.5"},
      {"mine", "mine.pass_at=[8,1,8]", "mine.pass_at: expected no value twice, got [8, 1, 8]"},
      {"mine", "run.threads=1025", "run.threads: expected 0 to 1024, got 1025"},
      {"mine", "sampling.temperature=0", "mine.samples: expected 1 with sampling.temperature=0, got 128"},
      {"eval", "eval.keep_rollouts=-1", "eval.keep_rollouts: expected at least 0, got -1"},
      {"eval", "eval.overlap_similar=2", "eval.overlap_similar: expected above 0 and at most 1, got 2"},
      {"eval", "eval.pass_at=[65]", "eval.pass_at: expected a k that is at most eval.samples (64), got [65]"},
      {"eval", "paths.eval_sets=[a]", "paths.eval_sets: expected NAME=FILE, got 'a'"},
      {"collect", "collect.prompt=both",
       "collect.prompt: expected guided, unguided, star or star_answer, got 'both'"},
      {"sft", "sft.epochs=1e20", "sft.epochs: expected above 0 and at most 1000000, got 1e+20"},
  };
  for (const auto& [verb, setting, message] : faults) {
    const Output output =
        run_pope(dir, verb + " --model no-model --problems no-problems --out " + (dir / "out").string() +
                          " --set '" + std::regex_replace(setting, std::regex(" --set "), "' --set '") + "'");
    EXPECT_EQ(output.code, 1) << setting;
    EXPECT_THAT(output.err, AllOf(StartsWith("error: ["), HasSubstr(message))) << setting;
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
}

TEST(CommandLine, WhatIsNeededMayComeFromFiles) {
  TempDir dir;
  const std::string out = " --out " + (dir / "out").string();
  EXPECT_THAT(run_pope(dir, "mine --problems p" + out).err, HasSubstr("expected --model MODEL: "));
  EXPECT_THAT(run_pope(dir, "mine --model m" + out).err, HasSubstr("expected --problems FILE: "));
  EXPECT_THAT(run_pope(dir, "eval --model m" + out).err,
              HasSubstr("expected --problems FILE or --eval-set NAME=FILE"));
  EXPECT_THAT(run_pope(dir, "pairs --model m --problems p" + out).err, HasSubstr("expected --easy FILE: "));
  write_file(dir / "a.yaml", "paths: {model: no-model, problems: no-problems}\n");
  const Output given = run_pope(dir, "mine -c " + (dir / "a.yaml").string() + out);
  EXPECT_EQ(given.code, 1);
  EXPECT_THAT(given.err, HasSubstr("no-problems"));
}

TEST(CommandLine, JsonIsTheOnlyThingOnStdout) {
  TempDir dir;
  const std::string file = dir / "p.jsonl";
  const Output made = run_pope(dir, "problems --json --seed 4 --set source.count=6 --out " + file);
  ASSERT_EQ(made.code, 0) << made.err;
  const Json result = Json::parse(made.out);
  EXPECT_EQ(result["problems"], 6);
  EXPECT_EQ(result["seed"], 4);
  int rows = 0;
  read_jsonl(file, [&](Json&&, std::size_t) { ++rows; });
  EXPECT_EQ(rows, 6);
  EXPECT_THAT(run_pope(dir, "problems --set source.count=6 --out " + file).out,
              HasSubstr("Wrote 6 problems"));
}

TEST(CommandLine, SettingsComeFromDefaultThenFilesThenFlags) {
  TempDir dir;
  write_file(dir / "a.yaml", "source: {count: 3, walks: 4}\nrun: {seed: 8}\n");
  write_file(dir / "b.yaml", "source: {count: 5}\n");
  const auto result_of = [&](const std::string& flags) {
    const Output output = run_pope(dir, "problems --json --out " + (dir / "p.jsonl").string() + " " + flags);
    EXPECT_EQ(output.code, 0) << output.err;
    return output.code == 0 ? Json::parse(output.out) : Json();
  };
  const std::string files = "-c " + (dir / "a.yaml").string() + " --config " + (dir / "b.yaml").string();
  EXPECT_EQ(result_of(files)["problems"], 5);
  EXPECT_EQ(result_of(files)["seed"], 8);
  EXPECT_EQ(result_of("--set source.count=7 " + files)["problems"], 7);
  EXPECT_EQ(result_of(files + " --seed 9")["seed"], 9);
}

TEST(CommandLine, ErrorsOfTheWorkAreExplainedWithCodeOne) {
  TempDir dir;
  const Output missing = run_pope(
      dir, "mine --model m --problems " + (dir / "none.jsonl").string() + " --out " + (dir / "run").string());
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, AllOf(StartsWith("error: ["), HasSubstr("none.jsonl")));
  // What failed before anything was done does not bind the run directory to its settings.
  const Output again = run_pope(dir, "problems --set source.count=2 --out " + (dir / "p.jsonl").string());
  EXPECT_EQ(again.code, 0);
  const Output device = run_pope(dir, "mine --model m --problems " + (dir / "p.jsonl").string() +
                                          " --set run.device=tpu --out " + (dir / "run").string());
  EXPECT_EQ(device.code, 1);
  EXPECT_THAT(device.err, HasSubstr("run.device: expected cpu, cuda or cuda:N, got 'tpu'"));
  const Output model = run_pope(dir, "mine --model " + (dir / "no-model").string() + " --problems " +
                                         (dir / "p.jsonl").string() + " --out " + (dir / "run").string());
  EXPECT_EQ(model.code, 1);
  EXPECT_THAT(model.err, HasSubstr("no-model"));
  EXPECT_EQ(run_pope(dir, "problems --out /dev/full").code, 1);
  // Nor can its message be written: a log on the same disk, say.
  const int status =
      std::system((std::string(POPE_BINARY) + " problems --out /dev/full 2>/dev/full").c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
  const Output full = run_pope(dir, "--help >/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.err,
              HasSubstr("cannot write to stdout: No space left on device\n  hint: free some space"));
}

TEST(CommandLine, AReaderThatHasSeenEnoughIsNoError) {
  TempDir dir;
  const std::string file = (dir / "said").string();
  std::system(
      ("(sleep 0.3; " + std::string(POPE_BINARY) + " --help 2>" + file + "; echo $? >>" + file + ") | true")
          .c_str());
  for (int i = 0; i < 100 && (!std::filesystem::exists(file) || read_file(file).empty()); ++i) usleep(100000);
  EXPECT_EQ(read_file(file), "0\n");
}

TEST(CommandLine, PipesAreWrittenToAndRefusedAsInputsOfARun) {
  TempDir dir;
  EXPECT_THAT(run_pope(dir, "problems --set source.count=2 --out /dev/stdout | cat").out,
              HasSubstr("\"answer\""));
  const std::string fifo = dir / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Output pipe = run_pope(dir, "mine --model m --problems " + fifo + " --out " + (dir / "run").string());
  EXPECT_EQ(pipe.code, 1);
  EXPECT_THAT(pipe.err, AllOf(HasSubstr("got a pipe"), HasSubstr("save them to a file")));
}

TEST(CommandLine, ProblemsAreConvertedToOurOwnForm) {
  TempDir dir;
  const std::string in = dir / "verl.json", out = dir / "own.jsonl";
  write_file(
      in,
      R"([{"prompt": [{"role": "user", "content": "1+1?"}], "reward_model": {"ground_truth": "2"}}, {}])");
  const std::string convert = "problems convert " + in + " " + out;
  const Output refused = run_pope(dir, convert);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("verl.json: row 2: field \"problem\""), HasSubstr("--skip-bad")));
  const Output converted = run_pope(dir, convert + " --json --skip-bad");
  ASSERT_EQ(converted.code, 0) << converted.err;
  EXPECT_THAT(converted.err, HasSubstr("verl.json read as verl: problem from prompt"));
  const Json result = Json::parse(converted.out);
  EXPECT_EQ(result["problems"], 1);
  EXPECT_EQ(result["skipped"], 1);
  std::vector<Json> rows;
  read_jsonl(out, [&](Json&& row, std::size_t) { rows.push_back(row); });
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["problem"], "1+1?");
  EXPECT_EQ(rows[0]["answer"], "2");
  const Output named = run_pope(dir, convert + " --skip-bad --set problems.fields.answer=prompt.0.role");
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_THAT(read_file(out), HasSubstr("\"answer\":\"user\""));
  for (const char* arguments : {"problems", "problems convert a", "problems convert a b c",
                                "problems covert a b", "problems convert a b --out c"})
    EXPECT_EQ(run_pope(dir, arguments).code, 2) << arguments;
}

TEST(CommandLine, VerifyTakesTextsAsTheyStand) {
  TempDir dir;
  const Output pair = run_pope(dir, R"(verify --json --gold "'a' and 'b'" --pred '"\frac{1}{2}"')");
  ASSERT_EQ(pair.code, 0) << pair.err;
  EXPECT_EQ(Json::parse(pair.out)["gold"], "'a' and 'b'");
  EXPECT_EQ(Json::parse(pair.out)["pred"], "\"\\frac{1}{2}\"");
  for (const char* arguments : {"verify", "verify --gold 1", "verify --pred 1", "verify --gold 1 --pred ''",
                                "verify --gold 1 --pred 1 --out x", "verify f.jsonl --gold 1"}) {
    const Output refused = run_pope(dir, arguments);
    EXPECT_EQ(refused.code, 1) << arguments;
    EXPECT_THAT(refused.err, StartsWith("error: [verify]")) << arguments;
  }
}

TEST(CommandLine, VerifyRefusesBadRowsByLineAndField) {
  TempDir dir;
  const std::string file = dir / "rows.jsonl";
  const auto error_of = [&](const std::string& row, const std::string& flags = "") {
    write_file(file, "{\"gold\": \"1\", \"pred\": \"1\"}\n" + row + "\n");
    const Output output = run_pope(dir, "verify " + file + " " + flags);
    EXPECT_EQ(output.code, 1) << row;
    return output.err;
  };
  EXPECT_THAT(error_of(R"({"gold": "1"})"), HasSubstr("rows.jsonl:2: expected a text \"pred\", got none"));
  EXPECT_THAT(error_of(R"({"gold": "1", "pred": 2})"),
              HasSubstr("rows.jsonl:2: expected a text \"pred\", got number"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("rows.jsonl:2: expected an object, got array"));
  EXPECT_THAT(error_of(R"({"gold": "1", "pred": "1", "form": "x"})"), HasSubstr("expected form"));
  EXPECT_THAT(error_of(R"({"gold": "1", "pred": "1", "equal": 1})"), HasSubstr("\"equal\""));
  EXPECT_THAT(error_of(R"({"gold": 1e999, "pred": "1"})"),
              AllOf(HasSubstr("rows.jsonl:2"), Not(HasSubstr("unexpected"))));
  // An error inside a grading thread is an error of the program, not its end.
  EXPECT_THAT(error_of(R"({"gold": "1", "pred": "1", "problem": "no walks"})", "--set verify.kind=walks"),
              StartsWith("error: ["));
}

TEST(CommandLine, VerifyGradesRowsWithTheFieldsOfTheirProblem) {
  TempDir dir;
  const std::string file = dir / "rows.jsonl", out = dir / "out.jsonl";
  write_file(file, R"({"gold": "72", "pred": "So \\boxed{72}.", "equal": true})"
                   "\n"
                   R"({"gold": "72", "pred": "72 it is", "form": "freetext", "equal": false})"
                   "\n");
  const Output output = run_pope(dir, "verify --json --form response " + file + " --out " + out);
  ASSERT_EQ(output.code, 0) << output.err;
  const Json result = Json::parse(output.out);
  EXPECT_EQ(result["correct"], 2);
  EXPECT_EQ(result["disagree"], 1);
  EXPECT_EQ(result["disagreements"][0]["line"], 2);
  std::vector<Json> rows;
  read_jsonl(out, [&](Json&& row, std::size_t) { rows.push_back(row); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["extracted"], "72");
}

TEST(CommandLine, ReproduceSaysItsPlanAndNamesWhatReplacedSeeds) {
  TempDir dir;
  write_file(dir / "plan/arms.yaml", "arms: {a: {label: A, model: m}, b: {label: B, model: m}}");
  write_file(
      dir / "plan/one.yaml",
      "title: t\nclaims:\n  - {id: more, claim: c, metric: final/hard/unguided/pass@8, of: a, minus: b, "
      "times: 2, above: 0.1, expect: 0.3, noise: 0.1}\n");
  const std::string plan = " --set reproduce.plan=" + (dir / "plan").string();
  const Output stated = run_pope(dir, "reproduce one --plan-only --bases 5" + plan);
  EXPECT_EQ(stated.code, 0) << stated.err;
  EXPECT_THAT(stated.out, AllOf(HasSubstr("one/more"), HasSubstr("a - 2 x b > 0.1"), HasSubstr("91 %"),
                                HasSubstr("1 claims, 10 runs: 5 bases")));
  const Output without = run_pope(dir, "reproduce one" + plan);
  EXPECT_EQ(without.code, 2);
  EXPECT_THAT(without.err, HasSubstr("expected --out DIR"));
  const Output flag = run_pope(dir, "reproduce one --seeds 3 --out x");
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.err,
              AllOf(HasSubstr("unknown flag '--seeds'"), HasSubstr("--bases"), HasSubstr("--rl-seeds")));
  const Output key = run_pope(dir, "reproduce one --set reproduce.seeds=3 --out x");
  EXPECT_EQ(key.code, 1);
  EXPECT_THAT(key.err, AllOf(HasSubstr("unknown key 'reproduce.seeds'"), HasSubstr("reproduce.bases"),
                             HasSubstr("reproduce.rl_seeds")));
}

// A run that fails costs its own claims: the results are written, and the exit code says so.
TEST(CommandLine, ReproduceNamesWhatFailed) {
  TempDir dir;
  write_file(dir / "plan/arms.yaml", "arms: {a: {label: A, model: " + (dir / "nothing").string() + "}}");
  write_file(
      dir / "plan/one.yaml",
      "title: t\nclaims:\n  - {id: more, claim: c, metric: final/hard/unguided/pass@8, of: a, above: 0.1}\n");
  const Output output =
      run_pope(dir, "reproduce one --bases 1 --set reproduce.plan=" + (dir / "plan").string() + " --out " +
                        (dir / "out").string());
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err, HasSubstr("1 failed: base-1/rl-1/eval-a"));
  EXPECT_THAT(output.out, HasSubstr("0 held, 0 did not hold, 1 undecided"));
  EXPECT_EQ(read_json(dir / "out/claims.json")["failures"].size(), 1u);
  EXPECT_THAT(read_file(dir / "out/paper.md"), HasSubstr("base-1/rl-1/eval-a"));
}

TEST(CommandLine, PromptShowsWhatTheModelIsShown) {
  TempDir dir;
  const std::string model = std::string("prompt --model ") + POPE_SOURCE_DIR + "/tests/golden/text_smollm ";
  const Output text = run_pope(dir, model + "'2+2?' --set 'prompt.unguided={problem}'");
  EXPECT_EQ(text.err, "");
  EXPECT_THAT(text.out, HasSubstr("<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"));
  EXPECT_THAT(text.out, HasSubstr("1 \"<|im_start|>\""));
  EXPECT_THAT(text.out, HasSubstr("A rollout ends at 2 \"<|im_end|>\"; training writes the first."));

  write_file(dir / "p.jsonl",
             "{\"id\": \"a\", \"problem\": \"A?\", \"answer\": \"1\"}\n"
             "{\"id\": \"b\", \"problem\": \"B?\", \"answer\": \"2\", \"guidance\": {\"text\": "
             "\"<|im_end|>So\"}}\n");
  const std::string problems = model + "--json --problems " + (dir / "p.jsonl").string();
  EXPECT_EQ(Json::parse(run_pope(dir, problems).out)["problem_id"], "a");
  const Json prompts = Json::parse(run_pope(dir, problems + " b").out)["prompts"];
  ASSERT_EQ(prompts.size(), 2u);
  EXPECT_EQ(prompts[0]["kind"], "unguided");
  EXPECT_EQ(prompts[1]["kind"], "guided");
  EXPECT_THAT(prompts[1]["text"].get<std::string>(), HasSubstr("<|im_end|>So"));
  int ends = 0;
  for (const Json& token : prompts[1]["tokens"]) ends += token["text"] == "<|im_end|>";
  EXPECT_EQ(ends, 2);  // of the system's turn and the user's; what guidance says is text
  EXPECT_THAT(run_pope(dir, problems + " c").err, HasSubstr("expected the id of a problem"));
  EXPECT_EQ(run_pope(dir, model).code, 1);
}

}  // namespace
}  // namespace pope
