#include "transform/filter_functions.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "base/iso_time.h"
#include "base/text.h"
#include "transform/regex.h"

namespace vecferry {
namespace {

using sqlite::Type;
using sqlite::Value;
using Arguments = std::vector<Value>;

Value SpecialValue(const MetadataTree& tree, int node) {
  const std::string_view type = tree.special_type(node), text = tree.text(node);
  if (type == "bigint" || type == "decimal" || type == "f64") {
    const double number = std::strtod(std::string(text).c_str(), nullptr);
    return std::isnan(number) ? Value{} : Value::Of(number);
  }
  return Value::Of(text);
}

/// Names that a function was given, parsed once.
class Names {
 public:
  Result<const std::vector<std::string>*> PathOf(const Value& name) {
    if (name.type != Type::text) return BadRecord("filter-failed", "the name of a field is a text");
    const std::string text(name.text);
    const auto known = known_.find(text);
    if (known != known_.end()) return &known->second;
    ARROW_ASSIGN_OR_RAISE(Field field, ParseField(text));
    if (field.kind != Field::Kind::metadata) return BadRecord("filter-failed", fmt::format("'{}' is no field of the metadata", Printable(text, 100)));
    if (known_.size() >= 256) known_.clear();
    return &known_.emplace(text, std::move(field.path)).first->second;
  }

 private:
  std::map<std::string, std::vector<std::string>> known_;
};

using Lookup = std::function<Status(int node, Value* result)>;

/// A function of a field's name, by what stands there.
sqlite::ExpressionFunction OfField(std::string name, const MetadataTree& tree, std::shared_ptr<Names> names, Lookup lookup) {
  return {std::move(name), 1,
          [&tree, names, lookup](const Arguments& arguments, Value* result) -> Status {
            ARROW_ASSIGN_OR_RAISE(const auto* path, names->PathOf(arguments[0]));
            return lookup(tree.Find(*path), result);
          },
          true};
}

/// Compares a value with one of JSON; numbers by their value, true and false as 1 and 0.
class Equal final : public JsonVisitor {
 public:
  explicit Equal(const Value& wanted) : wanted_(wanted) {}
  bool found() const { return found_; }
  Status Null() override { return Leaf(false); }
  Status Bool(bool value) override { return Leaf(wanted_.type == Type::integer && wanted_.integer == (value ? 1 : 0)); }
  Status Int(int64_t value) override {
    if (wanted_.type == Type::real) return Leaf(wanted_.real == static_cast<double>(value) && static_cast<int64_t>(wanted_.real) == value);
    return Leaf(wanted_.type == Type::integer && wanted_.integer == value);
  }
  Status Uint(uint64_t value) override { return Leaf(wanted_.type == Type::real && wanted_.real == static_cast<double>(value)); }
  Status Double(double value) override {
    if (wanted_.type == Type::integer) return Leaf(static_cast<double>(wanted_.integer) == value && static_cast<int64_t>(value) == wanted_.integer);
    return Leaf(wanted_.type == Type::real && wanted_.real == value);
  }
  Status String(std::string_view text) override { return Leaf(wanted_.type == Type::text && wanted_.text == text); }
  Status Special(std::string_view, std::string_view text) override { return Leaf(wanted_.type == Type::text && wanted_.text == text); }
  Status BeginObject() override { return ++depth_, Status::OK(); }
  Status Key(std::string_view key) override {
    // Of an object the keys are what it contains.
    if (depth_ == 1 && object_) found_ = found_ || (wanted_.type == Type::text && wanted_.text == key);
    return Status::OK();
  }
  Status EndObject() override { return --depth_, Status::OK(); }
  Status BeginArray() override { return ++depth_, Status::OK(); }
  Status EndArray() override { return --depth_, Status::OK(); }
  void Object() { object_ = true; }

