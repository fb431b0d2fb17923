// Recorded device work (CUDA graphs): the kernels of a decode step are recorded once and then launched
// together, which saves the host's time per kernel. The implementation is libpope_cuda.so (src/cuda), built
// where CUDA's headers are and loaded from beside the program or from the library path. Without it decoding
// is slower.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace pope {

class Graph {
 public:
  virtual ~Graph() = default;
  // Launches the recorded work again, in order with the device's other work. It reads the values that are in
  // memory now: weights may have changed in place since the recording.
  virtual void replay() = 0;
};

class GraphRecorder {
 public:
  virtual ~GraphRecorder() = default;
  // Calls `work` twice, the second time recording it. `work` must be harmless to do twice and must neither
  // wait for the device nor copy from or to the host. The tensors that it reads and writes must outlive the
  // graph and stay at their addresses. May be called from several threads.
  virtual std::unique_ptr<Graph> record(const std::function<void()>& work) = 0;
};

// Call it after open_device(). Null for devices other than CUDA, and where libpope_cuda.so is not found,
// which a line in the log says.
std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device);

// What libpope_cuda.so exports, under this name.
constexpr const char* kGraphRecorderSymbol = "pope_make_graph_recorder";
using MakeGraphRecorder = GraphRecorder*(int device);

}  // namespace pope
