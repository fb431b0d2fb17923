// Where a model computes. The program links libtorch's CPU half alone; the CUDA half is loaded when a CUDA
// device is asked for, so that one binary serves machines with and without a GPU.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace pope {

// "cpu", "cuda" (the first one) or "cuda:N". For CUDA this loads libtorch_cuda.so. Call it before anything
// else of libtorch: libtorch looks for CUDA once, at its first use. Errors: another name; a library, the
// driver or the device is missing.
at::Device open_device(const std::string& name);

// Waits until the device has finished all work given to it; clocks need that. Does nothing on the CPU.
void wait_for(at::Device device);

}  // namespace pope