 private:
  Status Leaf(bool same) {
    if (depth_ == 1 && !object_) found_ = found_ || same;
    return Status::OK();
  }
  const Value& wanted_;
  int depth_ = 0;
  bool object_ = false, found_ = false;
};

Status Contains(JsonReader& reader, const Arguments& arguments, Value* result) {
  const Value& in = arguments[0];
  if (in.type != Type::text) return Status::OK();
  const size_t first = in.text.find_first_not_of(" \t\r\n");
  const char begins = first == in.text.npos ? '\0' : in.text[first];
  if (begins != '[' && begins != '{') {
    const Value& part = arguments[1];
    *result = Value::Of(static_cast<int64_t>(part.type == Type::text && in.text.find(part.text) != in.text.npos));
    return Status::OK();
  }
  Equal equal(arguments[1]);
  if (begins == '{') equal.Object();
  const Status read = reader.Visit(in.text, equal);
  if (!read.ok()) return BadRecord("filter-failed", "contains() was given a text that begins as JSON and is none");
  *result = Value::Of(static_cast<int64_t>(equal.found()));
  return Status::OK();
}

Status Epoch(const Arguments& arguments, Value* result) {
  const Value& value = arguments[0];
  if (value.type == Type::integer || value.type == Type::real) {
    *result = value;
  } else if (value.type == Type::text) {
    if (const auto micros = ParseIsoMicros(value.text)) *result = Value::Of(static_cast<double>(*micros) / 1e6);
  }
  return Status::OK();
}

}  // namespace

Value ValueOf(const MetadataTree& tree, int node, std::string* scratch) {
  if (node == MetadataTree::kNone) return {};
  switch (tree.kind(node)) {
    case MetadataTree::Kind::null: return {};
    case MetadataTree::Kind::boolean: return Value::Of(static_cast<int64_t>(tree.boolean(node)));
    case MetadataTree::Kind::integer: return Value::Of(tree.integer(node));
    case MetadataTree::Kind::unsigned_integer: return Value::Of(static_cast<double>(tree.unsigned_integer(node)));
    case MetadataTree::Kind::real: return Value::Of(tree.real(node));
    case MetadataTree::Kind::string: return Value::Of(tree.text(node));
    case MetadataTree::Kind::special: return SpecialValue(tree, node);
    case MetadataTree::Kind::object:
    case MetadataTree::Kind::array: break;
  }
  scratch->clear();
  return tree.Write(node, scratch).ok() ? Value::Of(std::string_view(*scratch)) : Value{};
}

std::vector<sqlite::ExpressionFunction> FilterFunctions(const MetadataTree& tree) {
  const auto names = std::make_shared<Names>();
  const auto scratch = std::make_shared<std::string>();
  const auto reader = std::make_shared<JsonReader>();
  const auto patterns = std::make_shared<RegexCache>();
  return {OfField("has", tree, names, [](int node, Value* result) -> Status {
            *result = Value::Of(static_cast<int64_t>(node != MetadataTree::kNone));
            return Status::OK();
          }),
          OfField("type_of", tree, names, [&tree](int node, Value* result) -> Status {
            if (node != MetadataTree::kNone) *result = Value::Of(tree.TypeName(node));
            return Status::OK();
          }),
          OfField("field", tree, names, [&tree, scratch](int node, Value* result) -> Status {
            *result = ValueOf(tree, node, scratch.get());
            return Status::OK();
          }),
          {"contains", 2, [reader](const Arguments& arguments, Value* result) { return Contains(*reader, arguments, result); }, false},
          {"epoch", 1, &Epoch, false},
          {"regexp", 2,
           [patterns](const Arguments& arguments, Value* result) -> Status {
             if (arguments[0].type != Type::text) return Status::OK();
             // A text that is missing is not searched, but the pattern is looked at.
             const bool missing = arguments[1].type != Type::text;
             ARROW_ASSIGN_OR_RAISE(const bool found, patterns->Matches(arguments[0].text, missing ? "" : arguments[1].text));
             if (missing) return Status::OK();
             *result = Value::Of(static_cast<int64_t>(found));
             return Status::OK();
           },
           false}};
}

}  // namespace vecferry
