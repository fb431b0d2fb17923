// See redact.h.
#include "agent/redact.h"

#include <memory>
#include <vector>

#include "core/error.h"
#include "core/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace pope {
namespace {

struct Rule {
  const char* pattern;
  const char* replacement;
};
// Every repetition that may be tried at every place is bounded: the search is linear.
constexpr Rule kRules[] = {
    {R"(-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z))", "[redacted]"},
    // Keys of services, by the form that they give them.
    {R"(\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]{1,30}[-_]){0,4}[A-Za-z0-9]{16,})", "[redacted]"},
    {R"(\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[abeprs]-|ya29\.)[A-Za-z0-9_.-]{16,})",
     "[redacted]"},
    {R"(\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)", "[redacted]"},
    {R"(\bAIza[0-9A-Za-z_-]{30,})", "[redacted]"},
    {R"(\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)", "[redacted]"},  // JSON web tokens
    {R"((?i)(\bauthorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?+)(?!\[redacted)[^\s"',;]+)",
     "$1[redacted]"},
    {R"((?i)(\bbearer\s+)(?!\[redacted)[A-Za-z0-9._~+/=-]{16,})", "$1[redacted]"},
    {R"((\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)[^\s/@]{1,200}@)", "$1[redacted]@"},
    // NAME=VALUE, "name": "value", where the name says that it is secret.
    {R"((?i)(\b[A-Za-z0-9_-]{0,40}(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|private[_-]?key|access[_-]?key)["']?\s*[:=]\s*["']?)(?!\[redacted)[^\s"',;]{4,})",
     "$1[redacted]"},
};

struct Compiled {
  std::shared_ptr<pcre2_code> code;
  const char* replacement;
};

const std::vector<Compiled>& rules() {
  static const std::vector<Compiled> all = [] {
    std::vector<Compiled> compiled;
    for (const Rule& rule : kRules) {
      int error = 0;
      PCRE2_SIZE at = 0;
      pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rule.pattern), PCRE2_ZERO_TERMINATED,
                                       PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &at, nullptr);
      if (code == nullptr) throw Error("redact", std::string("not a pattern: ") + rule.pattern);
      pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
      compiled.push_back({std::shared_ptr<pcre2_code>(code, pcre2_code_free), rule.replacement});
    }
    return compiled;
  }();
  return all;
}

}  // namespace

std::string redacted(std::string_view given) {
  std::string storage;
  std::string text(valid_utf8(given, storage));
  for (const Compiled& rule : rules()) {
    std::string out(text.size() + 256, '\0');
    PCRE2_SIZE size = out.size();
    const auto substitute = [&] {
      return pcre2_substitute(rule.code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                              PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_NO_UTF_CHECK,
                              nullptr, nullptr, reinterpret_cast<PCRE2_SPTR>(rule.replacement),
                              PCRE2_ZERO_TERMINATED, reinterpret_cast<PCRE2_UCHAR*>(out.data()), &size);
    };
    int found = substitute();
    if (found == PCRE2_ERROR_NOMEMORY) {  // `size` is what it takes
      out.resize(size);
      found = substitute();
    }
    if (found < 0) return "[left out: it could not be searched for secrets]";
    if (found == 0) continue;
    out.resize(size);
    text = std::move(out);
  }
  return text;
}

}  // namespace pope
