// Names of devices, for settings: known without libtorch.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// N of "cuda:N", 0 of "cuda"; −1: another name.
int cuda_index(std::string_view name);

// Whether open_device() (model/device.h) knows the name; the device itself may still be missing.
bool is_device_name(const std::string& name);

}  // namespace pope
