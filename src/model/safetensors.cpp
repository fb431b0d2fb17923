// Header first, parsed and checked as a whole; then the tensors, read and written as ranges of bytes.
#include "model/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/git_lfs.h"
#include "core/json_depth.h"
#include "core/system_hint.h"

namespace pope {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files hold little-endian numbers");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t kMaxRank = 8;                // far above any weight; libtorch takes 64
const char* const kDamaged = "the file is damaged, or its download was cut short: fetch it again";

struct DtypeName {
  at::ScalarType type;
  const char* name;
};
constexpr DtypeName kDtypes[] = {
    {at::kLong, "I64"}, {at::kFloat, "F32"}, {at::kHalf, "F16"}, {at::kBFloat16, "BF16"}};

struct Entry {
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // within the data
};

[[noreturn]] void fail(const std::string& operation, const std::filesystem::path& path,
                       const std::string& message, const std::string& hint = kDamaged) {
  throw Error(operation, path.string() + ": " + message, hint);
}

// An open file. Reads and writes whole ranges; errors name the file.
class File {
 public:
  File(const std::filesystem::path& path, const std::string& operation, int flags)
      : path_(path), operation_(operation), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail("cannot be opened", errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::uint64_t size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("cannot be read", errno);
    if (!S_ISREG(status.st_mode)) pope::fail(operation_, path_, "expected a file", "");
    return std::uint64_t(status.st_size);
  }
  void read(void* to, std::uint64_t bytes, std::uint64_t offset) const {
    for (char* next = static_cast<char*>(to); bytes > 0;) {
      const ssize_t got = ::pread(fd_, next, bytes, off_t(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("cannot be read", errno);
      if (got == 0) pope::fail(operation_, path_, "ends while being read");
      next += got, offset += std::uint64_t(got), bytes -= std::uint64_t(got);
    }
  }
  void write(const void* from, std::uint64_t bytes) {
    for (const char* next = static_cast<const char*>(from); bytes > 0;) {
      const ssize_t put = ::write(fd_, next, bytes);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("cannot be written", errno);
      next += put, bytes -= std::uint64_t(put);
    }
  }
  void sync_and_close() {
    const bool synced = ::fsync(fd_) == 0;
    const int error = errno;
    const bool closed = ::close(std::exchange(fd_, -1)) == 0;
    if (!synced || !closed) fail("cannot be written", synced ? errno : error);
  }

 private:
  [[noreturn]] void fail(const std::string& what, int code) const {
    pope::fail(operation_, path_, what + ": " + std::strerror(code), system_hint(code));
  }
  std::filesystem::path path_;
  std::string operation_;
  int fd_;
};

const std::string kRead = "read safetensors", kWrite = "write safetensors";

Entry parse_entry(const std::filesystem::path& path, const std::string& name, const nlohmann::json& value) {
  const auto bad = [&](const std::string& message, const std::string& hint = kDamaged) {
    fail(kRead, path, "tensor \"" + name + "\": " + message, hint);
  };
  Entry entry{name};
  const auto is_size = [](const nlohmann::json& number) { return number.is_number_unsigned(); };
  if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string() ||
      !value.contains("shape") || !value["shape"].is_array() || !value.contains("data_offsets") ||
      !value["data_offsets"].is_array() || value["data_offsets"].size() != 2 ||
      !std::all_of(value["data_offsets"].begin(), value["data_offsets"].end(), is_size)) {
    bad("expected {\"dtype\", \"shape\", \"data_offsets\": [begin, end]}");
  }
  const std::string dtype = value["dtype"].get<std::string>();
  const auto* known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                   [&](const DtypeName& candidate) { return dtype == candidate.name; });
  if (known == std::end(kDtypes)) {
    bad("dtype " + dtype + " is not supported (F32, F16, BF16 and I64 are)",
        "convert the model: load it in transformers with dtype=torch.bfloat16, then save_pretrained");
  }
  entry.type = known->type;
  if (value["shape"].size() > kMaxRank) {
    bad("expected at most " + std::to_string(kMaxRank) + " dimensions, got " +
        std::to_string(value["shape"].size()));
  }

  std::uint64_t bytes = c10::elementSize(entry.type), strides = bytes;  // strides: as if sizes of 0 were 1
  for (const auto& dim : value["shape"]) {
    const std::uint64_t size = is_size(dim) ? dim.get<std::uint64_t>() : ~std::uint64_t(0);
    if (__builtin_mul_overflow(strides, std::max<std::uint64_t>(size, 1), &strides)) {
      bad("shape " + value["shape"].dump() + " is not a list of sizes, or too large");
    }
    bytes *= size;
    entry.shape.push_back(std::int64_t(size));
  }
  entry.begin = value["data_offsets"][0].get<std::uint64_t>();
  entry.end = value["data_offsets"][1].get<std::uint64_t>();
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    bad("data_offsets " + value["data_offsets"].dump() + " do not fit shape " + value["shape"].dump() +
        " of " + dtype);
  }
  return entry;
}

