// The CUDA half of libtorch is loaded with dlopen; after that ATen finds its hooks by itself.
#include "model/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include "core/error.h"
#include "model/device_name.h"

namespace pope {
namespace {

void load_cuda() {
  // Global, so that libpope_cuda.so finds its symbols.
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
  const char* const reason = ::dlerror();
  throw Error("device",
              std::string("run.device=cuda: cannot load libtorch_cuda.so: ") + (reason ? reason : ""),
              "set LD_LIBRARY_PATH to the lib folder of a libtorch with CUDA of the same version (python3 -c "
              "\"import torch; print(torch.__path__[0] + '/lib')\"), or run.device=cpu");
}

}  // namespace

at::Device open_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const int index = cuda_index(name);
  if (index < 0) {
    throw Error("config", "run.device: expected cpu, cuda or cuda:N, got '" + name + "'");
  }
  load_cuda();
  const int count = at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  if (index >= count) {
    throw Error("device", "run.device=" + name + ": found " + std::to_string(count) + " CUDA devices",
                "nvidia-smi lists them; the driver has to be as new as libtorch's CUDA");
  }
  // cuDNN's attention makes a plan for every new shape, and here shapes hardly ever repeat.
  at::globalContext().setSDPUseCuDNN(false);
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

void wait_for(at::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

}  // namespace pope
