// See run_list.h.
#include "report/run_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "core/chars.h"
#include "core/error.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

constexpr int kDeepest = 3;        // levels of folders below one that is given
constexpr std::size_t kNamed = 5;  // folders that a note names

bool natural_path_less(const fs::path& a, const fs::path& b) { return natural_less(a.string(), b.string()); }

// A shell gives the names of `runs/*` in the order of their bytes. Where neighbours have this order nobody
// has chosen another one.
std::vector<fs::path> in_natural_order(std::vector<fs::path> paths) {
  for (auto begin = paths.begin(); begin != paths.end();) {
    const auto end = std::is_sorted_until(begin, paths.end());
    std::sort(begin, end, natural_path_less);
    begin = end;
  }
  return paths;
}

// What cannot be opened has no folders.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    if (entry->is_directory(unreadable) && !entry->path().filename().string().starts_with('.'))
      folders.push_back(entry->path());
  }
  std::sort(folders.begin(), folders.end(), natural_path_less);
  return folders;
}

void find_runs(const fs::path& folder, int levels, std::vector<fs::path>& found) {
  if (is_run(folder)) {
    found.push_back(folder);
  } else if (levels > 0) {
    for (const fs::path& inner : folders_in(folder)) find_runs(inner, levels - 1, found);
  }
}

// "a, b and 3 more"
std::string some_of(std::vector<std::string> names) {
  const std::size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  return fmt::format("{}{}", fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

class Reader {
 public:
  void read(const fs::path& path) {
    if (is_run(path) || !fs::is_directory(path)) {
      add(read_run(path), /*found=*/false);
    } else {
      read_folder(path);
    }
  }
  RunList take() { return std::move(list_); }

 private:
  void read_folder(const fs::path& folder) {
    std::vector<std::string> others;
    bool any = false;
    for (const fs::path& inner : folders_in(folder)) {
      std::vector<fs::path> found;
      find_runs(inner, kDeepest - 1, found);
      if (found.empty()) others.push_back(inner.filename().string());
      for (const fs::path& run : found) any = read_found(run) || any;
    }
    if (!any)
      throw Error(
          "report",
          folder.string() + " is no run directory: it has no environment.json, and no run is in it" +
              (list_.notes.empty() ? "" : "; " + list_.notes.back()),
          "give the --out folders of pope mine, guide, evolve, sft, train or eval, or a folder of them");
    if (!others.empty())
      list_.notes.push_back(fmt::format("{}: no run is in {}", folder.string(), some_of(others)));
  }

  bool read_found(const fs::path& path) {
    try {
      add(read_run(path), /*found=*/true);
      return true;
    } catch (const Error& error) {
      const std::string what = error.what();
      list_.notes.push_back("left out: " + what.substr(0, what.find('\n')));
      return false;
    }
  }

  void add(RunData run, bool found) {
    const fs::path whole = fs::canonical(run.path);
    if (!found && !given_.insert(whole).second)
      throw Error("report", run.path.string() + " is given twice",
                  "a run counts once: it is one seed of its method");
    if (read_.insert(whole).second) list_.runs.push_back(std::move(run));
  }

  RunList list_;
  std::set<fs::path> given_, read_;
};

// The last `parts` names of a path: "demo/pope".
std::string tail(const fs::path& path, std::ptrdiff_t parts) {
  const std::ptrdiff_t all = std::distance(path.begin(), path.end());
  fs::path result;
  for (auto part = std::next(path.begin(), std::max<std::ptrdiff_t>(0, all - parts)); part != path.end();
       ++part)
    result /= *part;
  return result.string();
}

void name_runs(std::vector<RunData>& runs) {
  std::vector<fs::path> paths;
  for (const RunData& run : runs) paths.push_back(fs::canonical(run.path));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto ends_alike = [&](std::ptrdiff_t parts) {
      return std::count_if(paths.begin(), paths.end(), [&](const fs::path& other) {
        return tail(other, parts) == tail(paths[i], parts);
      });
    };
    std::ptrdiff_t parts = 1;
    while (ends_alike(parts) > 1) ++parts;
    runs[i].name = tail(paths[i], parts);
    if (runs[i].label.empty()) runs[i].label = runs[i].name;
  }
}

}  // namespace

bool is_run(const fs::path& path) {
  std::error_code unreadable;
  return fs::exists(path / "environment.json", unreadable);
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  // The digits from `at` on, without zeros in front; `at` moves behind them.
  const auto number = [](std::string_view text, std::size_t& at) {
    while (at < text.size() && text[at] == '0') ++at;
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view x = number(a, i), y = number(b, j);
      if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
    } else if (a[i] != b[j]) {
      return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
    } else {
      ++i;
      ++j;
    }
  }
  const std::size_t left = a.size() - i, right = b.size() - j;
  return left != right ? left < right : a < b;
}

RunList read_runs(const std::vector<fs::path>& paths) {
  if (paths.empty()) throw Error("report", "expected at least one run directory", "pope report RUN...");
  Reader reader;
  for (const fs::path& path : in_natural_order(paths)) reader.read(path);
  RunList list = reader.take();
  name_runs(list.runs);
  return list;
}

}  // namespace pope
