// The workflow as a newcomer goes it, on a random model: each verb says how to go on, by a whole command that
// is pasted here; what did not come out is said at once, with what to do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <map>

#include "apps/tiny_model.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "core/yaml.h"
#include "pope/next.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class Workflow : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_ / "a folder");
    write_file(path("tiny.yaml"), R"(
run: {threads: 1}
source: {walks: 1, modulus: 5, count: 6}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 4, batch_size: 16}
mine: {samples: 64, pass_at: [1], heldout: 0.4}
guide: {samples: 2, boundary: word, choose: random}
train: {steps: 2, prompts_per_step: 4, rollouts_per_prompt: 4}
eval: {samples: 2, pass_at: [1]}
)");
    write_file(path("tiny.json"), test::tiny_model(1));
    ASSERT_EQ(run("pope problems -c tiny.yaml --out problems.jsonl"), 0) << err_;
    ASSERT_EQ(run("pope init -c tiny.yaml tiny.json --out model"), 0) << err_;
  }

  fs::path path(const std::string& name) const { return dir_ / ("a folder/" + name); }

  // The exit code of a command line, run in "a folder".
  int run(const std::string& line) {
    const std::string command = "cd '" + path("").string() + "' && pope() { '" + POPE_BINARY +
                                "' \"$@\"; } && " + line + " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    out_ = read_file(path("out.txt")), err_ = read_file(path("err.txt"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // What stands behind "Next: " in the output of the last command.
  std::string next() const {
    const std::size_t at = out_.find("\nNext: ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + 7;
    return out_.substr(begin, out_.find('\n', begin) - begin);
  }

  std::string setting(const std::string& run, const std::string& key) const {
    for (const auto& [name, value] : flatten_yaml(read_file(path(run + "/config.yaml")), run))
      if (name == key) return value;
    return "none";
  }

  std::vector<Json> rows(const std::string& name) const {
    std::vector<Json> all;
    read_jsonl(path(name), [&](Json&& row, std::size_t) { all.push_back(std::move(row)); });
    return all;
  }

  TempDir dir_;
  std::string out_, err_;
};

// Settings that were given once, by a flag, go along to the end; so do those of files.
TEST_F(Workflow, EachVerbsNextCommandRunsAsItStands) {
  ASSERT_EQ(run("pope mine -c tiny.yaml --model model --problems problems.jsonl --seed 5 "
                "--set 'prompt.unguided={problem} : :' --out 'my runs/mine'"),
            0)
      << err_;
  EXPECT_EQ(
      next(),
      "pope guide -c tiny.yaml -c 'my runs/mine/config.yaml' --problems 'my runs/mine/hard.jsonl' --out "
      "'my runs/guide'");
  for (const char* verb : {"guide", "train", "eval"}) {
    const std::string command = next();
    ASSERT_THAT(command, HasSubstr(std::string("pope ") + verb));
    ASSERT_EQ(run(command), 0) << command << '\n' << err_;
    const std::string folder = std::string("my runs/") + verb;
    EXPECT_EQ(setting(folder, "prompt.unguided"), "{problem} : :");
    EXPECT_EQ(setting(folder, "verify.kind"), "walks");
    EXPECT_EQ(setting(folder, "run.seed"), "5");
    if (verb == std::string("guide")) {
      EXPECT_EQ(
          next(),
          "pope train -c tiny.yaml -c 'my runs/guide/config.yaml' --problems 'my runs/guide/guided.jsonl' "
          "--out 'my runs/train'");
    }
  }
  EXPECT_EQ(next(),
            "pope report 'my runs/mine' 'my runs/guide' 'my runs/train' 'my runs/eval' --out "
            "'my runs/report.html'");
  ASSERT_EQ(run(next()), 0) << err_;
  EXPECT_TRUE(fs::exists(path("my runs/report.html")));
  EXPECT_EQ(setting("my runs/guide", "guide.choose"), "random");
  EXPECT_EQ(setting("my runs/train", "train.steps"), "2");
  EXPECT_EQ(setting("my runs/eval", "paths.model"), "my runs/train/model");
  EXPECT_EQ(setting("my runs/eval", "run.label"), "train");
  // Where the folder is taken, another is named.
  ASSERT_EQ(run("pope mine -c 'my runs/mine/config.yaml' --out 'my runs/mine'"), 0) << err_;
  EXPECT_THAT(next(), HasSubstr("--out 'my runs/guide-2'"));
}

TEST_F(Workflow, ColumnsThatWereNamedAreSetBackForFilesOfOurOwn) {
  std::vector<Json> all = rows("problems.jsonl");
  for (Json& row : all) {
    const Json answer = row["answer"];
    row.erase("answer");
    row["gold"] = answer;
  }
  write_jsonl(path("odd.jsonl"), all);
  ASSERT_EQ(run("pope mine -c tiny.yaml --model model --problems odd.jsonl --set problems.fields.answer=gold "
                "--out mine"),
            0)
      << err_;
  EXPECT_THAT(next(), HasSubstr("--problems mine/hard.jsonl --set problems.fields.answer= --out guide"));
  EXPECT_EQ(run(next()), 0) << err_;
}

TEST_F(Workflow, MiningCountsOneWay) {
  ASSERT_EQ(
      run("pope mine -c tiny.yaml --model model --problems problems.jsonl --set sampling.max_new_tokens=1 "
          "--set mine.samples=2 --set mine.heldout=0.9 --out mine"),
      0)
      << err_;
  const Json result = read_json(path("mine/result.json"));
  std::map<std::string, int> by_class, by_file;
  for (const Json& row : rows("mine/mined.jsonl")) ++by_class[row["mining"]["difficulty"].get<std::string>()];
  for (const char* name : {"hard", "heldout", "truncated"})
    if (fs::exists(path(std::string("mine/") + name + ".jsonl")))
      by_file[name] = static_cast<int>(rows(std::string("mine/") + name + ".jsonl").size());
  EXPECT_GT(by_class["truncated"], 0);
  EXPECT_EQ(result["classes"]["truncated"], by_class["truncated"]);
  EXPECT_EQ(result["classes"]["hard"], by_class["hard"]);
  EXPECT_EQ(by_file["truncated"], by_class["truncated"]);
  EXPECT_EQ(by_file["hard"] + by_file["heldout"], by_class["hard"]);
  EXPECT_THAT(out_, HasSubstr(fmt::format("  hard       {:>8}", by_class["hard"])));
  EXPECT_THAT(out_, HasSubstr(fmt::format("  truncated  {:>8}", by_class["truncated"])));
}

// Without the model: nothing is sampled again.
TEST_F(Workflow, AnotherHeldoutSortsAgain) {
  const std::string mine = "pope mine -c tiny.yaml --model model --problems problems.jsonl --out mine ";
  ASSERT_EQ(run(mine), 0) << err_;
  const std::size_t hard = rows("mine/hard.jsonl").size(), aside = rows("mine/heldout.jsonl").size();
  ASSERT_GT(aside, 0u);
  const Json before = read_json(path("mine/result.json"));
  fs::remove_all(path("model"));
  ASSERT_EQ(run(mine + "--set mine.heldout=0"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("sorted again"));
  EXPECT_EQ(rows("mine/hard.jsonl").size(), hard + aside);
  EXPECT_FALSE(fs::exists(path("mine/heldout.jsonl")));
  Json after = read_json(path("mine/result.json"));
  EXPECT_EQ(after["sets"]["hard"], hard + aside);
  EXPECT_EQ(after["classes"], before["classes"]);
  EXPECT_EQ(after["tokens"], before["tokens"]);
  EXPECT_EQ(setting("mine", "mine.heldout"), "0");
  ASSERT_EQ(run(mine), 0) << err_;
  EXPECT_EQ(rows("mine/heldout.jsonl").size(), aside);
  EXPECT_EQ(read_json(path("mine/result.json")), before);
}

TEST_F(Workflow, GuideThatFindsNothingSaysSoAndWhatToTry) {
  ASSERT_EQ(run("pope guide -c tiny.yaml --model model --problems problems.jsonl --set guide.choose=shortest "
                "--set guide.samples=1 --set sampling.max_new_tokens=1 --set guide.fallback_fraction=0.5 "
                "--out guide"),
            0)
      << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("Found a prefix that works for 0 of 6"),
                          HasSubstr("\nNo prefix worked: "), HasSubstr("guide.max_fraction")));
  EXPECT_EQ(
      next(),
      "pope guide -c tiny.yaml -c guide/config.yaml --problems problems.jsonl --set guide.samples=4 --set "
      "guide.boundary=word --out guide-2");
  EXPECT_TRUE(fs::exists(path("guide/guided.jsonl")));
}

