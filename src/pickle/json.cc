#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/uuid.h"
#include "pickle/reader.h"

/// How the values of a pickle are told as JSON: the second half of PickleReader.
namespace vecferry::pickle {
namespace {

/// Digits that grow as the square of the size: beyond this an integer is refused. CPython itself
/// refuses to print more than 4,300 digits (1,786 bytes).
constexpr uint32_t kMaxBigBytes = 1800;

uint32_t Byte(std::string_view bytes, size_t i) { return static_cast<unsigned char>(bytes[i]); }

/// "2024-05-06" of the four bytes of a date's state; empty where no calendar has it.
std::string DateText(std::string_view state) {
  const uint32_t year = Byte(state, 0) << 8 | Byte(state, 1), month = Byte(state, 2) & 0x7F, day = Byte(state, 3);
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return {};
  return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

/// "07:08:09.123456" of the six bytes of a time's state, as Python's isoformat gives it.
std::string TimeText(std::string_view state) {
  const uint32_t hour = Byte(state, 0) & 0x7F, minute = Byte(state, 1), second = Byte(state, 2);
  const uint32_t micros = Byte(state, 3) << 16 | Byte(state, 4) << 8 | Byte(state, 5);
  if (hour > 23 || minute > 59 || second > 59 || micros > 999999) return {};
  std::string text = fmt::format("{:02}:{:02}:{:02}", hour, minute, second);
  if (micros) text += fmt::format(".{:06}", micros);
  return text;
}

}  // namespace

Fault FaultOf(const Status& status) {
  if (status.ok()) return {};
  const std::string code = FactsOf(status).code;
  return {code.empty() ? "unsupported-value" : code, status.message()};
}

/// What bounds a walk: shared parts of a pickle are told each time they are met.
struct PickleReader::Walk {
  JsonVisitor& visitor;
  uint64_t events;  ///< still allowed
  uint64_t bytes;   ///< of text, still allowed
};

Fault PickleReader::Visit(const PyValue& value, JsonVisitor& visitor) const {
  const auto size = static_cast<uint64_t>(end_ - begin_);
  Walk walk{visitor, 100'000 + 4 * size, (1u << 20) + 16 * size};
  return VisitValue(value, walk, 0);
}

Fault PickleReader::VisitValue(const PyValue& value, Walk& walk, int depth) const {
  if (walk.events-- == 0) return {"unsupported-value", "it unfolds into far more than it is"};
  JsonVisitor& visitor = walk.visitor;
  switch (value.type) {
    case PyType::none: return FaultOf(visitor.Null());
    case PyType::boolean: return FaultOf(visitor.Bool(value.integer != 0));
    case PyType::integer: return FaultOf(visitor.Int(value.integer));
    case PyType::big: {
      const std::string_view bytes = value.view();
      if (bytes.size() == 9 && bytes[8] == 0) {
        uint64_t number;
        std::memcpy(&number, bytes.data(), 8);
        if (number > static_cast<uint64_t>(INT64_MAX)) return FaultOf(visitor.Uint(number));
      }
      if (value.size > kMaxBigBytes) return {"unsupported-value", fmt::format("an integer of {} bytes", value.size)};
      return FaultOf(visitor.Special("bigint", DecimalOf(bytes)));
    }
    case PyType::real:
      if (std::isfinite(value.real)) return FaultOf(visitor.Double(value.real));
      return FaultOf(visitor.Special("f64", std::isnan(value.real) ? "NaN" : value.real > 0 ? "Infinity" : "-Infinity"));
    case PyType::text:
      if (!IsValidUtf8(value.view())) return {"invalid-utf8", "a text is not valid UTF-8"};
      if (walk.bytes < value.size) return {"unsupported-value", "it unfolds into far more than it is"};
      walk.bytes -= value.size;
      return FaultOf(visitor.String(value.view()));
    case PyType::bytes: {
      std::string text;
      AppendBase64(value.view(), &text);
      return FaultOf(visitor.Special("bytes", text));
    }
    case PyType::list: case PyType::tuple: case PyType::dict:
      return depth >= kMaxJsonDepth ? Fault{"unsupported-value", "it is nested too deeply"}
                                    : VisitContainer(value, walk, depth);
    case PyType::object: case PyType::call: return VisitInstance(value, visitor);
    default: return {"unsupported-value", "a set or a class is no JSON value"};
  }
}

Fault PickleReader::VisitContainer(const PyValue& value, Walk& walk, int depth) const {
  JsonVisitor& visitor = walk.visitor;
  if (!value.is(PyType::dict)) {
    if (Fault fault = FaultOf(visitor.BeginArray())) return fault;
    if (Fault fault = Each(value, [&](const PyValue& item) { return VisitValue(item, walk, depth + 1); })) return fault;
    return FaultOf(visitor.EndArray());
  }
  if (Duplicated(value)) return {"corrupt-point", "a key stands twice in a dictionary"};
  if (Fault fault = FaultOf(visitor.BeginObject())) return fault;
  Fault fault = EachPair(value, [&](const PyValue& key, const PyValue& item) -> Fault {
    if (!key.is(PyType::text)) return {"unsupported-value", "a key of a dictionary is no text"};
    if (!IsValidUtf8(key.view())) return {"invalid-utf8", "a key is not valid UTF-8"};
    if (walk.bytes < key.size) return {"unsupported-value", "it unfolds into far more than it is"};
    walk.bytes -= key.size;
    if (Fault inner = FaultOf(visitor.Key(key.view()))) return inner;
    return VisitValue(item, walk, depth + 1);
  });
  return fault ? fault : FaultOf(visitor.EndObject());
}

std::vector<PyValue> PickleReader::ArgumentsOf(const PyValue& call) const {
  std::vector<PyValue> arguments;
  (void)Each(Arguments(call), [&](const PyValue& item) -> Fault {
    if (arguments.size() < 4) arguments.push_back(item);
    return {};
  });
  return arguments;
}

bool PickleReader::OffsetText(const PyValue& zone, std::string* out) const {
  if (!zone.is(PyType::call) || zone.cls != PyClass::timezone) return false;
  const auto zone_arguments = ArgumentsOf(zone);
  if (zone_arguments.empty() || !zone_arguments[0].is(PyType::call) || zone_arguments[0].cls != PyClass::timedelta) return false;
  int64_t parts[3] = {0, 0, 0};
  const auto delta = ArgumentsOf(zone_arguments[0]);
  if (delta.size() > 3) return false;
  for (size_t i = 0; i < delta.size(); ++i) {
    if (!delta[i].is(PyType::integer) || std::abs(delta[i].integer) > 1'000'000) return false;
    parts[i] = delta[i].integer;
  }
  const int64_t micros = (parts[0] * 86400 + parts[1]) * 1'000'000 + parts[2];
  const int64_t size = std::abs(micros);
  if (size >= int64_t{86400} * 1'000'000) return false;
  const int64_t seconds = size / 1'000'000;
  *out = fmt::format("{}{:02}:{:02}", micros < 0 ? '-' : '+', seconds / 3600, seconds / 60 % 60);
  if (seconds % 60 || size % 1'000'000) *out += fmt::format(":{:02}", seconds % 60);
  if (size % 1'000'000) *out += fmt::format(".{:06}", size % 1'000'000);
  return true;
}

Fault PickleReader::VisitUuid(const PyValue& value, JsonVisitor& visitor) const {
  const PyValue* state = State(value);
  const PyValue* number = state ? Find(*state, "int") : nullptr;
  Uuid uuid{};
  if (number && number->is(PyType::integer) && number->integer >= 0) {
    for (int i = 0; i < 8; ++i) uuid[15 - i] = static_cast<uint8_t>(number->integer >> (8 * i));
  } else if (number && number->is(PyType::big) && number->size <= 17 && number->view().back() >= 0 &&
             (number->size < 17 || number->view().back() == 0)) {
    for (size_t i = 0; i < number->size && i < 16; ++i) uuid[15 - i] = static_cast<uint8_t>(number->view()[i]);
  } else {
    return {"corrupt-point", "a UUID without its number"};
  }
  return FaultOf(visitor.String(FormatUuid(uuid)));
}

/// numpy.core.multiarray.scalar(dtype, bytes): booleans, integers and floats of up to eight bytes.
Fault PickleReader::VisitNumpy(const PyValue& value, JsonVisitor& visitor) const {
  const Fault unknown = {"unsupported-value", "a scalar of numpy of a type that is not known here"};
  const auto arguments = ArgumentsOf(value);
  if (arguments.size() != 2 || !arguments[0].is(PyType::call) || arguments[0].cls != PyClass::numpy_dtype || !arguments[1].is(PyType::bytes)) return unknown;
  const auto type = ArgumentsOf(arguments[0]);
  const std::string_view name = !type.empty() && type[0].is(PyType::text) ? type[0].view() : std::string_view();
  const std::string_view bytes = arguments[1].view();
  if (name.size() != 2 || bytes.empty() || bytes.size() > 8 || bytes.size() != static_cast<size_t>(name[1] - '0')) return unknown;
  uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), bytes.size());
  const auto spare = static_cast<int>(64 - 8 * bytes.size());
  switch (name[0]) {
    case 'b': return FaultOf(visitor.Bool(raw != 0));
    case 'i': return FaultOf(visitor.Int(static_cast<int64_t>(raw << spare) >> spare));
    case 'u': return FaultOf(raw > static_cast<uint64_t>(INT64_MAX) ? visitor.Uint(raw) : visitor.Int(static_cast<int64_t>(raw)));
    case 'f': break;
    default: return unknown;
  }
  double number = 0;
  if (bytes.size() == 8) {
    std::memcpy(&number, bytes.data(), 8);
  } else if (float single; bytes.size() == 4) {
    std::memcpy(&single, bytes.data(), 4);
    number = static_cast<double>(single);
  } else {
    return unknown;
  }
  if (std::isfinite(number)) return FaultOf(visitor.Double(number));
  return FaultOf(visitor.Special("f64", std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity"));
}

Fault PickleReader::VisitInstance(const PyValue& value, JsonVisitor& visitor) const {
  if (value.is(PyType::object)) {
    return value.cls == PyClass::uuid ? VisitUuid(value, visitor)
                                      : Fault{"unsupported-value", "an object of Python is no JSON value"};
  }
  if (value.cls == PyClass::numpy_scalar) return VisitNumpy(value, visitor);
  const auto arguments = ArgumentsOf(value);
  const PyValue first = arguments.empty() ? PyValue{} : arguments[0];
  if (value.cls == PyClass::decimal) {
    if (!first.is(PyType::text) || arguments.size() != 1) return {"corrupt-point", "a decimal without its text"};
    return FaultOf(visitor.Special("decimal", first.view()));
  }
  const size_t expected = value.cls == PyClass::date ? 4 : value.cls == PyClass::datetime ? 10 : 6;
  if ((value.cls != PyClass::date && value.cls != PyClass::datetime && value.cls != PyClass::time) ||
      !first.is(PyType::bytes) || first.size != expected || arguments.size() > (value.cls == PyClass::date ? 1u : 2u)) {
    return {"unsupported-value", "an object of Python is no JSON value"};
  }
  const std::string_view state = first.view();
  const std::string date = value.cls == PyClass::time ? "" : DateText(state);
  const std::string time = value.cls == PyClass::date ? "" : TimeText(state.substr(expected - 6));
  std::string offset;
  if ((value.cls != PyClass::time && date.empty()) || (value.cls != PyClass::date && time.empty()) ||
      (arguments.size() == 2 && !OffsetText(arguments[1], &offset))) {
    return {"corrupt-point", "a date or time out of range"};
  }
  if (value.cls == PyClass::date) return FaultOf(visitor.Special("date", date));
  if (value.cls == PyClass::time) return FaultOf(visitor.Special("time", time + offset));
  return FaultOf(visitor.Special("datetime", date + "T" + time + offset));
}

std::string DecimalOf(std::string_view twos_complement) {
  std::vector<uint32_t> words((twos_complement.size() + 3) / 4, 0);
  const bool negative = !twos_complement.empty() && (twos_complement.back() & 0x80);
  uint32_t carry = negative ? 1 : 0;
  for (size_t i = 0; i < words.size() * 4; ++i) {
    uint32_t byte = i < twos_complement.size() ? Byte(twos_complement, i) : (negative ? 0xFF : 0);
    if (negative) {
      byte = (~byte & 0xFF) + carry;
      carry = byte >> 8;
      byte &= 0xFF;
    }
    words[i / 4] |= byte << (8 * (i % 4));
  }
  std::vector<uint32_t> groups;  // of nine digits, the lowest first
  while (!words.empty()) {
    uint64_t rest = 0;
    for (size_t i = words.size(); i-- > 0;) {
      rest = rest << 32 | words[i];
      words[i] = static_cast<uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    groups.push_back(static_cast<uint32_t>(rest));
    while (!words.empty() && words.back() == 0) words.pop_back();
  }
  if (groups.empty()) return "0";
  std::string text = negative ? "-" : "";
  text += std::to_string(groups.back());
  for (size_t i = groups.size() - 1; i-- > 0;) text += fmt::format("{:09}", groups[i]);
  return text;
}

}  // namespace vecferry::pickle
