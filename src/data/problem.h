// Problems and guidance: the values that every verb passes on, and their JSON Lines form (docs/formats.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace pope {

// Privileged text that conditions a rollout. Input only, never a training target.
struct Guidance {
  std::string kind = "oracle_prefix";
  std::string text;
  double fraction = 0;           // of the oracle solution, in bytes
  std::string instruction;       // the name of its wording; "" = prompt.instruction
  bool continues = false;        // Wording::continues, where a prompt shows it; not in files
  int samples = 0, correct = 0;  // what the base model did under it in the prefix search; 0, 0: not sampled
  int ungraded = 0;              // rollouts of the whole search that the verifier could not judge
  bool fallback = false;         // no prefix worked: a random short one
  Json extra = Json::object();   // every other field, kept and written back
};

struct Problem {
  std::string id;
  std::string statement;  // JSON "problem" (or "question")
  std::string answer;     // reference answer
  std::string solution;   // oracle solution, "" when there is none
  std::string source;
  std::optional<double> level;
  std::optional<Guidance> guidance;
  Json extra = Json::object();  // every other field, kept and written back
};

// A row in our own form, or in any other of docs/formats.md. `where` = "FILE:LINE", for errors. A row without
// id gives a problem with an empty id. Guidance may name any wording.
Problem problem_from_json(Json&& row, const std::string& where);
Json to_json(const Problem& problem);

// Reads a problem file: our own form, or GSM8K as its authors publish it ("question", "answer" with "####":
// the answer is split off; calculator marks "<<48/2=24>>" are removed from solutions in either form). Rows
// without id get "FILESTEM-LINE". Errors name file, line and field: malformed JSON, a missing or mistyped
// field, an empty statement, a duplicate id, an empty file.
std::vector<Problem> read_problems(const std::filesystem::path& path);
void write_problems(const std::filesystem::path& path, const std::vector<Problem>& problems);

}  // namespace pope
