#include "learn/gloo_group.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/error.h"
#include "core/interrupt.h"

namespace pope {
namespace {

constexpr auto kJoin = std::chrono::minutes(5);
constexpr auto kPatience = std::chrono::hours(24);       // process 0 may evaluate and save meanwhile
constexpr auto kStopping = std::chrono::seconds(30);     // for all to hear of a request to stop
constexpr std::int64_t kBucket = std::int64_t{1} << 24;  // values summed at a time, 64 MB

using Gloo = c10d::ProcessGroupGloo;

auto device(const Launch& launch) {
  const char* name = std::getenv("GLOO_SOCKET_IFNAME");
  if (name != nullptr && *name != '\0') return Gloo::createDeviceForInterface(name);
  return processes_here() == launch.size ? Gloo::createDeviceForHostname("127.0.0.1")
                                         : Gloo::createDefaultDevice();
}

class GlooGroup : public ProcessGroup {
 public:
  GlooGroup(const Launch& launch, bool stop_together) : launch_(launch), stop_together_(stop_together) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = launch.rank == 0 && !launch.served;
    options.numWorkers = static_cast<std::size_t>(launch.size);
    options.waitWorkers = !launch.served;
    options.timeout = kJoin;
    const auto store = c10::make_intrusive<c10d::PrefixStore>(
        launch.prefix, c10::make_intrusive<c10d::TCPStore>(launch.address, options));
    auto gloo = Gloo::Options::create();
    gloo->devices.push_back(device(launch));
    gloo->timeout = kJoin;
    gloo_ = c10::make_intrusive<Gloo>(store, launch.rank, launch.size, std::move(gloo));
  }

  int rank() const override { return launch_.rank; }
  int size() const override { return launch_.size; }

  ~GlooGroup() override {
    // Its destructor waits for what it does, which after a stop may be for a process that never comes.
    if (abandoned_) (void)gloo_.release();
  }

  // Gloo gets memory of its own: it may still write to it when a request to stop has ended the waiting.
  void all_reduce(std::span<double> values) override {
    at::Tensor all = at::from_blob(values.data(), {std::int64_t(values.size())}, at::kDouble).clone();
    sum(all);
    std::copy_n(all.const_data_ptr<double>(), values.size(), values.begin());
  }

  void all_reduce(std::vector<at::Tensor>& tensors) override {
    in_buckets(tensors, [this](at::Tensor& bucket) { sum(bucket); });
  }
  void broadcast(std::vector<at::Tensor>& tensors, int from) override {
    in_buckets(tensors, [this, from](at::Tensor& bucket) { send(bucket, from); });
  }

  std::string broadcast(std::string text) override {
    at::Tensor length = at::tensor({std::int64_t(text.size())}, at::kLong);
    send(length);
    text.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
    if (text.empty()) return text;
    at::Tensor bytes = at::from_blob(text.data(), {std::int64_t(text.size())}, at::kByte).clone();
    send(bytes);
    std::memcpy(text.data(), bytes.const_data_ptr(), text.size());
    return text;
  }

  void barrier() override {
    double none[] = {0};
    all_reduce(none);
  }

 private:
  // Waits for a collective, in slices, so that a request to stop is seen: the others hear of it at the end of
  // the step, unless one of them is busy for long.
  template <class Begin>
  void together(const Begin& begin) {
    using Clock = std::chrono::steady_clock;
    constexpr auto kSlice = std::chrono::seconds(1);
    try {
      const c10::intrusive_ptr<c10d::Work> work = begin();
      std::optional<Clock::time_point> asked;
      while (true) {
        try {
          work->wait(kSlice);
          return;
        } catch (const std::exception&) {
          if (work->isCompleted()) {  // it failed, or was done just after the slice was over
            work->wait();
            return;
          }
        }
        if (interrupted() && !stop_together_ && !asked) asked = Clock::now();
        if (asked && Clock::now() - *asked > kStopping) break;
      }
    } catch (const std::exception& error) {
      const std::string what = error.what();
      throw LostProcess(fmt::format("process {} of {} has lost another one ({})", launch_.rank, launch_.size,
                                    what.substr(0, what.find('\n'))));
    }
    abandoned_ = true;
    throw LostProcess(fmt::format("process {} of {} was asked to stop and waited for the others in vain",
                                  launch_.rank, launch_.size));
  }
  // Few large messages in place of many small ones.
  template <class Work>
  void in_buckets(std::vector<at::Tensor>& tensors, const Work& work) {
    const c10::NoGradGuard no_grad;
    for (std::size_t from = 0; from < tensors.size();) {
      std::size_t to = from;
      std::int64_t count = 0;
      std::vector<at::Tensor> flat;
      for (; to < tensors.size() && (count == 0 || count + tensors[to].numel() <= kBucket); ++to) {
        flat.push_back(tensors[to].detach().to(at::kCPU, at::kFloat).flatten());
        count += tensors[to].numel();
      }
      at::Tensor bucket = at::cat(flat);
      work(bucket);
      std::int64_t at = 0;
      for (; from < to; ++from) {
        tensors[from].copy_(bucket.narrow(0, at, tensors[from].numel()).view(tensors[from].sizes()));
        at += tensors[from].numel();
      }
    }
  }
  void sum(at::Tensor& tensor) {
    std::vector<at::Tensor> one{tensor};
    c10d::AllreduceOptions options;
    options.timeout = kPatience;
    together([&] { return gloo_->allreduce(one, options); });
  }
  void send(at::Tensor& tensor, int from = 0) {
    std::vector<at::Tensor> one{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = from;
    options.timeout = kPatience;
    together([&] { return gloo_->broadcast(one, options); });
  }

  const Launch launch_;
  const bool stop_together_;
  c10::intrusive_ptr<Gloo> gloo_;
  bool abandoned_ = false;  // a collective was not waited for to its end
};

}  // namespace

std::unique_ptr<ProcessGroup> join_processes(const Launch& launch, bool stop_together) {
  if (launch.size == 1) return std::make_unique<ProcessGroup>();
  try {
    return std::make_unique<GlooGroup>(launch, stop_together);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw Error(
        "processes",
        fmt::format("process {} of {} could not join the others at {}:{} ({})", launch.rank, launch.size,
                    launch.address, launch.port, what.substr(0, what.find('\n'))),
        "all must be started at about the same time, with one MASTER_ADDR and MASTER_PORT that is free");
  }
}

}  // namespace pope
