// One row of a problem file on the way in: known fields are taken out of the JSON object, what is left at the
// end is kept as it is. Errors name file, line and field.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/files.h"

namespace pope {

// What is wrong with one row; others of the file may be good.
class RowError : public Error {
 public:
  RowError(const std::string& problem, const std::string& hint)
      : Error("read problems", problem, hint), problem(problem), hint(hint) {}
  std::string problem, hint;
};

class Fields {
 public:
  // `where` = "FILE:LINE". Error: not an object.
  Fields(Json&& row, std::string where);

  [[noreturn]] void fail(std::string_view field, const std::string& problem,
                         const std::string& hint = "") const;

  // The value at a dotted path: names of fields, numbers of list items from 0 ("prompt.0.content"). Texts
  // that hold JSON are opened on the way. A field whose own name has dots is found by it. Null: nothing is
  // there.
  const Json* find(std::string_view path);
  bool has(std::string_view path) { return find(path) != nullptr; }
  // The same, removed from the row where it is a whole field and no list or object; null where nothing is.
  Json take(std::string_view path);
  // Removed from the row whatever it is.
  Json take_whole(std::string_view field);

  std::string text(std::string_view path);           // "" when it is null or absent
  std::string required_text(std::string_view path);  // with something in it
  // An id or an answer: a string, or a number that is written as its digits.
  std::string text_or_number(std::string_view path);
  std::string digits(std::string_view path, const Json& number) const;
  std::optional<double> number(std::string_view path);
  int count(std::string_view path);
  bool truth(std::string_view path);

  const std::string& where() const { return where_; }
  const Json& row() const { return row_; }
  Json rest() { return std::move(row_); }

 private:
  const Json* walk(const Json& value, std::string_view path);
  Json row_;
  std::string where_;
  std::deque<Json> opened_;  // what texts held
};

}  // namespace pope
