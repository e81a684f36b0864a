#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/json.h"

/// A reader of the Python pickles that stores of vectors write: points of qdrant-client's local mode, LangChain's index.pkl,
/// lists of dicts, labels of Chroma's HNSW segments.
///
/// It is an allow-list machine: it builds plain values and runs nothing. Of classes it knows the names in
/// PyClass and no other; of opcodes those that CPython's pickler emits for such values (protocols 2 to 5). Anything else
/// is Category::bad_content. Memory is linear in the size of the pickle: an opcode yields at most one value.
/// Facts: CPython's Lib/pickletools.py (opcodes), Modules/_datetimemodule.c (the states of dates).
namespace vecferry::pickle {

enum class PyType : uint8_t {
  none, boolean, integer,
  big,      ///< an integer beyond int64: two's complement, little-endian bytes
  real, text, bytes, list, tuple, dict, set, global,
  object,   ///< an instance made by NEWOBJ, its state set by BUILD
  call,     ///< an instance made by REDUCE: a class and its arguments
};

enum class PyClass : uint8_t {
  point_struct, sparse_vector,  // of qdrant-client
  docstore, document,           // of LangChain
  persistent_data,              // of Chroma's HNSW segments
  date, datetime, time, timezone, timedelta, uuid, decimal,
  numpy_scalar, numpy_dtype,
};

/// One value. Text and bytes are views into the pickle; containers are a node of the reader.
struct PyValue {
  PyType type = PyType::none;
  PyClass cls = PyClass::point_struct;  ///< of global, object and call
  uint32_t size = 0;                    ///< bytes of text, bytes and big
  union {
    int64_t integer = 0;
    double real;
    const char* data;
    uint32_t node;
  };
  std::string_view view() const { return {data, size}; }
  bool is(PyType t) const { return type == t; }
};

/// Why a value is not what was expected. `code` is that of the reject; empty: nothing is wrong.
struct Fault {
  std::string code;
  std::string message;
  Fault() = default;
  Fault(std::string c, std::string m) : code(std::move(c)), message(std::move(m)) {}
  explicit operator bool() const { return !code.empty(); }
};

/// The fault of one record that a visitor or a layout found; none of OK.
Fault FaultOf(const Status& status);

/// A run of the items of a container: values, or floats as they stand in the pickle, nine bytes apart.
struct PyRun {
  const uint8_t* packed = nullptr;  ///< the first BINFLOAT opcode, or nullptr
  uint32_t begin = 0;               ///< index of the first value, when not packed
  uint32_t count = 0;
  uint32_t next = UINT32_MAX;
};

/// Is shown pairs of a dict as they are read, a run at a time: keys and values by turns, `count` of both together. `key` is what
/// the dict is the value of, "" where that is no text. True: they are taken, and the reader does not keep them.
using TakePairs = std::function<bool(std::string_view key, const PyValue* pairs, uint32_t count)>;

/// Reads one pickle at a time. Reuse it: its memory is kept. Not for use by two threads at once.
class PickleReader {
 public:
  /// For pickles with dicts that are too large to be kept whole.
  void StreamPairs(TakePairs take) { take_pairs_ = std::move(take); }
  /// Reads the whole of `bytes`, which must outlive the use of the result. Category::bad_content where
  /// it is not exactly one pickle of the kinds above.
  Status Parse(std::string_view bytes);
  const PyValue& root() const { return root_; }

  /// Number of items of a list, tuple or set; twice the number of pairs of a dict.
  uint32_t Count(const PyValue& container) const { return nodes_[container.node].count; }
  /// The value of a dict's key, or nullptr. A dict of a pickle may hold a key twice: see Duplicated.
  const PyValue* Find(const PyValue& dict, std::string_view key) const;
  /// The state that BUILD gave to an object, or nullptr.
  const PyValue* State(const PyValue& object) const;
  /// The arguments of a call.
  const PyValue& Arguments(const PyValue& call) const { return values_[nodes_[call.node].extra]; }
  /// Whether some key stands twice in a dict.
  bool Duplicated(const PyValue& dict) const;

