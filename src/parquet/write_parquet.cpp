// JSON rows as a Parquet file, by Arrow's libraries. Built into libpope_parquet.so, which
// data/format_parquet.h loads.
#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"

namespace pope {
namespace {

using Values = std::vector<const Json*>;
const Json kNull;

void check(const arrow::Status& status) {
  if (!status.ok()) throw Error("write Parquet", status.message());
}

// The value of a field in each object; null where it is missing.
Values field_of(const Values& objects, const std::string& name) {
  Values values;
  for (const Json* object : objects) {
    const auto found = object->is_object() ? object->find(name) : object->end();
    values.push_back(object->is_object() && found != object->end() ? &*found : &kNull);
  }
  return values;
}

// The type of a column that holds `values`. One without values is of texts.
std::shared_ptr<arrow::DataType> type_of(const Values& values, const std::string& column) {
  bool texts = false, truths = false, integers = false, reals = false;
  Values objects, items;
  bool lists = false;
  for (const Json* value : values) {
    texts = texts || value->is_string();
    truths = truths || value->is_boolean();
    integers = integers || value->is_number_integer();
    reals = reals || value->is_number_float();
    if (value->is_object()) objects.push_back(value);
    if (!value->is_array()) continue;
    lists = true;
    for (const Json& item : *value) items.push_back(&item);
  }
  if (texts + truths + (integers || reals) + lists + !objects.empty() > 1)
    throw Error("write Parquet", column + ": expected values of one type in all rows, got several",
                "write JSON Lines");
  if (truths) return arrow::boolean();
  if (reals) return arrow::float64();
  if (integers) return arrow::int64();
  if (lists) return arrow::list(type_of(items, column));
  if (objects.empty()) return arrow::utf8();
  std::vector<std::string> names;
  for (const Json* object : objects) {
    for (const auto& [name, value] : object->items())
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  arrow::FieldVector fields;
  for (const std::string& name : names)
    fields.push_back(arrow::field(name, type_of(field_of(objects, name), column + "." + name)));
  return arrow::struct_(fields);
}

void append(arrow::ArrayBuilder& builder, const Json& value) {
  if (value.is_null()) return check(builder.AppendNull());
  switch (builder.type()->id()) {
    case arrow::Type::BOOL:
      return check(static_cast<arrow::BooleanBuilder&>(builder).Append(value.get<bool>()));
    case arrow::Type::INT64:
      return check(static_cast<arrow::Int64Builder&>(builder).Append(value.get<std::int64_t>()));
    case arrow::Type::DOUBLE:
      return check(static_cast<arrow::DoubleBuilder&>(builder).Append(value.get<double>()));
    case arrow::Type::STRING:
      return check(static_cast<arrow::StringBuilder&>(builder).Append(value.get_ref<const std::string&>()));
    case arrow::Type::LIST: {
      auto& list = static_cast<arrow::ListBuilder&>(builder);
      check(list.Append());
      for (const Json& item : value) append(*list.value_builder(), item);
      return;
    }
    default: {  // a struct
      auto& object = static_cast<arrow::StructBuilder&>(builder);
      check(object.Append());
      for (int i = 0; i < object.num_fields(); ++i) {
        const auto found = value.find(object.type()->field(i)->name());
        append(*object.field_builder(i), found == value.end() ? kNull : *found);
      }
    }
  }
}

}  // namespace
}  // namespace pope

// Signature: WriteParquet.
extern "C" __attribute__((visibility("default"))) void pope_write_parquet(const std::vector<pope::Json>& rows,
                                                                          std::string& content) {
  using namespace pope;
  Values values;
  for (const Json& row : rows) values.push_back(&row);
  const auto type = type_of(values, "row");
  std::unique_ptr<arrow::ArrayBuilder> builder;
  check(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder));
  for (const Json& row : rows) append(*builder, row);
  std::shared_ptr<arrow::Array> array;
  check(builder->Finish(&array));
  const auto batch = arrow::RecordBatch::FromStructArray(array);
  check(batch.status());
  const auto table = arrow::Table::FromRecordBatches({*batch});
  check(table.status());
  const auto out = arrow::io::BufferOutputStream::Create();
  check(out.status());
  constexpr std::int64_t kGroupRows = 1 << 16;
  check(parquet::arrow::WriteTable(**table, arrow::default_memory_pool(), *out, kGroupRows));
  const auto buffer = (*out)->Finish();
  check(buffer.status());
  content = (*buffer)->ToString();
}
