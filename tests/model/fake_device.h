// A device that is not the CPU, for machines without one. Its memory is the host's, but libtorch does not
// know: tensors there are not is_cpu(), their data is out of the host's reach but by copying, and operations
// refuse to mix them with tensors on the CPU, as CUDA does. Operations are done on copies by libtorch's CPU
// fallback. Work can be recorded as by a CUDA graph: it is done again with the memory, not with the tensors
// or the code, that it was recorded with. Include it in one file of a test program.
#pragma once

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/device.h"
#include "model/graphs.h"
#include "model/model.h"

namespace pope::fake {

constexpr auto kType = at::DeviceType::PrivateUse1;
constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

// What the host has asked of the device: copies in either direction and single values.
struct Traffic {
  int uploads = 0, downloads = 0;
};
inline Traffic traffic;
inline thread_local bool falling_back = false;
// What is launched on the device is noted here, too, while a recording is under way.
using Launches = std::vector<std::function<void()>>;
inline thread_local Launches* recording = nullptr;

struct Allocator final : at::Allocator {
  at::DataPtr allocate(std::size_t bytes) override {
    void* data = c10::alloc_cpu(bytes);
    return {data, data, &c10::free_cpu, at::Device(kType, 0)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};
inline Allocator allocator;

inline at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                        std::optional<at::Device>, std::optional<bool>,
                        std::optional<at::MemoryFormat> format) {
  return at::Tensor(at::detail::empty_generic(size, &allocator, kKeys, c10::dtype_or_default(type), format));
}
inline at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                                std::optional<at::ScalarType> type, std::optional<at::Layout>,
                                std::optional<at::Device>, std::optional<bool>) {
  return at::Tensor(
      at::detail::empty_strided_generic(size, stride, &allocator, kKeys, c10::dtype_or_default(type)));
}

// The same memory as a tensor on the CPU.
inline at::Tensor host_view(const at::Tensor& x) {
  if (x.is_cpu()) return x;
  auto* const data = const_cast<void*>(x.storage().data());
  c10::Storage storage(c10::Storage::use_byte_size_t(), x.storage().nbytes(), at::DataPtr(data, at::kCPU));
  auto out = at::detail::make_tensor<c10::TensorImpl>(std::move(storage),
                                                      c10::DispatchKeySet(c10::DispatchKey::CPU), x.dtype());
  out.unsafeGetTensorImpl()->set_storage_offset(x.storage_offset());
  out.unsafeGetTensorImpl()->set_sizes_and_strides(x.sizes(), x.strides());
  return out;
}

inline at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  if (!falling_back && from.is_cpu()) ++traffic.uploads;
  if (!falling_back && to.is_cpu()) ++traffic.downloads;
  host_view(to).copy_(host_view(from));
  if (recording && !falling_back) recording->push_back([from, to] { host_view(to).copy_(host_view(from)); });
  return to;
}
inline const at::Tensor& resize(const at::Tensor& x, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const auto fresh = at::empty(size, x.options());
  x.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
  x.unsafeGetTensorImpl()->set_sizes_and_strides(fresh.sizes(), fresh.strides());
  return x;
}
inline at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (from.sizes() != to.sizes()) fake::resize(to, from.sizes(), {});
  return copy_from(from, to, false);
}
inline at::Scalar read_value(const at::Tensor& x) {
  ++traffic.downloads;
  return host_view(x).item();
}

inline void check_device(const at::Tensor& x, const c10::OperatorHandle& op) {
  // A number in a tensor may be on the CPU.
  if (x.defined() && x.is_cpu() && x.dim() > 0) {
    TORCH_CHECK(false, op.schema().name(), ": a tensor on the CPU among tensors on the device");
  }
}

