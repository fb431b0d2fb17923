// See async_source.h. What the sampling thread sees of the trainer's progress changes in sync points of the
// gate only, so that a run is a function of its schedule.
#include "learn/async_source.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/run_dir.h"
#include "explore/sampling.h"
#include "learn/ring_buffer.h"
#include "learn/schedule.h"
#include "learn/weights_gate.h"

namespace pope {
namespace {

using Rows = std::vector<ScheduleRow>;

// Thrown through the engine when the gate is closed: whoever waits for rollouts or graders stops.
struct Stopped {};

// How old the tokens of a step are, in policy versions.
struct Lag {
  double sum = 0, tokens = 0, mixed = 0, rollouts = 0;
  std::int64_t max = 0;

  void add(const Rollout& rollout, std::int64_t now) {
    const std::size_t length = rollout.tokens.size();
    for (std::size_t i = 0; i < length; ++i) {
      const std::int64_t lag = now - rollout.version_of(i);
      sum += static_cast<double>(lag);
      max = std::max(max, lag);
    }
    tokens += static_cast<double>(length);
    mixed += length > 0 && rollout.version_of(0) != rollout.version_of(length - 1);
    rollouts += 1;
  }
};

// Groups that may be begun and not yet learned from; 0: any number.
std::int64_t most_under_way(const TrainJob& job) {
  const std::int64_t groups = job.config.prompts_per_step;
  if (job.async.max_lag >= 0) return (std::int64_t{job.async.max_lag} + 1) * groups;
  return job.async.on_full == "drop" ? 0 : job.async.buffer;
}

std::optional<Rows> replayed(const TrainJob& job, std::int64_t start) {
  if (job.async.replay.empty()) return std::nullopt;
  if (start > 0) {
    throw Error("replay", fmt::format("expected a new run, got one with {} steps", start),
                "what was in flight is lost, so that a replay cannot be continued; give another --out");
  }
  Rows rows = read_schedule(job.async.replay, job.config.steps);
  for (const ScheduleRow& row : rows) {
    const int groups = job.config.prompts_per_step;
    if (row.groups.size() == static_cast<std::size_t>(groups)) continue;
    throw Error("replay", fmt::format("{}: expected {} groups in step {} (train.prompts_per_step), got {}",
                                      job.async.replay, groups, row.step, row.groups.size()));
  }
  return rows;
}

std::optional<std::vector<std::int64_t>> sync_points_of(const std::optional<Rows>& rows) {
  if (!rows) return std::nullopt;
  std::vector<std::int64_t> sync_points;
  for (const ScheduleRow& row : *rows)
    sync_points.insert(sync_points.end(), row.sync_points.begin(), row.sync_points.end());
  return sync_points;
}

class AsyncSource : public GroupSource {
 public:
  AsyncSource(const TrainJob& job, const Mixture& mixture, const std::filesystem::path& run,
              std::int64_t start, const std::optional<Json>& state)
      : job_(job),
        mixture_(mixture),
        schedule_(run / "schedule.jsonl"),
        start_(start),
        batch_(job.config.prompts_per_step),
        most_under_way_(most_under_way(job)),
        replay_(replayed(job, start)),
        gate_(sync_points_of(replay_)),
        ordered_(replay_ || job.async.max_lag >= 0),
        next_(start * batch_),
        buffer_(replay_ ? std::numeric_limits<std::size_t>::max()
                        : static_cast<std::size_t>(job.async.buffer)) {
    truncate_steps(schedule_, start);
    if (state && state->contains("async")) {
      const Json& saved = state->at("async");
      next_ = saved.at("next").get<std::int64_t>();
      under_way_ = saved.at("under_way").get<std::set<std::int64_t>>();
      again_.assign(under_way_.begin(), under_way_.end());
    }
    if (replay_) {
      for (const ScheduleRow& row : *replay_) {
        order_.insert(order_.end(), row.groups.begin(), row.groups.end());
        replayed_groups_.insert(row.groups.begin(), row.groups.end());
      }
    }
    // Each side has half of the threads, but where they take turns.
    const int threads = job.async.max_lag == 0 ? all_threads_ : std::max(1, all_threads_ / 2);
    at::set_num_threads(threads);
    sampler_ = std::thread([this, threads] { sample(threads); });
  }

