// The table of curricula.
#include "learn/curriculum.h"

#include "core/nearest.h"
#include "learn/adaptive_prefix.h"
#include "learn/mixture_curriculum.h"
#include "learn/p2o.h"
#include "learn/prefix_search.h"

namespace pope {

std::map<std::string, MakeCurriculum>& curricula() {
  static std::map<std::string, MakeCurriculum> table = {
      {"fixed",
       [](const TrainJob& job, const Mixture& mixture, const std::filesystem::path&) {
         return std::make_unique<MixtureCurriculum>(job, mixture);
       }},
      {"evolved", make_p2o},
      {"adaptive", make_adaptive_prefix},
      {"search", make_prefix_search},
  };
  return table;
}

std::vector<std::string> curriculum_kinds() { return names_of(curricula()); }

}  // namespace pope
