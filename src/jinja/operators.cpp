// See operators.h: truth, comparisons, items.
#include "jinja/operators.h"

#include <algorithm>

namespace pope::jinja {
namespace {

bool equal_lists(const List& a, const List& b, Budget& budget) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i], budget)) return false;
  }
  return true;
}

bool equal_dicts(const Dict& a, const Dict& b, Budget& budget) {
  if (a.items.size() != b.items.size()) return false;
  for (const auto& [key, value] : a.items) {
    const Value* other = b.find(key, budget);
    if (other == nullptr || !equal(value, *other, budget)) return false;
  }
  return true;
}

bool ordinary(SequenceKind kind) { return kind == SequenceKind::kList || kind == SequenceKind::kTuple; }

}  // namespace

bool truth(const Value& value) {
  if (value.undefined() != nullptr || value.none()) return false;
  if (const bool* flag = value.boolean()) return *flag;
  if (const std::int64_t* whole = value.integer()) return *whole != 0;
  if (const double* real = value.real()) return *real != 0;
  if (value.is(SequenceKind::kIterator)) return true;
  const auto length = length_of(value);
  return !length || *length > 0;
}

bool equal(const Value& a, const Value& b, Budget& budget) {
  budget.spend(1);
  if (a.undefined() != nullptr || b.undefined() != nullptr) return a.undefined() && b.undefined();
  if (a.none() || b.none()) return a.none() && b.none();
  if (a.whole() && b.whole()) return *a.whole() == *b.whole();
  if (const auto x = a.number(), y = b.number(); x || y) return x && y && *x == *y;
  if (a.text() != nullptr || b.text() != nullptr) {
    if (a.text() == nullptr || b.text() == nullptr || a.text()->size() != b.text()->size()) return false;
    budget.spend(a.text()->size());
    return *a.text() == *b.text();
  }
  if (const Sequence* x = a.sequence(), *y = b.sequence(); x != nullptr && y != nullptr) {
    if (ordinary(x->kind) && ordinary(y->kind))
      return x->kind == y->kind && equal_lists(x->items, y->items, budget);
    if (x->kind == y->kind && !a.same_object(b) && x->kind != SequenceKind::kIterator) {
      throw Fault{"comparing " + a.kind() + " with another is not supported"};
    }
  }
  if (a.dict() != nullptr && b.dict() != nullptr) return equal_dicts(*a.dict(), *b.dict(), budget);
  return a.same_object(b);
}

bool less(const Value& a, const Value& b, Budget& budget) {
  budget.spend(1);
  if (a.whole() && b.whole()) return *a.whole() < *b.whole();
  if (const auto x = a.number(), y = b.number(); x && y) return *x < *y;
  if (a.text() != nullptr && b.text() != nullptr) {
    budget.spend(std::min(a.text()->size(), b.text()->size()));
    return *a.text() < *b.text();
  }
  const Sequence *x = a.sequence(), *y = b.sequence();
  if (x != nullptr && y != nullptr && x->kind == y->kind && ordinary(x->kind)) {
    for (std::size_t i = 0; i < x->items.size() && i < y->items.size(); ++i) {
      if (!equal(x->items[i], y->items[i], budget)) return less(x->items[i], y->items[i], budget);
    }
    return x->items.size() < y->items.size();
  }
  throw Fault{"expected values that can be ordered, got " + a.kind() + " and " + b.kind()};
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (container.undefined() != nullptr) return false;
  if (const Text* text = container.text()) {
    if (item.text() == nullptr)
      throw Fault{"expected a string in front of 'in' and a string, got " + item.kind()};
    spend_search(*text, *item.text(), budget);
    return text->find(*item.text()) != Text::npos;
  }
  if (const Dict* dict = container.dict()) {
    if (item.sequence() != nullptr || item.dict() != nullptr) {
      throw Fault{"expected a string or a number as key of a dict, got " + item.kind()};
    }
    return dict->find(item, budget) != nullptr;
  }
  if (const Sequence* sequence = container.sequence();
      sequence != nullptr && sequence->kind != SequenceKind::kIterator) {
    return std::any_of(sequence->items.begin(), sequence->items.end(),
                       [&](const Value& one) { return equal(one, item, budget); });
  }
  throw Fault{"expected a string, list or dict behind 'in', got " + container.kind()};
}

bool compare(const std::string& op, const Value& a, const Value& b, Budget& budget) {
  if (op == "==") return equal(a, b, budget);
  if (op == "!=") return !equal(a, b, budget);
  if (op == "in") return contains(b, a, budget);
  if (op == "notin") return !contains(b, a, budget);
  if (op == "<") return less(a, b, budget);
  if (op == ">") return less(b, a, budget);
  // Not "not less": neither holds for NaN.
  const bool swapped = op == ">=";
  const Value& low = swapped ? b : a;
  const Value& high = swapped ? a : b;
  return less(low, high, budget) || equal(low, high, budget);
}