// The header's entries in the order of their bytes. Error unless they cover [0, data_size) exactly.
std::vector<Entry> parse_header(const std::filesystem::path& path, const std::string& text,
                                std::uint64_t data_size) {
  // nlohmann::json, not ordered_json, whose lookup is linear: a million names would take hours.
  const auto header = nested_too_deep(text) ? nlohmann::json() : nlohmann::json::parse(text, nullptr, false);
  if (!header.is_object()) fail(kRead, path, "the header is not a JSON object");
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") entries.push_back(parse_entry(path, name, value));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      fail(kRead, path,
           "tensor \"" + entry.name + "\" begins at byte " + std::to_string(entry.begin) + " where " +
               std::to_string(end) + " was expected (gap or overlap)");
    }
    end = entry.end;
  }
  if (end != data_size) {
    fail(kRead, path,
         "the tensors take " + std::to_string(end) + " bytes, the file holds " + std::to_string(data_size));
  }
  return entries;
}

// The header's entries; `begin` and `end` of an entry count from the file's first byte.
std::vector<Entry> read_header(const File& file, const std::filesystem::path& path) {
  const std::uint64_t size = file.size();
  std::uint64_t header_size = 0;
  if (size < sizeof header_size) fail(kRead, path, "too short: " + std::to_string(size) + " bytes");
  file.read(&header_size, sizeof header_size, 0);
  if (header_size > kMaxHeader || header_size > size - sizeof header_size) {
    refuse_git_lfs_pointer(path, kRead);
    fail(kRead, path,
         "expected a header within the file of " + std::to_string(size) + " bytes, got one of " +
             std::to_string(header_size),
         "not a safetensors file, or its download was cut short");
  }
  std::string header(header_size, '\0');
  file.read(header.data(), header_size, sizeof header_size);
  const std::uint64_t data = sizeof header_size + header_size;
  std::vector<Entry> entries = parse_header(path, header, size - data);
  for (Entry& entry : entries) entry.begin += data, entry.end += data;
  return entries;
}

}  // namespace

void read_safetensors(const std::filesystem::path& path, std::optional<at::ScalarType> type,
                      const TakeTensor& take) {
  const File file(path, kRead, O_RDONLY);
  for (const Entry& entry : read_header(file, path)) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
    file.read(tensor.data_ptr(), entry.end - entry.begin, entry.begin);
    if (type && at::isFloatingType(entry.type)) tensor = tensor.to(*type);
    take(entry.name, std::move(tensor));
  }
}

NamedTensors read_safetensors(const std::filesystem::path& path, std::optional<at::ScalarType> type) {
  NamedTensors tensors;
  read_safetensors(path, type, [&](const std::string& name, at::Tensor tensor) {
    tensors.emplace_back(name, std::move(tensor));
  });
  return tensors;
}

std::vector<TensorInfo> list_safetensors(const std::filesystem::path& path) {
  std::vector<TensorInfo> listed;
  for (Entry& entry : read_header(File(path, kRead, O_RDONLY), path))
    listed.push_back({std::move(entry.name), std::move(entry.shape), entry.type});
  return listed;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata) {
  // Widest numbers first, so that every tensor is aligned to the size of its numbers.
  std::vector<const NamedTensors::value_type*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->second.element_size() > b->second.element_size();
  });

  nlohmann::ordered_json::object_t header;
  if (!metadata.empty()) {
    Json values = Json::object();
    for (const auto& [key, value] : metadata) values[key] = value;
    header.push_back({"__metadata__", std::move(values)});
  }
  std::uint64_t offset = 0;
  std::set<std::string> names = {"__metadata__"};
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    const auto* dtype =
        std::find_if(std::begin(kDtypes), std::end(kDtypes),
                     [type = tensor.scalar_type()](const DtypeName& known) { return known.type == type; });
    if (dtype == std::end(kDtypes) || !tensor.is_contiguous()) {
      fail(kWrite, path, "tensor \"" + name + "\": expected contiguous f32, f16, bf16 or i64", "");
    }
    if (!names.insert(name).second) fail(kWrite, path, "two tensors are named \"" + name + "\"", "");
    const std::uint64_t end = offset + tensor.nbytes();
    header.push_back(
        {name, {{"dtype", dtype->name}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}}});
    offset = end;
  }
  std::string text = dump(Json(std::move(header)));
  text.resize((text.size() + 7) / 8 * 8, ' ');

  File file(path, kWrite, O_WRONLY | O_CREAT | O_TRUNC);
  const std::uint64_t header_size = text.size();
  file.write(&header_size, sizeof header_size);
  file.write(text.data(), text.size());
  for (const auto* item : order) file.write(item->second.cpu().data_ptr(), item->second.nbytes());
  file.sync_and_close();
}

}  // namespace pope