inline void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto count = op.schema().arguments().size();
  for (auto value = stack->end() - static_cast<std::ptrdiff_t>(count); value != stack->end(); ++value) {
    if (value->isTensor()) check_device(value->toTensor(), op);
    if (value->isTensorList()) {
      for (const at::Tensor& x : value->toTensorVector()) check_device(x, op);
    }
  }
  const torch::jit::Stack given = recording ? torch::jit::last(*stack, count).vec() : torch::jit::Stack();
  const bool before = std::exchange(falling_back, true);
  at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
  falling_back = before;
  if (!recording || falling_back) return;
  const torch::jit::Stack results = torch::jit::last(*stack, op.schema().returns().size()).vec();
  recording->push_back([op, given, results] {
    torch::jit::Stack again = given;
    const bool outer = std::exchange(falling_back, true);
    at::native::cpu_fallback(op, &again, /*error_on_views=*/true);
    falling_back = outer;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].isTensor() && !results[i].toTensor().is_same(again[i].toTensor()))
        host_view(results[i].toTensor()).copy_(host_view(again[i].toTensor()));
    }
  });
}

// Autograd orders work by streams and events: there is one stream, always done.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<kType> {
  at::Device exchangeDevice(at::Device) const override { return at::Device(kType, 0); }
  at::Device getDevice() const override { return at::Device(kType, 0); }
  c10::Stream getStream(at::Device) const noexcept override { return only_stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return only_stream(); }
  void record(void**, const c10::Stream&, at::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  static c10::Stream only_stream() { return c10::Stream(c10::Stream::DEFAULT, at::Device(kType, 0)); }
};
struct Hooks final : at::PrivateUse1HooksInterface {
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
};
inline Hooks hooks;
inline const bool registered = [] {
  c10::register_privateuse1_backend("fake");
  at::RegisterPrivateUse1HooksInterface(&hooks);
  return true;
}();

// The device that the tests of devices run on: this one, or what POPE_TEST_DEVICE names (cuda).
inline at::Device device() {
  static const at::Device chosen = [] {
    const char* const name = std::getenv("POPE_TEST_DEVICE");
    return name ? open_device(name) : at::Device(kType, 0);
  }();
  return chosen;
}
// Whether tests may look at `traffic`.
inline bool counts() { return device().type() == kType; }

// The same weights on the device.
inline std::shared_ptr<Model> on_device(const Model& model) {
  std::vector<std::pair<std::string, at::Tensor>> weights;
  for (const auto& parameter : model.parameters())
    weights.emplace_back(parameter.name, parameter.master.detach().clone().to(device()));
  return std::make_shared<Model>(model.architecture(), std::move(weights), model.compute_type());
}

// Records what is launched on this device; counts recordings, replays, and what crosses while recording,
// which would wait for the device.
class Recorder final : public GraphRecorder {
 public:
  struct Counts {
    int records = 0, replays = 0, crossings = 0;
  };
  explicit Recorder(Counts& counts) : counts_(counts) {}
  std::unique_ptr<Graph> record(const std::function<void()>& work) override {
    work();
    auto graph = std::make_unique<Recorded>(counts_);
    const Traffic before = traffic;
    recording = &graph->launches;
    work();
    recording = nullptr;
    counts_.crossings += traffic.uploads - before.uploads + traffic.downloads - before.downloads;
    ++counts_.records;
    return graph;
  }

 private:
  struct Recorded final : Graph {
    explicit Recorded(Counts& c) : counts(c) {}
    void replay() override {
      for (const auto& launch : launches) launch();
      ++counts.replays;
    }
    Launches launches;
    Counts& counts;
  };
  Counts& counts_;
};

}  // namespace pope::fake

C10_REGISTER_GUARD_IMPL(PrivateUse1, pope::fake::Guard)
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &pope::fake::allocator)

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", pope::fake::empty);
  m.impl("empty_strided", pope::fake::empty_strided);
  m.impl("_copy_from", pope::fake::copy_from);
  m.impl("_copy_from_and_resize", pope::fake::copy_from_and_resize);
  m.impl("resize_", pope::fake::resize);
  m.impl("_local_scalar_dense", pope::fake::read_value);
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
}
TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&pope::fake::fallback>());
}