  /// Calls on_run for each run of items, in order, until it returns a Fault.
  template <typename OnRun>
  Fault EachRun(const PyValue& container, OnRun&& on_run) const {
    for (uint32_t at = nodes_[container.node].first; at != UINT32_MAX; at = runs_[at].next) {
      if (Fault fault = on_run(runs_[at])) return fault;
    }
    return {};
  }
  /// Calls on_item for each item.
  template <typename OnItem>
  Fault Each(const PyValue& container, OnItem&& on_item) const {
    return EachRun(container, [&](const PyRun& run) -> Fault {
      for (uint32_t i = 0; i < run.count; ++i) {
        if (Fault fault = on_item(Item(run, i))) return fault;
      }
      return {};
    });
  }
  /// Calls on_pair for each key and value of a dict.
  template <typename OnPair>
  Fault EachPair(const PyValue& dict, OnPair&& on_pair) const {
    return EachRun(dict, [&](const PyRun& run) -> Fault {
      for (uint32_t i = 0; i + 1 < run.count; i += 2) {
        if (Fault fault = on_pair(values_[run.begin + i], values_[run.begin + i + 1])) return fault;
      }
      return {};
    });
  }
  PyValue Item(const PyRun& run, uint32_t i) const;

  /// The value as the events of JSON. Refuses what JSON and its specials do not know, nesting deeper than
  /// kMaxJsonDepth (and so cycles), and a small pickle that unfolds into a huge value.
  Fault Visit(const PyValue& value, JsonVisitor& visitor) const;

 private:
  struct Node {
    uint32_t first = UINT32_MAX, last = UINT32_MAX;
    uint32_t count = 0;
    uint32_t extra = UINT32_MAX;  ///< index of an object's state or a call's arguments
  };
  struct Walk;

  Status Step(uint8_t opcode);
  Status StepText(uint8_t opcode);
  Status StepNumber(uint8_t opcode);
  Status StepMemo(uint8_t opcode);
  Status StepContainer(uint8_t opcode);
  Status StepObject(uint8_t opcode);
  Status Bad(std::string_view what) const;

  bool Take(uint64_t n, const uint8_t** out);
  Status TakeSized(int width, PyType type);
  Status Push(PyValue value);
  Status PushNode(PyType type);
  Status PushInteger(int64_t value);
  Status PushLong(const uint8_t* data, uint64_t n);
  /// How many values may be popped: those above the last mark.
  size_t Loose() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  Status Remember(uint64_t index);
  Status Recall(uint64_t index);
  Status Extend(PyType type, bool marked);
  void AppendRun(uint32_t node, PyRun run);
  /// Whether the pairs above `target` on the stack were taken by the one who streams.
  bool Streamed(size_t target, uint32_t count) const;
  Status Tuple(uint32_t n);
  Status Global();
  Status GlobalLines();
  Status PushClass(std::string_view module, std::string_view name);
  Status Build(const PyValue& target, const PyValue& state);
  /// A MARK, any number of BINFLOATs and APPENDS, taken at once. False where what follows is something else.
  bool TakeFloats();

  Fault VisitValue(const PyValue& value, Walk& walk, int depth) const;
  Fault VisitContainer(const PyValue& value, Walk& walk, int depth) const;
  Fault VisitInstance(const PyValue& value, JsonVisitor& visitor) const;
  Fault VisitUuid(const PyValue& value, JsonVisitor& visitor) const;
  Fault VisitNumpy(const PyValue& value, JsonVisitor& visitor) const;
  std::vector<PyValue> ArgumentsOf(const PyValue& call) const;
  bool OffsetText(const PyValue& zone, std::string* out) const;

  TakePairs take_pairs_;
  const uint8_t* begin_ = nullptr;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  PyValue root_;
  bool stopped_ = false;
  std::vector<PyValue> stack_;
  std::vector<uint32_t> marks_;
  std::vector<PyValue> memo_;
  std::vector<uint8_t> memo_set_;
  uint32_t memo_next_ = 0;
  std::vector<Node> nodes_;
  std::vector<PyRun> runs_;
  std::vector<PyValue> values_;
};

/// An integer in two's complement, little-endian, as decimal digits.
std::string DecimalOf(std::string_view twos_complement);

/// The float of a BINFLOAT whose opcode stands at `at`.
inline double PackedFloat(const uint8_t* at) {
  uint64_t bits;
  __builtin_memcpy(&bits, at + 1, 8);
  bits = __builtin_bswap64(bits);
  double value;
  __builtin_memcpy(&value, &bits, 8);
  return value;
}

}  // namespace vecferry::pickle
