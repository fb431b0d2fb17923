// The table of guidance sources.
#include "explore/guidance_source.h"

#include "core/error.h"

namespace pope {

std::map<std::string, GuidanceSource>& guidance_sources() {
  static std::map<std::string, GuidanceSource> table = {
      {"oracle_prefix", solution_prefix},  // a known solution's
      {"self_prefix", solution_prefix},    // the model's own: problems as `pope collect` leaves them
  };
  return table;
}

const GuidanceSource& guidance_source(const std::string& kind) {
  const auto found = guidance_sources().find(kind);
  if (found != guidance_sources().end()) return found->second;
  std::string known;
  for (const auto& [name, source] : guidance_sources()) known += (known.empty() ? "" : ", ") + name;
  throw Error("guide", "expected one of " + known + ", got '" + kind + "'", "set guide.kind");
}

}  // namespace pope