  ~AsyncSource() override {
    gate_.close();
    sampler_.join();
    at::set_num_threads(all_threads_);
  }

  std::vector<Group> take(std::int64_t t, StageSeconds&,
                          const std::function<void(double)>& progress) override {
    row_ = {.step = t + 1, .resumed = start_ > 0 && t == start_};
    std::vector<Group> groups = wait_for_batch(progress);
    if (replay_) {
      row_.dropped = replay_->at(static_cast<std::size_t>(t)).dropped;
      row_.buffered = replay_->at(static_cast<std::size_t>(t)).buffered;
    }
    lag_ = {};
    for (const Group& group : groups) {
      row_.groups.push_back(group.index);
      for (const GradedRollout& graded : group.rollouts) lag_.add(graded.rollout, job_.model->version);
    }
    return groups;
  }

  void change_weights(const std::function<void()>& change) override {
    row_.sync_points.push_back(gate_.change([&] {
      change();
      try {
        job_.engine->publish(job_.model->version);
      } catch (const Interrupted&) {
        // The step is done all the same: the next take() stops the run, and saves it.
      }
    }));
  }

  void end_step(Json& row) override {
    // Only where something waits for it does the sampler have to be told.
    if (most_under_way_ > 0) row_.sync_points.push_back(gate_.change([&] { learned_ += batch_; }));
    {
      const std::lock_guard lock(mutex_);
      for (const std::int64_t index : row_.groups) under_way_.erase(index);
    }
    append_schedule(schedule_, row_);
    row["async/lag_mean"] = lag_.sum / std::max(1.0, lag_.tokens);
    row["async/lag_max"] = lag_.max;
    row["async/mixed"] = lag_.mixed / std::max(1.0, lag_.rollouts);
    row["async/dropped"] = row_.dropped.size();
    row["async/buffered"] = row_.buffered;
  }

  void add_waits(double wall, StageSeconds& seconds) override {
    const double sampler = gate_.sampler_waited_s(), learner = gate_.changer_waited_s() + batch_waited_;
    // It may stand, and be counted as standing, for a moment longer than the row.
    seconds.sampler_wait = std::min(wall, sampler - std::exchange(sampler_waited_, sampler));
    seconds.learner_wait = learner - std::exchange(learner_waited_, learner);
    seconds.sample = wall - seconds.sampler_wait;
  }

  Json state() const override {
    const std::lock_guard lock(mutex_);
    return {{"async", {{"next", next_}, {"under_way", under_way_}}}};
  }

 private:
  // The trainer's side.

  std::vector<Group> wait_for_batch(const std::function<void(double)>& progress) {
    const auto batch = static_cast<std::size_t>(batch_);
    const auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (buffer_.size() < batch && !failure_) {
      const std::size_t before = buffer_.size();
      if (before > 0) progress(static_cast<double>(before) / static_cast<double>(batch));
      const auto arrived = [&] { return buffer_.size() > before || failure_; };
      if (arrived_.wait_for(lock, std::chrono::milliseconds(200), arrived)) continue;
      stop_if_interrupted();
      // The sampler waits for this step and this step for the sampler: not what the schedule says.
      if (gate_.awaits_change() && !arrived()) {
        throw Error("replay", fmt::format("the run departs from its schedule in step {}", row_.step),
                    "a replay needs the settings, inputs and program of the run that left the schedule");
      }
    }
    batch_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (failure_) std::rethrow_exception(failure_);
    std::vector<Group> groups = buffer_.pop(batch);
    row_.buffered = static_cast<std::int64_t>(buffer_.size());
    row_.dropped = std::exchange(dropped_, {});
    for (const std::int64_t index : row_.dropped) under_way_.erase(index);
    return groups;
  }

  // The sampling thread's side.

