// Parsing of the GGUF container, and the read-only mapping of a file.
#include "model/gguf_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>

#include "core/error.h"
#include "core/git_lfs.h"
#include "core/system_hint.h"

namespace pope {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files hold little-endian numbers");
const char* const kRead = "read GGUF";
const char* const kDamaged = "the file is damaged, or its download was cut short: fetch it again";

// Reads forward through the bytes; never beyond their end.
class Cursor {
 public:
  Cursor(std::span<const std::uint8_t> bytes, const std::string& name)
      : name_(name), data_(bytes.data()), size_(bytes.size()) {}

  [[noreturn]] void fail(const std::string& message, const std::string& hint = kDamaged) const {
    throw Error(kRead, name_ + ": " + message, hint);
  }
  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return size_ - position_; }

  const std::uint8_t* take(std::uint64_t bytes) {
    if (bytes > left()) {
      fail(
          fmt::format("expected {} more bytes at byte {}, the file ends after {}", bytes, position_, left()));
    }
    position_ += bytes;
    return data_ + position_ - bytes;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  // A count of things. Error when they cannot fit into the rest of the file, at `least` bytes each.
  std::uint64_t count(std::uint64_t least, const char* what) {
    const auto value = number<std::uint64_t>();
    if (value > left() / least) {
      fail(fmt::format("{} {} do not fit into the {} bytes that are left", value, what, left()));
    }
    return value;
  }
  std::string text() {
    const auto length = count(1, "characters");
    const auto* bytes = take(length);
    return {reinterpret_cast<const char*>(bytes), length};
  }

 private:
  const std::string& name_;
  const std::uint8_t* data_;
  std::uint64_t size_, position_ = 0;
};

enum ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

// The least number of bytes that a value of this type takes.
std::uint64_t least_bytes(Cursor& in, std::uint32_t type) {
  constexpr std::uint64_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  if (type >= std::size(kBytes)) in.fail(fmt::format("metadata of unknown type {}", type));
  return kBytes[type];
}

nlohmann::json scalar(Cursor& in, std::uint32_t type) {
  switch (type) {
    case kU8:
      return in.number<std::uint8_t>();
    case kI8:
      return in.number<std::int8_t>();
    case kU16:
      return in.number<std::uint16_t>();
    case kI16:
      return in.number<std::int16_t>();
    case kU32:
      return in.number<std::uint32_t>();
    case kI32:
      return in.number<std::int32_t>();
    case kF32:  // by its shortest decimal text, so that 1e-5f becomes the double 1e-5
      return std::stod(fmt::format("{}", in.number<float>()));
    case kBool:
      return in.number<std::uint8_t>() != 0;
    case kString:
      return in.text();
    case kU64:
      return in.number<std::uint64_t>();
    case kI64:
      return in.number<std::int64_t>();
    case kF64:
      return in.number<double>();
    default:
      in.fail(fmt::format("metadata of type {} where a plain value was expected", type));
  }
}

nlohmann::json value(Cursor& in) {
  const auto type = in.number<std::uint32_t>();
  if (type != kArray) return scalar(in, type);
  const auto element = in.number<std::uint32_t>();
  const auto count = in.count(least_bytes(in, element), "array elements");
  nlohmann::json::array_t values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(scalar(in, element));
  return values;
}

struct Described {
  GgufTensor tensor;
  std::uint64_t offset = 0, bytes = 0;
};

Described describe(Cursor& in) {
  Described out;
  GgufTensor& tensor = out.tensor;
  tensor.name = in.text();
  const auto bad = [&](const std::string& message) { in.fail("tensor \"" + tensor.name + "\": " + message); };
  const auto rank = in.number<std::uint32_t>();
  if (rank > 4) bad(fmt::format("expected at most 4 dimensions, got {}", rank));
  std::uint64_t values = 1, fastest = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto size = in.number<std::uint64_t>();
    if (size == 0 || __builtin_mul_overflow(values, size, &values) || values >> 60 != 0) {
      bad(fmt::format("size {} in dimension {} is 0 or too large", size, i));
    }
    if (i == 0) fastest = size;
    tensor.shape.insert(tensor.shape.begin(), std::int64_t(size));
  }
  const auto type = in.number<std::uint32_t>();
  tensor.type = find_gguf_type(type);
  if (!tensor.type) {
    in.fail(
        fmt::format("tensor \"{}\": number format {} is not supported", tensor.name, gguf_type_name(type)),
        "supported: " + gguf_type_names() + "; fetch the model in one of them (Q4_K_M, Q8_0, …)");
  }
  if (fastest % tensor.type->block != 0) {
    bad(fmt::format("rows of {} values are no whole blocks of {}", fastest, tensor.type->name));
  }
  tensor.values = std::int64_t(values);
  out.bytes = values / tensor.type->block * tensor.type->bytes;
  out.offset = in.number<std::uint64_t>();
  return out;
}