std::optional<std::size_t> length_of(const Value& value) {
  if (value.undefined() != nullptr) return 0;
  if (const Text* text = value.text()) return text->size();
  if (const Dict* dict = value.dict()) return dict->items.size();
  if (const Sequence* sequence = value.sequence();
      sequence != nullptr && sequence->kind != SequenceKind::kIterator) {
    return sequence->items.size();
  }
  return std::nullopt;
}

std::optional<Value> item_of(const Value& value, const Value& key, Budget& budget) {
  if (value.undefined() != nullptr) throw Fault{value.kind() + ", has no items"};
  if (const Dict* dict = value.dict()) {
    if (key.sequence() != nullptr || key.dict() != nullptr) return std::nullopt;
    const Value* found = dict->find(key, budget);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  const auto length = length_of(value);
  auto at = key.whole();
  if (!length || !at || value.is(SequenceKind::kView)) return std::nullopt;
  if (*at < 0) *at += static_cast<std::int64_t>(*length);
  if (*at < 0 || static_cast<std::size_t>(*at) >= *length) return std::nullopt;
  const auto index = static_cast<std::size_t>(*at);
  if (const Text* text = value.text()) return Value(TextView(*text).substr(index, 1));
  return value.sequence()->items[index];
}

namespace {

// A bound of a slice over `length` items, as Python clips it for a step of this sign.
std::int64_t bound(const Value* value, std::int64_t length, std::int64_t step, bool is_start) {
  if (value == nullptr || value->none()) {
    if (step > 0) return is_start ? 0 : length;
    return is_start ? length - 1 : -1;
  }
  const auto whole = value->whole();
  if (!whole) throw Fault{"expected whole numbers in a slice, got " + value->kind()};
  const std::int64_t at = *whole < 0 ? std::max<std::int64_t>(*whole, -length - 1) + length : *whole;
  return step > 0 ? std::clamp<std::int64_t>(at, 0, length) : std::clamp<std::int64_t>(at, -1, length - 1);
}

}  // namespace

Value slice_of(const Value& value, const Value* start, const Value* stop, const Value* step, Budget& budget) {
  const auto size = length_of(value);
  if (!size || value.undefined() != nullptr || value.dict() != nullptr || value.is(SequenceKind::kView)) {
    throw Fault{"expected a string or a list to take a slice of, got " + value.kind()};
  }
  std::int64_t by = 1;
  if (step != nullptr && !step->none()) {
    if (!step->whole() || *step->whole() == 0) throw Fault{"expected a step other than 0 in a slice"};
    by = std::clamp<std::int64_t>(*step->whole(), -(std::int64_t(1) << 40), std::int64_t(1) << 40);
  }
  const auto length = static_cast<std::int64_t>(*size);
  const std::int64_t first = bound(start, length, by, true), last = bound(stop, length, by, false);
  std::vector<std::size_t> indices;
  for (std::int64_t i = first; by > 0 ? i < last : i > last; i += by) {
    budget.spend(1);
    indices.push_back(static_cast<std::size_t>(i));
  }
  if (const Text* text = value.text()) {
    Text part;
    for (const std::size_t i : indices) part += (*text)[i];
    return Value(std::move(part), value.string()->safe);
  }
  budget.spend_items(indices.size());
  List part;
  for (const std::size_t i : indices) part.push_back(value.sequence()->items[i]);
  return Value::sequence(value.sequence()->kind, std::move(part));
}

List items_of(const Value& value, Budget& budget) {
  List items;
  if (value.undefined() != nullptr) return items;
  if (const Text* text = value.text()) {
    budget.spend_items(text->size());
    for (std::size_t i = 0; i < text->size(); ++i) items.push_back(Value(TextView(*text).substr(i, 1)));
  } else if (const Dict* dict = value.dict()) {
    budget.spend_items(dict->items.size());
    for (const auto& [key, item] : dict->items) items.push_back(key);
  } else if (Sequence* sequence = value.sequence()) {
    budget.spend_items(sequence->items.size() - sequence->at);
    items.assign(sequence->items.begin() + static_cast<std::ptrdiff_t>(sequence->at), sequence->items.end());
    if (sequence->kind == SequenceKind::kIterator) sequence->at = sequence->items.size();
  } else {
    throw Fault{"expected something to go through, got " + value.kind()};
  }
  return items;
}

void spend_search(TextView text, TextView needle, Budget& budget) {
  budget.spend(text.size());
  if (needle.size() > 16) budget.spend(text.size() / 16 * needle.size());
}

}  // namespace pope::jinja
