// Where a model computes. The program links libtorch's CPU half alone; the CUDA half is loaded when a CUDA
// device is asked for, so that one binary serves machines with and without a GPU.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace pope {

// "cpu", "cuda" (the first one) or "cuda:N". For CUDA this loads libtorch_cuda.so; call it before anything
// else of libtorch, which remembers whether it has CUDA from the first time it is asked. Errors: another
// name; a library, the driver or the device is missing.
at::Device open_device(const std::string& name);

// Whether open_device() knows the name; the device itself may still be missing.
bool is_device_name(const std::string& name);

// Waits until the device has done what it was given: for clocks. Nothing to do on the CPU.
void wait_for(at::Device device);

}  // namespace pope
