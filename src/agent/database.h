// A thin way to use SQLite: a connection, a prepared query, a transaction. Several processes and threads work
// on one file, each thread with a connection of its own; a writer that finds the file busy waits. A kill, or
// a power failure, at any moment leaves the last whole transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace pope {

class Database {
 public:
  // Opens the file, or makes it, and changes nothing in it. Error: a path that cannot be opened.
  explicit Database(const std::filesystem::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Makes the journal a write-ahead log, for this and all later connections: readers and a writer at once.
  void write_ahead();

  // One or several statements without results.
  void execute(const char* sql);
  std::int64_t last_id() const;  // of the last row inserted
  std::int64_t changes() const;  // rows that the last statement changed
  bool in_transaction() const;
  sqlite3* handle() const { return handle_; }
  // Error with SQLite's own message.
  [[noreturn]] void fail(std::string_view doing) const;

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

// A statement with its values bound, read row by row. Columns are numbered from 0.
class Query {
 public:
  Query(Database& database, std::string_view sql);
  template <class Value, class... Values>
  Query(Database& database, std::string_view sql, const Value& first, const Values&... values)
      : Query(database, sql) {
    int at = 0;
    bind(++at, first);
    (bind(++at, values), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next();  // steps to the next row; false: there is none
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  void bind(int at, std::int64_t value);
  void bind(int at, int value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, bool value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, double value);
  void bind(int at, std::string_view value);
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }
  void bind(int, std::nullopt_t) {}  // unbound is NULL
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    if (value) bind(at, *value);
  }

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Runs a statement to its end; the number of rows that it changed.
template <class... Values>
std::int64_t change(Database& database, std::string_view sql, const Values&... values) {
  Query query(database, sql, values...);
  while (query.next()) {
  }
  return database.changes();
}

// A write transaction, which takes the lock at once. Without commit() all is as before. Within another one it
// does nothing: the outer one decides.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_;
};

}  // namespace pope
