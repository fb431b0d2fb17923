// libpope_cuda.so: decode steps as CUDA graphs (see model/graphs.h). The only file that needs CUDA's headers.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <mutex>
#include <optional>

#include "model/graphs.h"

namespace pope {
namespace {

// The memory that recorded steps compute in. They leave nothing behind in it and run one after another, on
// the device's default stream, so all of a recorder share it. Libtorch gives it up with the last graph; its
// name is void from then on.
struct Pool {
  std::mutex mutex;
  at::cuda::MempoolId_t id{};
  int graphs = 0;
};

class CudaGraph final : public Graph {
 public:
  explicit CudaGraph(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  ~CudaGraph() override {
    const std::lock_guard lock(pool_->mutex);
    if (recorded_) --pool_->graphs;
    graph_.reset();
  }

  // The caller has the pool's lock. Other threads may go on using the device: the learner's do.
  void record(const std::function<void()>& work) {
    if (pool_->graphs == 0) pool_->id = at::cuda::graph_pool_handle();
    graph_->capture_begin(pool_->id, cudaStreamCaptureModeThreadLocal);
    work();
    graph_->capture_end();
    recorded_ = true;
    ++pool_->graphs;
  }
  void replay() override { graph_->replay(); }

 private:
  std::shared_ptr<Pool> pool_;
  std::optional<at::cuda::CUDAGraph> graph_{std::in_place};
  bool recorded_ = false;
};

class CudaGraphRecorder final : public GraphRecorder {
 public:
  explicit CudaGraphRecorder(int device)
      : stream_(
            c10::cuda::getStreamFromPool(/*isHighPriority=*/false, static_cast<at::DeviceIndex>(device))) {}

  // Recording is not allowed on the default stream. The first run, on the stream of the second, makes what
  // must not be made while recording: cuBLAS's workspace belongs to a stream.
  std::unique_ptr<Graph> record(const std::function<void()>& work) override {
    auto graph = std::make_unique<CudaGraph>(pool_);
    const std::lock_guard lock(pool_->mutex);
    const c10::cuda::CUDAStreamGuard guard(stream_);
    c10::cuda::device_synchronize();  // what the work reads was written on another stream
    work();
    c10::cuda::device_synchronize();
    graph->record(work);
    return graph;
  }

 private:
  c10::cuda::CUDAStream stream_;
  std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

}  // namespace
}  // namespace pope

extern "C" __attribute__((visibility("default"))) pope::GraphRecorder* pope_make_graph_recorder(int device) {
  return new pope::CudaGraphRecorder(device);
}
