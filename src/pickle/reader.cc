#include "pickle/reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::pickle {
namespace {

namespace op {
constexpr uint8_t kProto = 0x80, kFrame = 0x95, kStop = '.', kMark = '(';
constexpr uint8_t kNone = 'N', kTrue = 0x88, kFalse = 0x89;
constexpr uint8_t kBinInt = 'J', kBinInt1 = 'K', kBinInt2 = 'M', kLong1 = 0x8a, kLong4 = 0x8b, kBinFloat = 'G';
constexpr uint8_t kShortText = 0x8c, kText = 'X', kText8 = 0x8d, kShortBytes = 'C', kBytes = 'B';
constexpr uint8_t kMemoize = 0x94, kBinPut = 'q', kLongBinPut = 'r', kBinGet = 'h', kLongBinGet = 'j';
constexpr uint8_t kEmptyTuple = ')', kTuple = 't', kTuple1 = 0x85, kTuple2 = 0x86, kTuple3 = 0x87;
constexpr uint8_t kEmptyDict = '}', kEmptyList = ']', kEmptySet = 0x8f;
constexpr uint8_t kSetItem = 's', kSetItems = 'u', kAppend = 'a', kAppends = 'e', kAddItems = 0x90;
constexpr uint8_t kGlobal = 'c', kStackGlobal = 0x93, kNewObj = 0x81, kReduce = 'R', kBuild = 'b';
}  // namespace op

struct KnownClass {
  std::string_view module, name;
  PyClass cls;
  bool by_new;     ///< NEWOBJ may make it
  bool by_reduce;  ///< REDUCE may make it
};
constexpr KnownClass kClasses[] = {
    {"qdrant_client.http.models.models", "PointStruct", PyClass::point_struct, true, false},
    {"qdrant_client.http.models.models", "SparseVector", PyClass::sparse_vector, true, false},
    {"langchain_community.docstore.in_memory", "InMemoryDocstore", PyClass::docstore, true, false},
    {"langchain.docstore.in_memory", "InMemoryDocstore", PyClass::docstore, true, false},
    {"langchain_core.documents.base", "Document", PyClass::document, true, false},
    {"langchain_core.documents", "Document", PyClass::document, true, false},
    {"langchain.schema.document", "Document", PyClass::document, true, false},
    {"langchain.schema", "Document", PyClass::document, true, false},
    {"langchain.docstore.document", "Document", PyClass::document, true, false},
    {"chromadb.segment.impl.vector.local_persistent_hnsw", "PersistentData", PyClass::persistent_data, true, false},
    {"datetime", "date", PyClass::date, false, true},
    {"datetime", "datetime", PyClass::datetime, false, true},
    {"datetime", "time", PyClass::time, false, true},
    {"datetime", "timezone", PyClass::timezone, false, true},
    {"datetime", "timedelta", PyClass::timedelta, false, true},
    {"uuid", "UUID", PyClass::uuid, true, false},
    {"decimal", "Decimal", PyClass::decimal, false, true},
    {"numpy", "dtype", PyClass::numpy_dtype, false, true},
    {"numpy.core.multiarray", "scalar", PyClass::numpy_scalar, false, true},
    {"numpy._core.multiarray", "scalar", PyClass::numpy_scalar, false, true},
};
const KnownClass& ClassOf(PyClass cls) {
  return *std::find_if(std::begin(kClasses), std::end(kClasses), [&](const auto& known) { return known.cls == cls; });
}

uint64_t LittleEndian(const uint8_t* bytes, int n) {
  uint64_t value = 0;
  for (int i = n; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

Status PickleReader::Bad(std::string_view what) const {
  return MakeError(Category::bad_content, fmt::format("not a pickle of plain values: {} at byte {}", what, at_ - begin_));
}

bool PickleReader::Take(uint64_t n, const uint8_t** out) {
  if (n > static_cast<uint64_t>(end_ - at_)) return false;
  *out = at_;
  at_ += n;
  return true;
}

Status PickleReader::Parse(std::string_view bytes) {
  if (bytes.size() > UINT32_MAX / 2) return MakeError(Category::bad_content, "a pickle of more than 2 GiB");
  begin_ = at_ = reinterpret_cast<const uint8_t*>(bytes.data());
  end_ = begin_ + bytes.size();
  stack_.clear(), marks_.clear(), memo_.clear(), memo_set_.clear();
  nodes_.clear(), runs_.clear(), values_.clear();
  memo_next_ = 0;
  stopped_ = false;
  const uint8_t* head;
  if (!Take(2, &head) || head[0] != op::kProto || head[1] < 2 || head[1] > 5) return Bad("no protocol of 2 to 5");
  while (!stopped_) {
    const uint8_t* opcode;
    if (!Take(1, &opcode)) return Bad("it ends too early");
    ARROW_RETURN_NOT_OK(Step(*opcode));
  }
  if (at_ != end_) return Bad("bytes after its end");
  return Status::OK();
}

Status PickleReader::Step(uint8_t opcode) {
  switch (opcode) {
    case op::kStop:
      if (stack_.size() != 1 || !marks_.empty()) return Bad("it ends with an unfinished value");
      root_ = stack_[0];
      stopped_ = true;
      return Status::OK();
    case op::kFrame: {
      const uint8_t* skipped;
      return Take(8, &skipped) ? Status::OK() : Bad("a frame that is cut off");
    }
    case op::kMark:
      if (TakeFloats()) return Status::OK();
      marks_.push_back(static_cast<uint32_t>(stack_.size()));
      return Status::OK();
    case op::kShortText: case op::kText: case op::kText8: case op::kShortBytes: case op::kBytes:
      return StepText(opcode);
    case op::kNone: case op::kTrue: case op::kFalse: case op::kBinInt: case op::kBinInt1: case op::kBinInt2:
    case op::kLong1: case op::kLong4: case op::kBinFloat:
      return StepNumber(opcode);
    case op::kMemoize: case op::kBinPut: case op::kLongBinPut: case op::kBinGet: case op::kLongBinGet:
      return StepMemo(opcode);
    case op::kGlobal: return GlobalLines();
    case op::kStackGlobal: case op::kNewObj: case op::kReduce: case op::kBuild:
      return StepObject(opcode);
    default:
      return StepContainer(opcode);
  }
}

Status PickleReader::TakeSized(int width, PyType type) {
  const uint8_t* length;
  const uint8_t* data;
  if (!Take(static_cast<uint64_t>(width), &length)) return Bad("a length that is cut off");
  const uint64_t size = LittleEndian(length, width);
  if (!Take(size, &data)) return Bad("a text that is cut off");
  PyValue value{.type = type, .size = static_cast<uint32_t>(size)};
  value.data = reinterpret_cast<const char*>(data);
  return Push(value);
}

Status PickleReader::StepText(uint8_t opcode) {
  switch (opcode) {
    case op::kShortText: return TakeSized(1, PyType::text);
    case op::kText: return TakeSized(4, PyType::text);
    case op::kText8: return TakeSized(8, PyType::text);
    case op::kShortBytes: return TakeSized(1, PyType::bytes);
    default: return TakeSized(4, PyType::bytes);
  }
}

Status PickleReader::StepNumber(uint8_t opcode) {
  const uint8_t* data;
  switch (opcode) {
    case op::kNone: return Push({.type = PyType::none});
    case op::kTrue: return Push({.type = PyType::boolean, .integer = 1});
    case op::kFalse: return Push({.type = PyType::boolean, .integer = 0});
    case op::kBinInt1: return Take(1, &data) ? PushInteger(*data) : Bad("a number that is cut off");
    case op::kBinInt2:
      return Take(2, &data) ? PushInteger(static_cast<int64_t>(LittleEndian(data, 2))) : Bad("a number that is cut off");
    case op::kBinInt:
      return Take(4, &data) ? PushInteger(static_cast<int32_t>(LittleEndian(data, 4))) : Bad("a number that is cut off");
    case op::kBinFloat: {
      if (!Take(8, &data)) return Bad("a number that is cut off");
      PyValue value{.type = PyType::real};
      value.real = PackedFloat(data - 1);
      return Push(value);
    }
    default: {
      const int width = opcode == op::kLong1 ? 1 : 4;
      if (!Take(static_cast<uint64_t>(width), &data)) return Bad("a number that is cut off");
      const uint64_t n = LittleEndian(data, width);
      return Take(n, &data) ? PushLong(data, n) : Bad("a number that is cut off");
    }
  }
}

Status PickleReader::Push(PyValue value) {
  stack_.push_back(value);
  return Status::OK();
}

Status PickleReader::PushInteger(int64_t number) {
  PyValue value{.type = PyType::integer};
  value.integer = number;
  return Push(value);
}

Status PickleReader::PushLong(const uint8_t* data, uint64_t n) {
  if (n <= 8) {
    if (n == 0) return PushInteger(0);
    const uint64_t raw = LittleEndian(data, static_cast<int>(n));
    const int shift = static_cast<int>(64 - 8 * n);
    return PushInteger(static_cast<int64_t>(raw << shift) >> shift);
  }
  PyValue value{.type = PyType::big, .size = static_cast<uint32_t>(n)};
  value.data = reinterpret_cast<const char*>(data);
  return Push(value);
}

Status PickleReader::StepMemo(uint8_t opcode) {
  const uint8_t* data;
  switch (opcode) {
    case op::kMemoize: return Remember(memo_next_);
    case op::kBinPut: return Take(1, &data) ? Remember(*data) : Bad("a memo that is cut off");
    case op::kLongBinPut: return Take(4, &data) ? Remember(LittleEndian(data, 4)) : Bad("a memo that is cut off");
    case op::kBinGet: return Take(1, &data) ? Recall(*data) : Bad("a memo that is cut off");
    default: return Take(4, &data) ? Recall(LittleEndian(data, 4)) : Bad("a memo that is cut off");
  }
}

Status PickleReader::Remember(uint64_t index) {
  // A pickler numbers its memo from 0, one per opcode: no index reaches the size of the pickle.
  if (index >= static_cast<uint64_t>(end_ - begin_)) return Bad("a memo index out of range");
  if (Loose() == 0) return Bad("a memo of nothing");
  if (index >= memo_.size()) {
    memo_.resize(index + 1);
    memo_set_.resize(index + 1);
  }
  memo_[index] = stack_.back();
  memo_next_ += memo_set_[index] ? 0 : 1;
  memo_set_[index] = 1;
  return Status::OK();
}

Status PickleReader::Recall(uint64_t index) {
  if (index >= memo_.size() || !memo_set_[index]) return Bad("a memo that was not set");
  return Push(memo_[index]);
}

Status PickleReader::PushNode(PyType type) {
  PyValue value{.type = type};
  value.node = static_cast<uint32_t>(nodes_.size());
  nodes_.emplace_back();
  return Push(value);
}

Status PickleReader::StepContainer(uint8_t opcode) {
  switch (opcode) {
    case op::kEmptyTuple: return PushNode(PyType::tuple);
    case op::kEmptyDict: return PushNode(PyType::dict);
    case op::kEmptyList: return PushNode(PyType::list);
    case op::kEmptySet: return PushNode(PyType::set);
    case op::kTuple: {
      if (marks_.empty()) return Bad("a tuple without a mark");
      const auto items = static_cast<uint32_t>(stack_.size()) - marks_.back();
      marks_.pop_back();
      return Tuple(items);
    }
    case op::kTuple1: return Tuple(1);
    case op::kTuple2: return Tuple(2);
    case op::kTuple3: return Tuple(3);
    case op::kSetItem: return Extend(PyType::dict, false);
    case op::kSetItems: return Extend(PyType::dict, true);
    case op::kAppend: return Extend(PyType::list, false);
    case op::kAppends: return Extend(PyType::list, true);
    case op::kAddItems: return Extend(PyType::set, true);
    default: return Bad(fmt::format("opcode 0x{:02x}, which is not allowed,", opcode));
  }
}

void PickleReader::AppendRun(uint32_t node, PyRun run) {
  if (run.count == 0) return;
  Node& target = nodes_[node];
  const auto index = static_cast<uint32_t>(runs_.size());
  runs_.push_back(run);
  if (target.last == UINT32_MAX) target.first = index;
  else runs_[target.last].next = index;
  target.last = index;
  target.count += run.count;
}

bool PickleReader::Streamed(size_t target, uint32_t count) const {
  if (!take_pairs_) return false;
  const bool named = target > 0 && stack_[target - 1].is(PyType::text);
  return take_pairs_(named ? stack_[target - 1].view() : std::string_view(), stack_.data() + target + 1, count);
}

Status PickleReader::Extend(PyType type, bool marked) {
  uint32_t items = type == PyType::dict ? 2 : 1;
  if (marked) {
    if (marks_.empty()) return Bad("items without a mark");
    items = static_cast<uint32_t>(stack_.size()) - marks_.back();
    marks_.pop_back();
    if (type == PyType::dict && items % 2 != 0) return Bad("a key without a value");
  }
  if (Loose() < items + uint64_t{1}) return Bad("items without a container");
  const PyValue target = stack_[stack_.size() - items - 1];
  if (!target.is(type)) return Bad("items of another kind of container");
  if (type == PyType::dict && Streamed(stack_.size() - items - 1, items)) {
    stack_.resize(stack_.size() - items);
    return Status::OK();
  }
  const PyRun run{.begin = static_cast<uint32_t>(values_.size()), .count = items};
  values_.insert(values_.end(), stack_.end() - items, stack_.end());
  stack_.resize(stack_.size() - items);
  AppendRun(target.node, run);
  return Status::OK();
}

bool PickleReader::TakeFloats() {
  if (Loose() == 0 || !stack_.back().is(PyType::list)) return false;
  const uint8_t* at = at_;
  while (end_ - at >= 10 && *at == op::kBinFloat) at += 9;
  if (at == at_ || at == end_ || *at != op::kAppends) return false;
  AppendRun(stack_.back().node, {.packed = at_, .count = static_cast<uint32_t>((at - at_) / 9)});
  at_ = at + 1;
  return true;
}

Status PickleReader::Tuple(uint32_t n) {
  if (Loose() < n) return Bad("a tuple of too few values");
  const PyRun run{.begin = static_cast<uint32_t>(values_.size()), .count = n};
  values_.insert(values_.end(), stack_.end() - n, stack_.end());
  stack_.resize(stack_.size() - n);
  ARROW_RETURN_NOT_OK(PushNode(PyType::tuple));
  AppendRun(stack_.back().node, run);
  return Status::OK();
}

Status PickleReader::Global() {
  if (Loose() < 2) return Bad("a class without a name");
  const PyValue name = stack_.back(), module = stack_[stack_.size() - 2];
  if (!name.is(PyType::text) || !module.is(PyType::text)) return Bad("a class without a name");
  stack_.resize(stack_.size() - 2);
  return PushClass(module.view(), name.view());
}

/// The spelling of protocols 2 and 3: two lines.
Status PickleReader::GlobalLines() {
  std::string_view lines[2];
  for (auto& line : lines) {
    const auto* end = static_cast<const uint8_t*>(std::memchr(at_, '\n', static_cast<size_t>(end_ - at_)));
    if (!end) return Bad("a class without a name");
    line = {reinterpret_cast<const char*>(at_), static_cast<size_t>(end - at_)};
    at_ = end + 1;
  }
  return PushClass(lines[0], lines[1]);
}

Status PickleReader::PushClass(std::string_view module, std::string_view name) {
  for (const auto& known : kClasses) {
    if (known.module == module && known.name == name) return Push({.type = PyType::global, .cls = known.cls});
  }
  return Bad(fmt::format("the class {}.{}, which is not allowed,", Printable(module, 100), Printable(name, 100)));
}

Status PickleReader::Build(const PyValue& target, const PyValue& state) {
  // The state of a numpy dtype (byte order and alignment) is of no use for a scalar, whose bytes are this machine's.
  if (target.is(PyType::call) && target.cls == PyClass::numpy_dtype && state.is(PyType::tuple)) return Status::OK();
  if (!target.is(PyType::object) || !state.is(PyType::dict)) return Bad("a state without an object");
  if (nodes_[target.node].extra != UINT32_MAX) return Bad("a second state of an object");
  nodes_[target.node].extra = static_cast<uint32_t>(values_.size());
  values_.push_back(state);
  return Status::OK();
}

Status PickleReader::StepObject(uint8_t opcode) {
  if (opcode == op::kStackGlobal) return Global();
  if (Loose() < 2) return Bad("an object without a class");
  const PyValue argument = stack_.back();
  const PyValue target = stack_[stack_.size() - 2];
  stack_.pop_back();
  if (opcode == op::kBuild) return Build(target, argument);
  const auto extra = static_cast<uint32_t>(values_.size());
  values_.push_back(argument);
  if (!target.is(PyType::global) || !argument.is(PyType::tuple)) return Bad("a call of something that is no class");
  const KnownClass& known = ClassOf(target.cls);
  if (!(opcode == op::kNewObj ? known.by_new : known.by_reduce)) {
    return Bad(fmt::format("a call of {}.{}, which is not allowed,", known.module, known.name));
  }
  if (opcode == op::kNewObj && Count(argument) != 0) return Bad("an object with arguments");
  stack_.pop_back();
  ARROW_RETURN_NOT_OK(PushNode(opcode == op::kNewObj ? PyType::object : PyType::call));
  stack_.back().cls = target.cls;
  if (opcode == op::kReduce) nodes_[stack_.back().node].extra = extra;
  return Status::OK();
}

PyValue PickleReader::Item(const PyRun& run, uint32_t i) const {
  if (!run.packed) return values_[run.begin + i];
  PyValue value{.type = PyType::real};
  value.real = PackedFloat(run.packed + size_t{9} * i);
  return value;
}

const PyValue* PickleReader::Find(const PyValue& dict, std::string_view key) const {
  for (uint32_t at = nodes_[dict.node].first; at != UINT32_MAX; at = runs_[at].next) {
    const PyRun& run = runs_[at];
    for (uint32_t i = 0; i + 1 < run.count; i += 2) {
      const PyValue& candidate = values_[run.begin + i];
      if (candidate.is(PyType::text) && candidate.view() == key) return &values_[run.begin + i + 1];
    }
  }
  return nullptr;
}

const PyValue* PickleReader::State(const PyValue& object) const {
  const uint32_t extra = nodes_[object.node].extra;
  return extra == UINT32_MAX ? nullptr : &values_[extra];
}

bool PickleReader::Duplicated(const PyValue& dict) const {
  if (Count(dict) <= 2) return false;
  std::vector<std::string_view> keys;
  keys.reserve(Count(dict) / 2);
  (void)EachPair(dict, [&](const PyValue& key, const PyValue&) -> Fault {
    if (key.is(PyType::text)) keys.push_back(key.view());
    return {};
  });
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

}  // namespace vecferry::pickle
