#include "connectors/qdrant/value_writer.h"

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant/points.h"

namespace vecferry::qdrant {
namespace {

// Fields of Value.
constexpr uint32_t kNull = 1, kDouble = 2, kInteger = 3, kString = 4, kBool = 5, kStruct = 6, kList = 7;
// Levels that a container adds: Struct, its entry, the Value in it; ListValue, the Value in it.
constexpr int kObjectLevels = 3, kListLevels = 2;
/// Beside them, a value of a payload stands three levels deep: point, entry, Value; readers stop at a hundred.
constexpr int kMostLevels = 100 - 3;
static_assert(kMostObjects == kMostLevels / kObjectLevels);

}  // namespace

void ValueWriter::Begin(uint32_t field, std::string* out) {
  out_ = out;
  field_ = field;
  levels_.clear();
  nesting_ = 0;
  name_.clear();
}

/// What stands before a scalar's Value of `size` bytes: lengths are known at once, so that nothing moves but the key.
void ValueWriter::Head(size_t size) {
  if (levels_.back().object) {
    const OpenMessage& entry = levels_.back().entry;
    SetLength(entry, out_->size() - entry.begin + LengthFieldSize(size), out_);
    return AppendHead(2, size, out_);
  }
  AppendHead(1, size, out_);
}

Status ValueWriter::Null() {
  Head(2);
  return AppendUintField(kNull, 0, out_), Status::OK();
}

Status ValueWriter::Bool(bool value) {
  Head(2);
  return AppendUintField(kBool, value, out_), Status::OK();
}

Status ValueWriter::Int(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  Head(1 + VarintSize(bits));
  return AppendUintField(kInteger, bits, out_), Status::OK();
}

Status ValueWriter::Uint(uint64_t value) {
  if (value > static_cast<uint64_t>(INT64_MAX)) {
    return Refuse("payload-value", fmt::format("holds the integer {}: the largest is {}", value, INT64_MAX));
  }
  return Int(static_cast<int64_t>(value));
}

Status ValueWriter::Double(double value) {
  if (!(value - value == 0)) return Refuse("payload-value", "holds a number that is not finite");
  Head(9);
  AppendTag(kDouble, WireType::fixed64, out_);
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  return out_->append(bytes, 8), Status::OK();
}

Status ValueWriter::String(std::string_view utf8) {
  if (!IsValidUtf8(utf8)) return Refuse("invalid-utf8", "holds text that is not valid UTF-8");
  Head(LengthFieldSize(utf8.size()));
  return AppendBytesField(kString, utf8, out_), Status::OK();
}

Status ValueWriter::Special(std::string_view type, std::string_view) {
  return Refuse("payload-value", fmt::format("holds a value of type {}, which a payload of Qdrant cannot hold", Printable(type, 40)));
}

Status ValueWriter::Begin(bool object) {
  if (levels_.empty()) return levels_.push_back({.object = object}), Status::OK();
  nesting_ += object ? kObjectLevels : kListLevels;
  if (nesting_ > kMostLevels) {
    return Refuse("payload-too-deep", fmt::format("nests deeper than {} objects or {} lists: the server would keep it, but its clients could not read it",
                                                  kMostObjects, kMostLevels / kListLevels));
  }
  Level level{.object = object};
  level.value = BeginMessage(levels_.back().object ? 2 : 1, 0, out_);
  level.container = BeginMessage(object ? kStruct : kList, 0, out_);
  levels_.push_back(level);
  return Status::OK();
}

Status ValueWriter::End() {
  const Level level = levels_.back();
  levels_.pop_back();
  if (levels_.empty()) return Status::OK();
  nesting_ -= level.object ? kObjectLevels : kListLevels;
  EndMessage(level.container, out_);
  EndMessage(level.value, out_);
  if (levels_.back().object) EndMessage(levels_.back().entry, out_);
  return Status::OK();
}

Status ValueWriter::BeginObject() { return Begin(true); }
Status ValueWriter::EndObject() { return End(); }
Status ValueWriter::BeginArray() { return Begin(false); }
Status ValueWriter::EndArray() { return End(); }

Status ValueWriter::Key(std::string_view utf8) {
  if (levels_.size() == 1) name_ = utf8;
  if (!IsValidUtf8(utf8)) return Refuse("invalid-utf8", "has a key that is not valid UTF-8");
  levels_.back().entry = BeginMessage(levels_.size() == 1 ? field_ : 1, 0, out_);
  return AppendBytesField(1, utf8, out_), Status::OK();
}

Status ValueWriter::Refuse(std::string_view code, std::string_view what) const {
  return BadRecord(code, fmt::format("the field {} {}", Printable(name_, 200), what));
}

}  // namespace vecferry::qdrant
