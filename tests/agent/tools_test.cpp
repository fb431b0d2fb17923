// How replies are read: both forms, and what models and those who steer them come up with.
#include "agent/tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rng.h"

namespace pope {
namespace {

using testing::HasSubstr;

Action action_of(const std::string& reply) {
  const Parsed parsed = parse_action(reply);
  EXPECT_TRUE(parsed.action) << reply << "\n" << parsed.error;
  return parsed.action.value_or(Action{});
}
std::string refusal(const std::string& reply) {
  const Parsed parsed = parse_action(reply);
  EXPECT_FALSE(parsed.action) << reply;
  return parsed.error;
}

TEST(Tools, FencedBlocks) {
  Parsed parsed = parse_action("I look first.\n```shell\nls -l\nwc x\n```\nThen more.\n```finish\n3\n```");
  ASSERT_TRUE(parsed.action);
  EXPECT_EQ(parsed.action->tool, Tool::shell);
  EXPECT_EQ(parsed.action->text, "ls -l\nwc x\n");
  EXPECT_EQ(parsed.thought, "I look first.");
  EXPECT_EQ(action_of("```bash\nls\n```").tool, Tool::shell);
  EXPECT_EQ(action_of("```read\n a b.txt \n```").path, "a b.txt");
  EXPECT_EQ(action_of("```read a.txt\n```").path, "a.txt");
  const Action write = action_of("```write src/x.py\nprint(1)\n\n```");
  EXPECT_EQ(write.path, "src/x.py");
  EXPECT_EQ(write.text, "print(1)\n\n");
  EXPECT_EQ(action_of("```finish\n 42 \n```").text, "42");
  EXPECT_EQ(action_of("```finish\n```").text, "");
  EXPECT_EQ(action_of("```shell\r\nls\r\n```\r\n").tool, Tool::shell);
}

TEST(Tools, ABlockMayHoldShorterFencesAndOtherBlocksAreText) {
  EXPECT_EQ(action_of("````write a.md\n```shell\nrm x\n```\n````").text, "```shell\nrm x\n```\n");
  EXPECT_EQ(action_of("```python\nprint('```shell')\n```\n```shell\nls\n```").text, "ls\n");
  EXPECT_EQ(action_of("````text\n```shell\nrm x\n```\n````\n```shell\nls\n```").text, "ls\n");
  EXPECT_THAT(refusal("Use ```shell``` inline"), HasSubstr("No action"));
  EXPECT_THAT(refusal("```\nls\n```"), HasSubstr("No action"));
}

TEST(Tools, TheFormOfChatTemplates) {
  const Action shell = action_of(
      "I call.\n<tool_call>\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>");
  EXPECT_EQ(shell.tool, Tool::shell);
  EXPECT_EQ(shell.text, "ls");
  EXPECT_EQ(action_of(R"(<tool_call>{"name": "finish", "arguments": {"answer": 7}})").text, "7");
  EXPECT_EQ(action_of(R"({"name": "read", "parameters": {"path": "a"}})").path, "a");
  EXPECT_EQ(action_of(R"([{"name": "write", "arguments": "{\"path\": \"a\", \"content\": \"b\"}"}])").text,
            "b");
  // An action read back is the same one.
  const Action write{.tool = Tool::write, .path = "a", .text = "x\n\"y\"\n"};
  const Action back = action_of("<tool_call>" + dump(to_json(write)) + "</tool_call>");
  EXPECT_EQ(back.path, write.path);
  EXPECT_EQ(back.text, write.text);
}

// As Qwen2.5-Coder-0.5B writes them.
TEST(Tools, CallsInBlocksOfJsonAndSeveralAtOnce) {
  const Parsed parsed = parse_action(
      "I look.\n```json\n{\n  \"name\": \"shell\",\n  \"arguments\": {\"command\": \"echo '}' "
      "\\\"[\"}\n}\n```\n");
  ASSERT_TRUE(parsed.action) << parsed.error;
  EXPECT_EQ(parsed.action->text, "echo '}' \"[");
  EXPECT_EQ(parsed.thought, "I look.");
  EXPECT_EQ(action_of("```\n{\"name\": \"finish\", \"arguments\": {\"answer\": 7}}\n```").text, "7");
  EXPECT_EQ(action_of("{\"name\": \"shell\", \"arguments\": {\"command\": \"cp a b\"}}\n"
                      "{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}")
                .text,
            "cp a b");
  // What is no call of a tool is text.
  EXPECT_THAT(refusal("```json\n{\"name\": \"anna\", \"port\": 3}\n```"), HasSubstr("No action"));
  EXPECT_EQ(action_of("```json\n{\"name\": \"sudo\"}\n```\n```shell\nls\n```").text, "ls\n");
  EXPECT_THAT(refusal("```python\n{\"name\": \"finish\", \"arguments\": {\"answer\": 7}}\n```"),
              HasSubstr("No action"));
}

TEST(Tools, WithoutToolsAllButFinishIsText) {
  EXPECT_EQ(parse_action("So:\n```bash\nls\n```\n```finish\nls\n```", false).action.value().text, "ls");
  for (const char* reply : {"```bash\nls\n```", "{\"name\": \"shell\", \"arguments\": {\"command\": \"ls\"}}",
                            "<tool_call>{\"name\": \"shell\"", "[{\"a\": 1}]"}) {
    const Parsed parsed = parse_action(reply, false);
    EXPECT_FALSE(parsed.action);
    EXPECT_EQ(parsed.thought, reply);
  }
}

TEST(Tools, WhicheverStandsFirst) {
  EXPECT_EQ(
      action_of("```shell\nls\n```\n<tool_call>{\"name\": \"finish\", \"arguments\": {\"answer\": \"1\"}}")
          .tool,
      Tool::shell);
  EXPECT_EQ(action_of("<tool_call>{\"name\": \"finish\", \"arguments\": {\"answer\": "
                      "\"1\"}}</tool_call>\n```shell\nls\n```")
                .tool,
            Tool::finish);
}

TEST(Tools, ThoughtsAreNoActions) {
  EXPECT_EQ(action_of("<think>I could\n```shell\nrm -r .\n```\n</think>\n```shell\nls\n```").text, "ls\n");
  EXPECT_THAT(refusal("<think>\n```shell\nrm -r .\n```"), HasSubstr("No action"));
  EXPECT_EQ(action_of("a thought that the template opened\n</think>\n```shell\nls\n```").text, "ls\n");
  // What an action holds is not looked at.
  EXPECT_EQ(action_of("```write a.html\n<think></think>\n```\n```shell\nls\n```").path, "a.html");
}

TEST(Tools, WhatIsRefusedIsExplained) {
  EXPECT_THAT(refusal(""), HasSubstr("No action"));
  EXPECT_THAT(refusal("```shell\nls"), HasSubstr("not closed"));
  EXPECT_THAT(refusal("```shell\n \n```"), HasSubstr("command is missing"));
  EXPECT_THAT(refusal("```write\nx\n```"), HasSubstr("path is missing"));
  EXPECT_THAT(refusal("```read\na\nb\n```"), HasSubstr("no path"));
  EXPECT_THAT(refusal("<tool_call>{\"name\": \"shell\""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("<tool_call>[]</tool_call>"), HasSubstr("A tool call is"));
  EXPECT_THAT(refusal(R"(<tool_call>{"name": "sudo", "arguments": {}})"), HasSubstr("no such tool"));
  EXPECT_THAT(refusal(R"(<tool_call>{"name": "shell", "arguments": {}})"),
              HasSubstr("\"command\" is missing"));
  EXPECT_THAT(refusal(R"(<tool_call>{"name": "shell", "arguments": [1]})"), HasSubstr("JSON object"));
  EXPECT_THAT(refusal("<tool_call>" + std::string(100000, '[')), HasSubstr("nested too deep"));
  EXPECT_THAT(refusal("<tool_call>{\"name\":\"shell\",\"arguments\":\"" + std::string(1000, '[') + "\"}"),
              HasSubstr("JSON object"));
  EXPECT_THAT(refusal(std::string("<tool_call>{\"name\":\"read\",\"arguments\":{\"path\":\"a\\u0000b\"}}")),
              HasSubstr("no path"));
  EXPECT_THAT(refusal(std::string("```shell\nls\0x\n```", 17)), HasSubstr("zero byte"));
}

TEST(Tools, HugeAndBrokenTextIsRead) {
  EXPECT_THAT(refusal(std::string(5 << 20, '`')), HasSubstr("No action"));
  EXPECT_THAT(refusal("```shell\n" + std::string(5 << 20, 'x') + "\n```"), HasSubstr("not closed"));
  EXPECT_EQ(action_of("```shell\necho \xff\xfe\n```").text, "echo \xEF\xBF\xBD\xEF\xBF\xBD\n");
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "```a\n";
  refusal(many);
  // Pieces of what matters in any order: whatever is read, it ends, and an action is whole.
  const std::string pieces[] = {"```",
                                "shell",
                                "\n",
                                "finish",
                                "<tool_call>",
                                "</tool_call>",
                                "{\"name\": \"shell\"",
                                ", \"arguments\": {\"command\": \"x\"}}",
                                "<think>",
                                "</think>",
                                " ",
                                "\xff",
                                "write a"};
  RngStream random(7, {});
  int actions = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(14); n > 0; --n) text += pieces[random.below(std::size(pieces))];
    const Parsed parsed = parse_action(text);
    actions += parsed.action.has_value();
    EXPECT_NE(parsed.action.has_value(), !parsed.error.empty()) << text;
  }
  EXPECT_GT(actions, 20);
}

TEST(Tools, InstructionsAndSchemasNameEveryTool) {
  for (const char* name : {"shell", "read", "write", "finish"}) {
    EXPECT_THAT(tool_instructions(true, false), HasSubstr(std::string("```") + name));
    EXPECT_THAT(dump(tool_schemas()), HasSubstr(std::string("\"name\":\"") + name + "\""));
  }
  // The examples of the instructions are actions.
  EXPECT_EQ(action_of(tool_instructions(true, false)).text, "ls -l\n");
  EXPECT_THAT(tool_instructions(false, false), testing::Not(HasSubstr("shell")));
}

}  // namespace
}  // namespace pope