// A solution of one step is cut at a word; where no cut is left, nothing is guided, which is an error.
TEST_F(Workflow, SolutionsOfOneSentence) {
  std::vector<Json> all = rows("problems.jsonl");
  all.resize(1);
  all[0]["solution"] = "1 2 3 4 1 2 3 4";
  all[0]["answer"] = "4";
  write_jsonl(path("one.jsonl"), all);
  const std::string guide =
      "pope guide -c tiny.yaml --model model --set guide.choose=shortest --set "
      "guide.boundary=auto --set verify.kind=math ";
  ASSERT_EQ(run(guide + "--problems one.jsonl --out one"), 0) << err_;
  ASSERT_EQ(rows("one/guided.jsonl").size(), 1u);
  EXPECT_EQ(rows("one/guided.jsonl")[0]["guidance"]["text"], "1 2");
  EXPECT_THAT(
      out_, AllOf(HasSubstr("nothing to try: the first words of a step"), HasSubstr("guide.boundary=word")));
  all[0]["solution"] = "1";
  write_jsonl(path("word.jsonl"), all);
  EXPECT_EQ(run(guide + "--problems word.jsonl --out word"), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("no problem got guidance"), HasSubstr("hint: ")));
  EXPECT_FALSE(fs::exists(path("word/result.json")));
}

