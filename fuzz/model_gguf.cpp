// libFuzzer target of the GGUF reader: whatever the bytes are, reading ends in an Error or in an
// architecture, tensors and the parts of a tokenizer; these then make a tokenizer and a model, or an Error.
// No tensor may take more than a quantised file can hold: 18 bytes are 32 values of 4 bytes.
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "model/gguf.h"
#include "model/model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    pope::GgufModel gguf = pope::read_gguf({data, size}, "fuzz");
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : gguf.tensors) bytes += tensor.nbytes();
    if (bytes > size * 8) std::abort();
    const auto tokenizer = pope::make_bpe_tokenizer(gguf.tokenizer);
    if (tokenizer->size() > gguf.architecture.vocab_size) std::abort();
    const pope::Model model(std::move(gguf.architecture), std::move(gguf.tensors));
  } catch (const pope::Error&) {
  }
  return 0;
}
