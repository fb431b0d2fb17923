// See learner_store.h.
#include "agent/learner_store.h"

namespace pope {

LearnerState load_learner(Database& database, const std::string& agent, const std::string& type) {
  Query found(database, "select state from learners where agent = ? and type = ?", agent, type);
  return found.next() ? learner_from_json(Json::parse(found.text(0))) : LearnerState();
}

void save_learner(Database& database, const std::string& agent, const std::string& type,
                  const LearnerState& state) {
  change(database, "insert or replace into learners(agent, type, state) values(?, ?, ?)", agent, type,
         dump(to_json(state)));
}

}  // namespace pope