TEST_F(Workflow, TrainingWithoutSignalSaysSoAfterTenSteps) {
  const std::string train =
      "pope train -c tiny.yaml --model model --problems problems.jsonl --set mixture.guided=0 "
      "--set sampling.max_new_tokens=1 --set train.steps=11 ";
  ASSERT_EQ(run(train + "--out train"), 0) << err_;
  EXPECT_THAT(err_, AllOf(HasSubstr("warning: the first 10 steps had no signal"),
                          HasSubstr("% of the rollouts were cut off. Raise sampling.max_new_tokens")));
  EXPECT_THAT(out_, HasSubstr("No step had signal"));
  EXPECT_EQ(read_json(path("train/result.json"))["without_signal"], 11);
  EXPECT_EQ(run(train + "--set train.stop_without_signal=3 --out stopped"), 1);
  EXPECT_THAT(err_, HasSubstr("[train] the last 3 steps had no signal"));
  EXPECT_EQ(rows("stopped/metrics.jsonl").size(), 3u);
}

TEST_F(Workflow, AModelMayBeNamedByItsRun) {
  ASSERT_EQ(
      run("pope train -c tiny.yaml --model model --problems problems.jsonl --set mixture.guided=0 --out t"),
      0)
      << err_;
  ASSERT_EQ(run("pope eval -c tiny.yaml --model t --problems problems.jsonl --out e"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("note: t: opening t/model"));
  EXPECT_EQ(run("pope eval -c tiny.yaml --model e --problems problems.jsonl --out e2"), 1);
  EXPECT_THAT(err_, HasSubstr("e is a run directory without a model"));
}

// Settings of a training run bring its problems along; they are not evaluated under two names.
TEST_F(Workflow, AFileIsEvaluatedOnce) {
  const auto sets = [&](const std::string& flags, const std::string& out) {
    EXPECT_EQ(
        run("pope eval -c tiny.yaml --model model --problems problems.jsonl " + flags + " --out " + out), 0)
        << err_;
    const Json result = read_json(path(out + "/result.json"));
    std::vector<std::string> names;
    for (const Json& set : result["sets"]) names.push_back(set["set"].get<std::string>());
    return names;
  };
  EXPECT_EQ(sets("--eval-set hard=./problems.jsonl", "a"), std::vector<std::string>{"hard"});
  EXPECT_EQ(sets("", "b"), std::vector<std::string>{"problems"});
  write_jsonl(path("other.jsonl"), rows("problems.jsonl"));
  EXPECT_EQ(sets("--eval-set other=other.jsonl", "c"), (std::vector<std::string>{"problems", "other"}));
}

// Neither a shorter answer nor a model with less would help: the prompt alone is too long.
TEST_F(Workflow, APromptAboveTheContextSaysSo) {
  std::string words = "1";
  for (int i = 0; i < 100; ++i) words += " 2";
  write_file(path("long.jsonl"), "{\"problem\": \"" + words + "\", \"answer\": \"1\"}\n");
  EXPECT_EQ(
      run("pope mine -c tiny.yaml --model model --problems long.jsonl --set verify.kind=math --out long"), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("context of 64 tokens: the shortest prompt has 102"),
                          HasSubstr("hint: give shorter problems"), Not(HasSubstr("lower"))));
  write_file(path("long.jsonl"), "{\"problem\": \"" + words.substr(0, 121) + "\", \"answer\": \"1\"}\n");
  EXPECT_EQ(
      run("pope mine -c tiny.yaml --model model --problems long.jsonl --set verify.kind=math --out long"), 1);
  EXPECT_THAT(err_, HasSubstr("hint: lower sampling.max_new_tokens, to 2 at most"));
}

