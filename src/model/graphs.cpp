// Finds libpope_cuda.so and makes its recorder.
#include "model/graphs.h"

#include <dlfcn.h>

#include <string>

#include "core/progress.h"

namespace pope {

std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) {
  if (!device.is_cuda()) return nullptr;
  void* const library = ::dlopen("libpope_cuda.so", RTLD_NOW | RTLD_LOCAL);
  void* const make = library ? ::dlsym(library, kGraphRecorderSymbol) : nullptr;
  if (make == nullptr) {
    const char* const reason = ::dlerror();
    log_line(std::string("decoding without CUDA graphs, which is slower: ") + (reason ? reason : ""));
    return nullptr;
  }
  return std::unique_ptr<GraphRecorder>(reinterpret_cast<MakeGraphRecorder*>(make)(device.index()));
}

}  // namespace pope
