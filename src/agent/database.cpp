// See database.h.
#include "agent/database.h"

#include <sqlite3.h>

#include "core/error.h"
#include "core/system_hint.h"

namespace pope {
namespace {

constexpr int kBusyMs = 60000;

std::string hint_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return "name another file; of a damaged store keep a copy, and try .recover of the program sqlite3";
    case SQLITE_CANTOPEN:
      return "its folder must exist and be writable";
    case SQLITE_BUSY:
      return "another process holds the file for long";
    case SQLITE_FULL:
      return system_hint(28);  // ENOSPC
    case SQLITE_IOERR:         // also where a full disk has no room for the files beside it
      return "is the disk full? make room, and give the same command again";
    case SQLITE_READONLY:
      return "the file and its folder must be writable";
    default:
      return "";
  }
}

}  // namespace

Database::Database(const std::filesystem::path& path) : path_(path.string()) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string message = sqlite3_errmsg(handle_);
    const std::string hint = hint_of(sqlite3_errcode(handle_));
    sqlite3_close(handle_);
    throw Error("open store", path_ + ": " + message, hint);
  }
  sqlite3_busy_timeout(handle_, kBusyMs);
  try {
    execute("pragma foreign_keys = on");
    execute("pragma synchronous = full");
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::write_ahead() {
  {
    Query mode(*this, "pragma journal_mode");
    if (mode.next() && mode.text(0) == "wal") return;
  }
  // Changing it takes the file for itself for a moment, without waiting for others.
  int code = SQLITE_BUSY;
  for (int tries = 0; tries < 600 && code == SQLITE_BUSY; ++tries) {
    code = sqlite3_exec(handle_, "pragma journal_mode = wal", nullptr, nullptr, nullptr);
    if (code == SQLITE_BUSY) sqlite3_sleep(50);
  }
  if (code != SQLITE_OK) fail("open store");
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("store");
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Database::fail(std::string_view doing) const {
  throw Error(std::string(doing), path_ + ": " + sqlite3_errmsg(handle_), hint_of(sqlite3_errcode(handle_)));
}

Query::Query(Database& database, std::string_view sql) : database_(database) {
  if (sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &statement_, nullptr) !=
      SQLITE_OK)
    database.fail("store");
}

Query::~Query() { sqlite3_finalize(statement_); }

void Query::bind(int at, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, at, value) != SQLITE_OK) database_.fail("store");
}
void Query::bind(int at, double value) {
  if (sqlite3_bind_double(statement_, at, value) != SQLITE_OK) database_.fail("store");
}
void Query::bind(int at, std::string_view value) {
  // A view of nothing may be a null pointer, which SQLite takes for NULL.
  const char* data = value.empty() ? "" : value.data();
  if (sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    database_.fail("store");
}

bool Query::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail("store");
  return false;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Query::real(int column) const { return sqlite3_column_double(statement_, column); }
bool Query::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::string Query::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data == nullptr
             ? std::string()
             : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Transaction::Transaction(Database& database) : database_(database), open_(!database.in_transaction()) {
  if (open_) database_.execute("begin immediate");
}

Transaction::~Transaction() {
  // Where SQLite has rolled back by itself (a full disk) there is nothing left to do.
  if (open_ && database_.in_transaction())
    sqlite3_exec(database_.handle(), "rollback", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  if (open_) database_.execute("commit");
  open_ = false;
}

}  // namespace pope
