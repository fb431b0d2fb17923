// libFuzzer target of the safetensors reader: whatever the bytes are, reading ends in an Error or in tensors
// whose bytes are those of the file, no more. What is read is written and read again, and must be the same.
// The bytes go through a file in memory, since the reader takes a path and reads with pread.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/error.h"
#include "model/safetensors.h"

namespace {

// A file without a name on any disk, made once.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    if (fd_ < 0) std::abort();
  }
  const std::filesystem::path& path() const { return path_; }
  void assign(const void* data, std::size_t size) {
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, data, size, 0) != ssize_t(size)) std::abort();
  }

 private:
  int fd_;
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile file, copy;
  file.assign(data, size);
  try {
    const pope::NamedTensors tensors = pope::read_safetensors(file.path(), std::nullopt);
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
    if (bytes > size) std::abort();
    pope::write_safetensors(copy.path(), tensors);
    const pope::NamedTensors again = pope::read_safetensors(copy.path(), std::nullopt);
    if (again.size() != tensors.size()) std::abort();
    pope::read_safetensors(copy.path());
  } catch (const pope::Error&) {
  }
  return 0;
}
