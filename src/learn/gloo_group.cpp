#include "learn/gloo_group.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/error.h"

namespace pope {
namespace {

// Process 0 may evaluate and save while the others wait for it; one that ends is noticed at once.
constexpr auto kPatience = std::chrono::hours(24);
constexpr auto kJoin = std::chrono::minutes(5);
constexpr std::int64_t kBucket = std::int64_t{1} << 24;  // values summed at a time, 64 MB

class GlooGroup : public ProcessGroup {
 public:
  explicit GlooGroup(const Launch& launch) : launch_(launch) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = launch.rank == 0 && !launch.served;
    options.numWorkers = static_cast<std::size_t>(launch.size);
    options.waitWorkers = !launch.served;
    options.timeout = kJoin;
    const auto store = c10::make_intrusive<c10d::PrefixStore>(
        launch.prefix, c10::make_intrusive<c10d::TCPStore>(launch.address, options));
    auto gloo = c10d::ProcessGroupGloo::Options::create();
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    gloo->timeout = kPatience;
    gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store, launch.rank, launch.size, std::move(gloo));
  }

  int rank() const override { return launch_.rank; }
  int size() const override { return launch_.size; }

  void all_reduce(std::span<double> values) override {
    at::Tensor all = at::from_blob(values.data(), {std::int64_t(values.size())}, at::kDouble);
    sum(all);
  }

  void all_reduce(std::vector<at::Tensor>& tensors) override {
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
      sum(bucket);
      std::int64_t at = 0;
      for (; from < to; ++from) {
        tensors[from].copy_(bucket.narrow(0, at, tensors[from].numel()).view(tensors[from].sizes()));
        at += tensors[from].numel();
      }
    }
  }

  std::string broadcast(std::string text) override {
    at::Tensor length = at::tensor({std::int64_t(text.size())}, at::kLong);
    send(length);
    text.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
    if (text.empty()) return text;
    at::Tensor bytes = at::from_blob(text.data(), {std::int64_t(text.size())}, at::kByte);
    send(bytes);
    return text;
  }

  void barrier() override {
    double none[] = {0};
    all_reduce(none);
  }

 private:
  // `work` is a collective: it fails where another process has gone.
  template <class Work>
  void together(const Work& work) {
    try {
      work()->wait();
    } catch (const std::exception& error) {
      const std::string what = error.what();
      throw LostProcess(fmt::format("process {} of {} has lost another one ({})", launch_.rank, launch_.size,
                                    what.substr(0, what.find('\n'))));
    }
  }
  void sum(at::Tensor& tensor) {
    std::vector<at::Tensor> one{tensor};
    together([&] { return gloo_->allreduce(one); });
  }
  void send(at::Tensor& tensor) {
    std::vector<at::Tensor> one{tensor};
    together([&] { return gloo_->broadcast(one); });
  }

  const Launch launch_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
};

}  // namespace

std::unique_ptr<ProcessGroup> join_processes(const Launch& launch) {
  if (launch.size == 1) return std::make_unique<ProcessGroup>();
  try {
    return std::make_unique<GlooGroup>(launch);
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
