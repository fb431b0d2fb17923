// libFuzzer target of the tokenizer.json parser: whatever the bytes are, loading ends in an Error or in a
// tokenizer that encodes, decodes and names its prefix. The first line of the input is tokenizer_config.json
// where it ends in a NUL; the rest is tokenizer.json.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "text/hf_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = input.find('\0');
  const bool has_config = nul != std::string_view::npos;
  const std::string config(has_config ? input.substr(0, nul) : "{}");
  const std::string description(has_config ? input.substr(nul + 1) : input);
  try {
    const auto tokenizer = pope::make_hf_tokenizer({description, config, ""}, "fuzz");
    for (const bool parse_special : {false, true}) {
      const auto ids = tokenizer->encode("The  caf\u0065\u0301 <eos>isn't 1234\n\n \xFFword", parse_special);
      for (const int id : ids) {
        if (id < 0 || id >= tokenizer->size()) __builtin_trap();
      }
      (void)tokenizer->decode(ids);
    }
    for (const int id : tokenizer->prefix()) {
      if (id < 0 || id >= tokenizer->size()) __builtin_trap();
    }
  } catch (const pope::Error&) {
  }
  return 0;
}
