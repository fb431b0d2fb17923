// Parquet files as JSON rows, by Arrow's libraries. Built into libpope_parquet.so, which data/format.h loads.
#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/util/utf8.h>
#include <parquet/arrow/reader.h>

#include <cmath>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/json_depth.h"
#include "data/format.h"

namespace pope {
namespace {

// What a column can repeat in a few bytes is unpacked batch by batch, and never to more than this many times
// the file.
constexpr std::int64_t kBatchRows = 256;
constexpr auto kGetAgain = "make it again, or download it again";
constexpr std::size_t kUncheckedBytes = 64u << 20, kMostGrowth = 200;

[[noreturn]] void fail(const std::string& file, const std::string& problem, const std::string& hint) {
  throw Error("read Parquet", file + ": " + problem, hint);
}

void check(const arrow::Status& status, const std::string& file) {
  if (!status.ok()) fail(file, "the file is damaged or cut off: " + status.message(), kGetAgain);
}

// Values of one row as JSON. Bytes that are no text, as images are, become null.
class Converter {
 public:
  Json value(const arrow::Array& array, std::int64_t i) {
    if (array.IsNull(i)) return nullptr;
    bytes += 8;
    switch (array.type_id()) {
      case arrow::Type::BOOL:
        return static_cast<const arrow::BooleanArray&>(array).Value(i);
      case arrow::Type::INT8:
        return number<arrow::Int8Array>(array, i);
      case arrow::Type::INT16:
        return number<arrow::Int16Array>(array, i);
      case arrow::Type::INT32:
        return number<arrow::Int32Array>(array, i);
      case arrow::Type::INT64:
        return number<arrow::Int64Array>(array, i);
      case arrow::Type::UINT8:
        return number<arrow::UInt8Array>(array, i);
      case arrow::Type::UINT16:
        return number<arrow::UInt16Array>(array, i);
      case arrow::Type::UINT32:
        return number<arrow::UInt32Array>(array, i);
      case arrow::Type::UINT64:
        return number<arrow::UInt64Array>(array, i);
      case arrow::Type::FLOAT:
        return number<arrow::FloatArray>(array, i);
      case arrow::Type::DOUBLE:
        return number<arrow::DoubleArray>(array, i);
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        return text(static_cast<const arrow::BinaryArray&>(array).GetView(i));
      case arrow::Type::LARGE_STRING:
      case arrow::Type::LARGE_BINARY:
        return text(static_cast<const arrow::LargeBinaryArray&>(array).GetView(i));
      case arrow::Type::STRING_VIEW:
      case arrow::Type::BINARY_VIEW:
        return text(static_cast<const arrow::BinaryViewArray&>(array).GetView(i));
      case arrow::Type::LIST:
      case arrow::Type::MAP:  // a list of {"key", "value"}
        return list(static_cast<const arrow::ListArray&>(array), i);
      case arrow::Type::LARGE_LIST:
        return list(static_cast<const arrow::LargeListArray&>(array), i);
      case arrow::Type::FIXED_SIZE_LIST:
        return list(static_cast<const arrow::FixedSizeListArray&>(array), i);
      case arrow::Type::STRUCT:
        return object(static_cast<const arrow::StructArray&>(array), i);
      case arrow::Type::DICTIONARY: {
        const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
        return value(*coded.dictionary(), coded.GetValueIndex(i));
      }
      case arrow::Type::EXTENSION:
        return value(*static_cast<const arrow::ExtensionArray&>(array).storage(), i);
      default:  // times and decimals, as Arrow writes them
        return array.GetScalar(i).ok() ? Json((*array.GetScalar(i))->ToString()) : Json(nullptr);
    }
  }

  std::size_t bytes = 0;  // of all values so far, about

 private:
  template <class Numbers>
  static Json number(const arrow::Array& array, std::int64_t i) {
    const auto value = static_cast<const Numbers&>(array).Value(i);
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      if (!std::isfinite(value)) return nullptr;
    }
    return value;
  }

  Json text(std::string_view value) {
    bytes += value.size();
    if (!arrow::util::ValidateUTF8(value)) return nullptr;
    return std::string(value);
  }

  template <class Lists>
  Json list(const Lists& array, std::int64_t i) {
    Json values = Json::array();
    const Levels inside(*this);
    for (std::int64_t at = array.value_offset(i), end = at + array.value_length(i); at < end; ++at)
      values.push_back(value(*array.values(), at));
    return values;
  }

  Json object(const arrow::StructArray& array, std::int64_t i) {
    Json values = Json::object();
    const Levels inside(*this);
    for (int field = 0; field < array.num_fields(); ++field)
      values[array.struct_type()->field(field)->name()] = value(*array.field(field), i);
    return values;
  }

  // One level deeper, until it goes out of scope.
  struct Levels {
    explicit Levels(Converter& converter) : level(converter.level_) {
      if (++level > kMaxJsonLevels) throw Error("read Parquet", "expected fewer levels of nesting");
    }
    ~Levels() { --level; }
    int& level;
  };
  int level_ = 0;
};

void read_rows(std::string_view content, const std::string& file, const RowSink& sink) {
  const auto buffer = std::make_shared<arrow::Buffer>(content);
  parquet::arrow::FileReaderBuilder builder;
  check(builder.Open(std::make_shared<arrow::io::BufferReader>(buffer)), file);
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(kBatchRows);
  auto reader = builder.properties(properties)->Build();
  check(reader.status(), file);
  auto batches = (*reader)->GetRecordBatchReader();
  check(batches.status(), file);
  Converter converter;
  std::size_t number = 0;
  while (true) {
    const auto batch = (*batches)->Next();
    check(batch.status(), file);
    if (*batch == nullptr) return;
    check((*batch)->Validate(), file);
    for (std::int64_t i = 0; i < (*batch)->num_rows(); ++i) {
      Json row = Json::object();
      for (int column = 0; column < (*batch)->num_columns(); ++column)
        row[(*batch)->column_name(column)] = converter.value(*(*batch)->column(column), i);
      if (converter.bytes > kUncheckedBytes && converter.bytes / kMostGrowth > content.size()) {
        fail(file, "expected text, got data that grows more than " + std::to_string(kMostGrowth) + "-fold",
             "if it is what you want, convert it to JSON Lines first");
      }
      sink.row(std::move(row), ++number);
    }
  }
}

}  // namespace
}  // namespace pope

// Signature: Format::read.
extern "C" __attribute__((visibility("default"))) void pope_read_parquet(std::string_view content,
                                                                         const std::string& file,
                                                                         const pope::RowSink& sink) {
  try {
    pope::read_rows(content, file, sink);
  } catch (const parquet::ParquetException& error) {
    pope::fail(file, std::string("the file is damaged: ") + error.what(), pope::kGetAgain);
  }
}
