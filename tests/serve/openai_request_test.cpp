#include "serve/openai_request.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

std::string problem_of(const std::string& body, bool chat = false) {
  const auto read = read_generation(body, chat);
  const auto* problem = std::get_if<ApiProblem>(&read);
  return problem != nullptr ? problem->param + "|" + problem->message : "";
}
GenerationRequest request_of(const std::string& body, bool chat = false) {
  const auto read = read_generation(body, chat);
  EXPECT_TRUE(std::holds_alternative<GenerationRequest>(read)) << problem_of(body, chat);
  return std::get<GenerationRequest>(read);
}

TEST(OpenAiRequest, Completions) {
  const GenerationRequest request = request_of(
      R"({"model": "m", "prompt": ["a", [1, 2]], "n": 3, "max_tokens": 7, "temperature": 0.5, "top_p": 0.9,
          "top_k": -1, "seed": 42, "stop": "x", "stop_token_ids": [5], "logprobs": 0, "stream": true,
          "return_token_ids": true, "add_special_tokens": false, "user": "unknown fields are ignored",
          "stream_options": {"include_usage": true}, "presence_penalty": 0, "repetition_penalty": 1.0})");
  ASSERT_EQ(request.prompts.size(), 2u);
  EXPECT_EQ(std::get<std::string>(request.prompts[0]), "a");
  EXPECT_EQ(std::get<std::vector<int>>(request.prompts[1]), (std::vector<int>{1, 2}));
  EXPECT_EQ(request.n, 3);
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_EQ(request.temperature, 0.5);
  EXPECT_EQ(request.top_p, 0.9);
  EXPECT_EQ(request.top_k, 0);
  EXPECT_EQ(request.seed, 42u);
  EXPECT_EQ(request.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(request.stop_token_ids, std::vector<int>{5});
  EXPECT_EQ(request.logprobs, 0);
  EXPECT_TRUE(request.stream && request.return_token_ids && request.include_usage);
  EXPECT_FALSE(request.add_special_tokens);
  EXPECT_EQ(request_of(R"({"prompt": [3, 4]})").prompts.size(), 1u);
  EXPECT_FALSE(request_of(R"({"prompt": "a"})").logprobs);
}

TEST(OpenAiRequest, Chat) {
  const GenerationRequest request = request_of(
      R"({"messages": [{"role": "developer", "content": "Be short."},
                       {"role": "user", "content": [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]}],
          "logprobs": true, "top_logprobs": 2, "max_completion_tokens": 9, "max_tokens": 3,
          "chat_template_kwargs": {"enable_thinking": false}})",
      true);
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(request.messages[0].role, "system");
  EXPECT_EQ(request.messages[1].content, "Hi there");
  EXPECT_EQ(request.logprobs, 2);
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(request.enable_thinking, false);
}

TEST(OpenAiRequest, WhatIsWrongIsNamed) {
  EXPECT_EQ(problem_of("{"), "|expected a JSON object as body");
  EXPECT_EQ(problem_of("[1]"), "|expected a JSON object as body");
  EXPECT_EQ(problem_of(std::string(5000, '[')), "|expected a JSON object as body");
  for (const auto& [field, body] : std::vector<std::pair<std::string, std::string>>{
           {"prompt", R"({})"},
           {"prompt", R"({"prompt": []})"},
           {"prompt", R"({"prompt": [[]]})"},
           {"prompt", R"({"prompt": ["a", 1]})"},
           {"prompt", R"({"prompt": [-1]})"},
           {"prompt", R"({"prompt": [1.5]})"},
           {"n", R"({"prompt": "a", "n": 0})"},
           {"n", R"({"prompt": "a", "n": 1000000})"},
           {"max_tokens", R"({"prompt": "a", "max_tokens": -1})"},
           {"max_tokens", R"({"prompt": "a", "max_tokens": 18446744073709551615})"},
           {"temperature", R"({"prompt": "a", "temperature": -1})"},
           {"temperature", R"({"prompt": "a", "temperature": "hot"})"},
           {"top_p", R"({"prompt": "a", "top_p": 0})"},
           {"frequency_penalty", R"({"prompt": "a", "frequency_penalty": 0.5})"},
           {"min_p", R"({"prompt": "a", "min_p": 0.1})"},
           {"best_of", R"({"prompt": "a", "best_of": 3})"},
           {"logit_bias", R"({"prompt": "a", "logit_bias": {"5": 1}})"},
           {"stop", R"({"prompt": "a", "stop": [""]})"},
           {"stop", R"({"prompt": "a", "stop": [1]})"},
           {"stop", R"({"prompt": "a", "stop": ")" + std::string(1025, 'x') + R"("})"},
           {"stop_token_ids", R"({"prompt": "a", "stop_token_ids": ["x"]})"},
           {"stop_token_ids", Json({{"prompt", "a"}, {"stop_token_ids", std::vector<int>(129, 5)}}).dump()},
           {"logprobs", R"({"prompt": "a", "logprobs": true})"},
           {"stream", R"({"prompt": "a", "stream": "yes"})"},
           {"echo", R"({"prompt": "a", "stream": true, "echo": true})"},
           {"model", R"({"prompt": "a", "model": 3})"}})
    EXPECT_EQ(problem_of(body).substr(0, field.size() + 1), field + "|") << body;
  for (const char* body : {R"({})", R"({"messages": []})", R"({"messages": ["hi"]})",
                           R"({"messages": [{"role": "user"}]})", R"({"messages": [{"content": "x"}]})",
                           R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"})
    EXPECT_EQ(problem_of(body, true).substr(0, 9), "messages|") << body;
  EXPECT_EQ(
      problem_of(R"({"messages": [{"role": "user", "content": "x"}], "tools": [{}]})", true).substr(0, 6),
      "tools|");
}

}  // namespace
}  // namespace pope
