// Recorded device work: what a decode step launches, once recorded, is launched again as one piece (a CUDA
// graph), which saves the host's time per kernel. The implementation is libpope_cuda.so (src/cuda): built
// where CUDA's headers are, loaded when it lies beside the program or on the library path, never needed.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace pope {

class Graph {
 public:
  virtual ~Graph() = default;
  // The recorded launches again, in order with the device's other work. They read memory, not values that it
  // once had: weights that have changed in place since are the weights that count.
  virtual void replay() = 0;
};

class GraphRecorder {
 public:
  virtual ~GraphRecorder() = default;
  // Does `work`, and records it doing so a second time: it must be harmless to do twice, must not wait for
  // the device nor copy from or to the host, and the tensors it reads and writes must outlive the graph at
  // the addresses they have. May be called on several threads.
  virtual std::unique_ptr<Graph> record(const std::function<void()>& work) = 0;
};

// For a CUDA device, after open_device(). Null for other devices and, as one line in the log says, where
// libpope_cuda.so is not found.
std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device);

// What libpope_cuda.so exports, under this name.
constexpr const char* kGraphRecorderSymbol = "pope_make_graph_recorder";
using MakeGraphRecorder = GraphRecorder*(int device);

}  // namespace pope