TEST(ShellWord, IsQuotedWhereItMustBe) {
  EXPECT_EQ(shell_word("runs/a-b_c.yaml"), "runs/a-b_c.yaml");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("$x"), "'$x'");
  EXPECT_EQ(shell_word(""), "''");
}

// What a LoRA run leaves is an adapter, which every verb takes for the model that it makes.
TEST_F(Workflow, LoraLeavesAnAdapterThatIsAModelForAllVerbs) {
  const std::string train =
      "pope train -c tiny.yaml --model model --problems problems.jsonl --set mixture.guided=0 "
      "--set lora.rank=2 --set train.save_every=1 --set optimizer.lr=0.1 ";
  ASSERT_EQ(run(train + "--out lora"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("LoRA trains "));
  EXPECT_FALSE(fs::exists(path("lora/model/model.safetensors")));
  EXPECT_EQ(read_json(path("lora/model/adapter_config.json"))["base_model_name_or_path"],
            path("model").string());

  // Longer, it goes on from its checkpoint to where an unbroken run gets.
  ASSERT_EQ(run(train + "--set train.steps=4 --out lora"), 0) << err_;
  ASSERT_EQ(run(train + "--set train.steps=4 --out whole"), 0) << err_;
  EXPECT_EQ(read_file(path("lora/model/adapter_model.safetensors")),
            read_file(path("whole/model/adapter_model.safetensors")));

  ASSERT_EQ(run("pope sft -c tiny.yaml --model model --problems problems.jsonl --set lora.rank=2 "
                "--set sft.batch_size=2 --set sft.epochs=8 --set optimizer.lr=0.03 --out taught"),
            0)
      << err_;
  const std::vector<Json> losses = rows("taught/metrics.jsonl");
  EXPECT_LT(losses.back()["loss"].get<double>(), losses.front()["loss"].get<double>() - 0.1);
  ASSERT_EQ(run("pope export hf --model taught --out merged"), 0) << err_;
  const std::string eval = "pope eval -c tiny.yaml --problems problems.jsonl --label x --set eval.samples=8 ";
  ASSERT_EQ(run(eval + "--model taught --out eval-lora"), 0) << err_;
  ASSERT_EQ(run(eval + "--model merged --out eval-merged"), 0) << err_;
  EXPECT_EQ(read_json(path("eval-lora/result.json"))["sets"],
            read_json(path("eval-merged/result.json"))["sets"]);

  EXPECT_EQ(run(train + "--model lora --out twice"), 1);
  EXPECT_THAT(err_, HasSubstr("lora is an adapter, and lora.rank asks for another on top of it"));
  fs::remove_all(path("model"));
  EXPECT_EQ(run(eval + "--model lora --out without"), 1);
  EXPECT_THAT(err_, HasSubstr("which is no file or folder here"));
}

}  // namespace
}  // namespace pope