  void sample(int threads) {
    try {
      at::set_num_threads(threads);
      RolloutContext context = rollout_context(job_);
      context.go_on = [this] { return gate_.sync_point(); };
      // Groups that a step waits for must be there by the sync point that its change is planned for.
      context.grade_in_turn = replay_.has_value();
      while (gate_.sync_point([this] { return may_begin(); })) {
        sample_and_grade(
            context, [this] { return begin_next(); },
            [this](Sampled&& sampled) { arrive(std::move(sampled)); });
      }
    } catch (const Stopped&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    gate_.close();
    arrived_.notify_all();
  }

  bool may_begin() const {
    if (most_under_way_ == 0) return true;
    const bool left = !again_.empty() || next_ < job_.config.steps * batch_;
    return left && begun_ - learned_ < most_under_way_;
  }

  std::optional<Work> begin_next() {
    if (gate_.closed()) throw Stopped();
    if (!may_begin()) return std::nullopt;
    const std::int64_t index = again_.empty() ? next_ : again_.front();
    const std::int64_t step = index / batch_;
    if (step != drawn_step_) draws_ = mixture_.draw(step, job_.config.prompts_per_step);
    drawn_step_ = step;
    const auto place = static_cast<std::size_t>(index % batch_);
    Work work = group_work(job_, draws_.at(place), step, place);
    sets_[index] = draws_.at(place).set;
    ++begun_;
    const std::lock_guard lock(mutex_);
    if (again_.empty()) {
      ++next_;
    } else {
      again_.pop_front();
    }
    under_way_.insert(index);
    if (ordered_ && !replay_) order_.push_back(index);
    return work;
  }

  void arrive(Sampled&& sampled) {
    const auto set = sets_.extract(static_cast<std::int64_t>(sampled.tag));
    Group group = finished_group(job_, set.mapped(), std::move(sampled));
    const std::lock_guard lock(mutex_);
    if (!ordered_) {
      push(std::move(group));
    } else if (!replay_ || replayed_groups_.contains(group.index)) {
      const std::int64_t index = group.index;
      early_.emplace(index, std::move(group));
      while (!order_.empty() && early_.contains(order_.front())) {
        push(std::move(early_.extract(order_.front()).mapped()));
        order_.pop_front();
      }
    }
    arrived_.notify_all();
  }

  void push(Group&& group) {  // under the lock
    const std::optional<Group> oldest = buffer_.push(std::move(group));
    if (oldest) dropped_.push_back(oldest->index);
  }

  const TrainJob& job_;
  const Mixture& mixture_;
  const std::filesystem::path schedule_;
  const std::int64_t start_, batch_, most_under_way_;
  const std::optional<Rows> replay_;
  WeightsGate gate_;
  const bool ordered_;  // groups are taken in the order of order_, else as they finish
  const int all_threads_ = at::get_num_threads();

  // The sampling thread's; next_ and again_ are written under the lock.
  std::int64_t next_;               // index of the next new group
  std::deque<std::int64_t> again_;  // indices to be begun before it: lost when the run was killed
  std::map<std::int64_t, const PromptSet*> sets_;  // of the groups that are being sampled
  std::int64_t begun_ = 0, drawn_step_ = -1;
  std::vector<PromptDraw> draws_;  // of drawn_step_

  std::int64_t learned_ = 0;  // groups; changes in sync points of the gate

  mutable std::mutex mutex_;  // of what follows, and of next_ and again_
  std::condition_variable arrived_;
  RingBuffer<Group> buffer_;
  std::deque<std::int64_t> order_;          // indices in which order groups go into the buffer
  std::map<std::int64_t, Group> early_;     // finished before their turn
  std::set<std::int64_t> under_way_;        // begun, and in no row of the schedule yet
  std::set<std::int64_t> replayed_groups_;  // those that the schedule learns from
  std::vector<std::int64_t> dropped_;
  std::exception_ptr failure_;

  // The trainer's.
  ScheduleRow row_;
  Lag lag_;
  double batch_waited_ = 0, sampler_waited_ = 0, learner_waited_ = 0;

  std::thread sampler_;
};

}  // namespace

std::unique_ptr<GroupSource> async_source(const TrainJob& job, const Mixture& mixture,
                                          const std::filesystem::path& run, std::int64_t start,
                                          const std::optional<Json>& state) {
  return std::make_unique<AsyncSource>(job, mixture, run, start, state);
}

}  // namespace pope
