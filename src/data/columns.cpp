// The table of layouts, and how the value of a column becomes a statement, an answer or a solution.
// Metadata (source, level) is never an error: what cannot be read stays with the fields that are kept.
#include "data/columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/chars.h"
#include "core/json_text.h"
#include "data/marks.h"
#include "text/boxes.h"

namespace pope {
namespace {

// How an answer's column is read.
enum class Answer {
  plain,   // no list; text or number; with "####" in front of it where there is no solution, as GSM8K has it
  any,     // also a list of one, a box, "####"
  all,     // a list of values that belong together
  marked,  // a solution: the answer is boxed or after "####"
};

struct Layout {
  std::string_view name, problem, answer;
  Answer reading = Answer::any;
  std::string_view solution = "solution", id = "id", source = "source";
  std::string_view context = "";  // stands before the statement, where it is there
};

// The first whose problem and answer are there is taken; our own form where none is. docs/formats.md.
constexpr std::array<Layout, 21> kLayouts = {{
    {"", "problem", "answer", Answer::plain},
    {"GSM8K", "question", "answer", Answer::plain, "solution", "id", "source", "body"},
    {"rllm", "problem", "answer", Answer::any, "solution", "id", "source", "context"},
    {"rllm", "question", "answer", Answer::any, "solution", "id", "source", "context"},
    {"verl with extra_info", "extra_info.question", "reward_model.ground_truth", Answer::any,
     "extra_info.answer", "id", "data_source"},
    {"verl", "prompt", "reward_model.ground_truth", Answer::any, "solution", "id", "data_source"},
    {"open-instruct", "messages", "ground_truth", Answer::any, "solution", "id", "dataset"},
    {"AReaL", "messages", "answer"},
    {"TRL", "prompt", "answer"},
    {"ROLL", "prompt", "ground_truth"},
    {"slime", "prompt", "label"},
    {"ORZ", "prompt", "final_answer"},
    {"AReaL", "prompt", "solutions", Answer::any, "", "query_id"},
    {"OlympiadBench", "question", "final_answer", Answer::all, "solution", "id", "source", "context"},
    {"OlympiadBench", "problem", "final_answer", Answer::all, "solution", "id", "source", "context"},
    {"MATH", "problem", "solution", Answer::marked, "solution", "unique_id"},
    {"MATH", "question", "solution", Answer::marked},
    {"TRL", "prompt", "solution"},
    {"AIME", "Problem", "Answer", Answer::any, "Solution", "ID"},
    {"AIME", "Question", "Answer", Answer::any, "Solution", "ID", "source", "Body"},
    {"ORZ", "conversation", "conversation.1.ground_truth.value"},
}};
constexpr const Layout &kOwn = kLayouts[0], &kGsm8k = kLayouts[1];

bool is_own(const Layout& layout) { return &layout == &kOwn || &layout == &kGsm8k; }

// A layout with the columns that the settings name in its place.
struct Paths {
  const Layout* layout;
  bool own_answer;  // as our own form has it
  std::string problem, answer, solution, id, source, level;
};

Paths paths_of(Fields& fields, const Columns& named) {
  const auto there = [&](const std::string& name, std::string_view column, bool list) {
    const Json* value = fields.find(column);
    return !name.empty() || (value != nullptr && !value->is_null() && (list || !value->is_array()));
  };
  const Layout* layout =
      !fields.has(kOwn.problem) && fields.has(kGsm8k.problem) ? &kGsm8k : &kOwn;  // where nothing fits
  for (const Layout& one : kLayouts) {
    if (!there(named.problem, one.problem, true)) continue;
    if (!there(named.answer, one.answer, one.reading != Answer::plain)) continue;
    layout = &one;
    break;
  }
  const auto either = [](const std::string& name, std::string_view column) {
    return name.empty() ? std::string(column) : name;
  };
  return {layout,
          is_own(*layout) && named.answer.empty(),
          either(named.problem, layout->problem),
          either(named.answer, layout->answer),
          either(named.solution, layout->solution),
          either(named.id, layout->id),
          either(named.source, layout->source),
          either(named.level, "level")};
}

std::string hint_of_columns(const Fields& fields, const char* role) {
  std::string names;
  for (const auto& [name, value] : fields.row().items()) names += (names.empty() ? "" : ", ") + name;
  return fmt::format(
      "say which column it is: --set problems.fields.{}=COLUMN (prompt.0.content looks into "
      "lists); there are: {}",
      role, shortened(names, 300));
}

// Before anything is taken out, so that all columns are there to be named.
void require_columns(Fields& fields, const Paths& paths) {
  if (!fields.has(paths.problem))
    fields.fail(paths.problem, "expected a string, got nothing", hint_of_columns(fields, "problem"));
  if (!fields.has(paths.answer)) {
    fields.fail(paths.answer, "expected the reference answer, got nothing",
                hint_of_columns(fields, "answer"));
  }
}

// A turn's text: a string, or the text parts of a list.
std::string turn_text(const Json& turn) {
  for (const char* key : {"content", "value"}) {
    if (!turn.contains(key)) continue;
    const Json& content = turn[key];
    if (content.is_string()) return content.get<std::string>();
    std::string text;
    for (const Json& part : content.is_array() ? content : Json::array()) {
      if (part.is_object() && part.value("type", Json()) == "text" && part.value("text", Json()).is_string())
        text += part["text"].get<std::string>();
    }
    return text;
  }
  return "";
}

// The last turn of one of the roles in a list of messages; null where the value is none, or has none.
std::optional<std::string> last_turn(const Json& messages, std::array<std::string_view, 2> roles) {
  std::optional<std::string> found;
  for (const Json& turn : messages.is_array() ? messages : Json::array()) {
    if (!turn.is_object()) return std::nullopt;
    const Json role = turn.value("role", turn.value("from", Json()));
    if (role == roles[0] || role == roles[1]) found = turn_text(turn);
  }
  return found;
}

// A list that stands in a text.
Json opened(const Json& value) {
  if (!value.is_string()) return value;
  const std::string_view text = trim(value.get_ref<const std::string&>());
  if (!text.starts_with("[{") && !text.starts_with("[\"")) return value;
  ParsedJson parsed = parse_foreign_json(text);
  return parsed.problem.empty() ? parsed.value : value;
}

std::string statement_of(Fields& fields, const Paths& paths) {
  const Json value = fields.take(paths.problem);
  std::optional<std::string> text = last_turn(opened(value), {"user", "human"});
  if (!text && value.is_string()) text = value.get<std::string>();
  if (!text) {
    fields.fail(paths.problem, fmt::format("expected a string, got {}", value.type_name()),
                value.is_array() ? "a list is read where it is one of messages, with a user's turn" : "");
  }
  if (trim(*text).empty()) fields.fail(paths.problem, "expected some text, got an empty string");
  if (!paths.layout->context.empty()) {
    const Json context = fields.take(paths.layout->context);
    if (context.is_string() && !trim(context.get_ref<const std::string&>()).empty())
      return context.get<std::string>() + "\n\n" + *text;
  }
  return *text;
}

// One item of an answer as text.
std::string item_of(const Fields& fields, const std::string& path, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "";
  if (!value.is_number())
    fields.fail(path, fmt::format("expected a string or a number, got {}", value.type_name()));
  return fields.digits(path, value);
}

std::string answer_text(Fields& fields, const Paths& paths) {
  if (paths.own_answer) return fields.text_or_number(paths.answer);
  const Json value = opened(fields.take(paths.answer));
  if (!value.is_array()) return item_of(fields, paths.answer, value);
  std::vector<std::string> items;
  for (const Json& item : value) {
    items.emplace_back(trim(item_of(fields, paths.answer, item)));
    if (items.size() > 1 && items.back() == items[0]) items.pop_back();
  }
  if (items.size() > 1 && paths.layout->reading != Answer::all) {
    fields.fail(paths.answer,
                fmt::format("expected one reference answer, got several: \"{}\", \"{}\"", items[0], items[1]),
                fmt::format("take the first of each: --set problems.fields.answer={}.0", paths.answer));
  }
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

// The answer, and the solution where it stands in the answer's column.
void read_answer(Fields& fields, const Paths& paths, Problem& problem) {
  const bool own = paths.own_answer;
  problem.answer = answer_text(fields, paths);
  if (!own || problem.solution.empty() || paths.layout == &kGsm8k) {
    // GSM8K's mark, wherever it is in the form that its authors publish, else at the start of a line.
    const std::size_t mark =
        own && paths.layout == &kGsm8k ? problem.answer.rfind(kAnswerMark) : last_answer_mark(problem.answer);
    if (mark != std::string::npos) {
      if (problem.solution.empty()) problem.solution = trim(std::string_view(problem.answer).substr(0, mark));
      problem.answer = trim(std::string_view(problem.answer).substr(mark + kAnswerMark.size()));
    } else if (const auto box = own ? std::nullopt : find_boxed(problem.answer, BareBox::yes)) {
      if (paths.solution == paths.answer && !is_only_box(problem.answer)) problem.solution = problem.answer;
      problem.answer = std::string(*box);
    } else if (paths.layout->reading == Answer::marked && paths.answer == paths.layout->answer) {
      fields.fail(paths.answer, "expected the answer in \\boxed{} or after \"####\", got neither",
                  hint_of_columns(fields, "answer"));
    }
  }
  if (!own) problem.answer = std::string(trim(problem.answer));
  if (trim(problem.answer).empty())
    fields.fail(paths.answer, "expected the reference answer, got an empty one");
}

// Of other programs' files: a text, without what GSM8K puts after it, the first of several, or the last turn
// of an assistant.
std::string foreign_solution(Fields& fields, const std::string& path) {
  Json value = fields.take(path);
  if (value.is_array() && !value.empty() && value[0].is_string()) value = Json(value[0]);
  if (!value.is_string()) return last_turn(value, {"assistant", "gpt"}).value_or("");
  const std::string text = value.get<std::string>();
  return std::string(trim(std::string_view(text).substr(0, last_answer_mark(text))));
}

void read_source(Fields& fields, const std::string& path, Problem& problem) {
  const Json* value = fields.find(path);
  if (value == nullptr || value->is_object() || value->is_boolean()) return;
  const auto add = [&](const Json& one) {
    if (one.is_null()) return;
    problem.source +=
        (problem.source.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : dump(one));
  };
  if (value->is_array()) {
    for (const Json& one : *value) add(one);
  } else {
    add(*value);
  }
  fields.take_whole(path);
}

// A number, or a text that ends in one ("Level 5").
void read_level(Fields& fields, const std::string& path, Problem& problem) {
  const Json* value = fields.find(path);
  if (value == nullptr) return;
  double level = NAN;
  if (value->is_number()) level = value->get<double>();
  if (value->is_string()) {
    const std::string_view text = trim(value->get_ref<const std::string&>());
    const std::string_view last = text.substr(text.find_last_of(" \t") + 1);
    const auto [stopped, code] = std::from_chars(last.data(), last.data() + last.size(), level);
    if (code != std::errc() || stopped != last.data() + last.size()) level = NAN;
  }
  if (std::isfinite(level)) problem.level = level;
  if (std::isfinite(level) || value->is_null()) fields.take(path);
}

Guidance guidance_from_json(Json&& value, const std::string& where,
                            const std::vector<std::string>& wordings) {
  Fields fields(std::move(value), where + ": field \"guidance\"");
  Guidance guidance;
  if (fields.has("kind")) guidance.kind = fields.required_text("kind");
  guidance.text = fields.required_text("text");
  guidance.fraction = fields.number("fraction").value_or(0);
  guidance.instruction = fields.text("instruction");
  const bool known = guidance.instruction.empty() || wordings.empty() ||
                     std::find(wordings.begin(), wordings.end(), guidance.instruction) != wordings.end();
  if (!known)
    fields.fail("instruction",
                fmt::format("expected \"{}\" or \"\", got \"{}\"", fmt::join(wordings, "\", \""),
                            guidance.instruction),
                "wordings of your own are in prompt.wordings");
  guidance.samples = fields.count("samples");
  guidance.correct = fields.count("correct");
  guidance.ungraded = fields.count("ungraded");
  guidance.fallback = fields.truth("fallback");
  guidance.extra = fields.rest();
  return guidance;
}

// What is left is kept; a field that our own form would read as another thing gets another name.
Json rest_of(Fields& fields) {
  Json rest = fields.rest();
  for (const char* ours : {"id", "problem", "answer", "solution"}) {
    const auto found = rest.find(ours);
    if (found == rest.end()) continue;
    Json value = std::move(*found);
    rest.erase(found);
    if (!value.is_null()) rest[std::string("original_") + ours] = std::move(value);
  }
  return rest;
}

std::string described(Fields& fields, const Paths& paths, const Columns& named) {
  const bool mapped =
      !(named.problem + named.answer + named.solution + named.id + named.source + named.level).empty();
  if (paths.layout == &kOwn && !mapped) return "";
  const std::string_view name = paths.layout->name;
  std::string text = fmt::format("{}{}problem from {}, answer from {}", name, name.empty() ? "" : ": ",
                                 paths.problem, paths.answer);
  if (paths.solution != paths.answer && fields.has(paths.solution))
    text += ", solution from " + paths.solution;
  return text;
}

}  // namespace

void Columns::fields(Options& options) {
  options.add("problem", problem, "column of the statement, e.g. prompt.0.content; empty: as recognised");
  options.add("answer", answer, "column of the reference answer, e.g. reward_model.ground_truth");
  options.add("solution", solution, "column of the oracle solution");
  options.add("id", id, "column of the id");
  options.add("source", source, "column that says where the problem comes from");
  options.add("level", level, "column of the difficulty");
}

ReadRow read_row(Json&& row, const std::string& where, const Columns& columns,
                 const std::vector<std::string>& wordings) {
  const bool conversation = row.is_array() && !row.empty() && row[0].is_object();
  Fields fields(conversation ? Json{{"conversation", std::move(row)}} : std::move(row), where);
  const Paths paths = paths_of(fields, columns);
  require_columns(fields, paths);
  const bool own = is_own(*paths.layout), own_solution = own && columns.solution.empty();
  ReadRow read;
  read.read_as = described(fields, paths, columns);
  Problem& problem = read.problem;
  const Json* id = fields.find(paths.id);
  if (own || (id != nullptr && id->is_primitive())) problem.id = fields.text_or_number(paths.id);
  problem.statement = statement_of(fields, paths);
  if (!paths.solution.empty() && paths.solution != paths.answer)
    problem.solution = own_solution ? fields.text(paths.solution) : foreign_solution(fields, paths.solution);
  read_answer(fields, paths, problem);
  if (!own_solution && trim(problem.solution) == trim(problem.answer)) problem.solution.clear();
  problem.solution = without_calculator_marks(problem.solution);
  if (!own || !columns.problem.empty()) {
    std::string bare = without_instructions(problem.statement);
    read.without_instructions = bare != problem.statement;
    problem.statement = std::move(bare);
  }
  read_source(fields, paths.source, problem);
  read_level(fields, paths.level, problem);
  if (Json guidance = fields.take_whole("guidance"); !guidance.is_null())
    problem.guidance = guidance_from_json(std::move(guidance), where, wordings);
  problem.extra = rest_of(fields);
  return read;
}

std::vector<std::string> solution_candidates(const Json& extra) {
  std::vector<std::string> found;
  for (const auto& [name, value] : extra.items()) {
    const bool list = value.is_array() && !value.empty() && value[0].is_string();
    const Json& text = list ? value[0] : value;
    if (!text.is_string()) continue;
    std::string lowered = name;
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
    bool likely = find_boxed(text.get_ref<const std::string&>(), BareBox::yes).has_value();
    for (const char* word : {"solution", "rationale", "reasoning", "explanation", "proof", "cot", "response",
                             "completion", "generation", "output"})
      likely = likely || lowered.find(word) != std::string::npos;
    if (likely) found.push_back(name + (list ? ".0" : ""));
  }
  return found;
}

}  // namespace pope