// The alignment of the data section, which follows the descriptions, and of each tensor in it.
std::uint64_t alignment_of(const GgufFile& file, const Cursor& in) {
  const auto found = file.metadata.find("general.alignment");
  if (found == file.metadata.end()) return 32;
  const nlohmann::json& value = found->second;
  const auto alignment = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
  if (!std::has_single_bit(alignment) || alignment > 1 << 20) {
    in.fail("expected a power of two up to 2^20 in general.alignment, got " +
            (value.is_number() ? value.dump() : std::string(value.type_name())));
  }
  return alignment;
}

// Without this check a small file could list the same bytes as a million tensors, each dequantised to memory
// of its own.
void refuse_overlap(std::vector<const Described*> order, const Cursor& in) {
  std::sort(order.begin(), order.end(),
            [](const Described* a, const Described* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->offset - order[i - 1]->offset >= order[i - 1]->bytes) continue;
    in.fail(
        fmt::format("tensors \"{}\" and \"{}\" overlap", order[i - 1]->tensor.name, order[i]->tensor.name));
  }
}

}  // namespace

GgufFile parse_gguf(std::span<const std::uint8_t> bytes, const std::string& name) {
  Cursor in(bytes, name);
  if (bytes.size() < 4 || std::memcmp(in.take(4), "GGUF", 4) != 0) {
    in.fail("not a GGUF file: it does not begin with \"GGUF\"",
            "give a .gguf file, or a Hugging Face model directory");
  }
  const auto version = in.number<std::uint32_t>();
  if (version != 2 && version != 3) {
    in.fail(fmt::format("expected GGUF version 2 or 3, got {}", version),
            "convert the model again with a current llama.cpp");
  }
  const auto tensor_count = in.count(24, "tensors");  // name length, rank, type, offset
  const auto pair_count = in.count(13, "metadata entries");
  GgufFile file;
  for (std::uint64_t i = 0; i < pair_count; ++i) {
    const std::string key = in.text();
    if (!file.metadata.emplace(key, value(in)).second) in.fail("metadata key \"" + key + "\" stands twice");
  }

  std::vector<Described> described;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    described.push_back(describe(in));
    const std::string& tensor = described.back().tensor.name;
    if (!names.insert(tensor).second) in.fail("two tensors are named \"" + tensor + "\"");
  }

  const std::uint64_t alignment = alignment_of(file, in);
  const std::uint64_t begin = (in.position() + alignment - 1) / alignment * alignment;
  const std::uint64_t available = begin <= bytes.size() ? bytes.size() - begin : 0;
  std::vector<const Described*> order;
  for (const Described& item : described) {
    if (item.offset % alignment != 0 || item.offset > available || item.bytes > available - item.offset) {
      in.fail(
          fmt::format("tensor \"{}\" of {} bytes at {} does not fit into the {} bytes of data (alignment {})",
                      item.tensor.name, item.bytes, item.offset, available, alignment));
    }
    order.push_back(&item);
  }
  refuse_overlap(std::move(order), in);
  for (Described& item : described) {
    item.tensor.data = bytes.data() + begin + item.offset;
    file.tensors.push_back(std::move(item.tensor));
  }
  return file;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  refuse_git_lfs_pointer(path, kRead);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    const int code = errno;
    if (fd >= 0) ::close(fd);
    throw Error(kRead, path.string() + " cannot be opened: " + std::strerror(code), system_hint(code));
  }
  const auto size = std::size_t(status.st_size);
  void* mapped =
      S_ISREG(status.st_mode) && size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (mapped == MAP_FAILED)
    throw Error(kRead, path.string() + ": expected a file that is not empty", kDamaged);
  bytes_ = {static_cast<const std::uint8_t*>(mapped), size};
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size()); }

}  // namespace pope
