// Python's comparisons and subscripts of values. Whatever Python would raise an error for is a Fault.
#pragma once

#include <string>

#include "jinja/value.h"

namespace pope::jinja {

bool truth(const Value& value);
bool equal(const Value& a, const Value& b, Budget& budget);
// a < b. Fault: values without an order.
bool less(const Value& a, const Value& b, Budget& budget);
// `item in container`.
bool contains(const Value& container, const Value& item, Budget& budget);
// One of == != < <= > >= in notin.
bool compare(const std::string& op, const Value& a, const Value& b, Budget& budget);

// value[key] where key is no name of an attribute: nullopt where Python has no such item.
std::optional<Value> item_of(const Value& value, const Value& key, Budget& budget);
// value[start:stop:step]; null: left out.
Value slice_of(const Value& value, const Value* start, const Value* stop, const Value* step, Budget& budget);
// The items that a loop goes through; those of an iterator are taken out of it. Fault: not iterable.
List items_of(const Value& value, Budget& budget);
// len(value); nullopt where Python has none.
std::optional<std::size_t> length_of(const Value& value);

// What a search of `needle` in `text` may cost.
void spend_search(TextView text, TextView needle, Budget& budget);

}  // namespace pope::jinja
