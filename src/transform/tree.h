#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/json.h"

namespace vecferry {

/// The metadata of one record, to be looked into and changed. One object serves record after record: its memory is kept, no record
/// costs an allocation once it has grown. Nodes are numbers; node 0 is the object itself. Values keep their type exactly.
class MetadataTree final : public JsonVisitor {
 public:
  enum class Kind : uint8_t { null, boolean, integer, unsigned_integer, real, string, special, object, array };
  static constexpr int kNone = -1;

  /// Category::bad_content where it is no object or no valid metadata. "" is {}.
  Status Parse(std::string_view json);
  void Clear();

  Kind kind(int node) const { return at(node).kind; }
  bool boolean(int node) const { return at(node).bits != 0; }
  int64_t integer(int node) const { return static_cast<int64_t>(at(node).bits); }
  uint64_t unsigned_integer(int node) const { return at(node).bits; }
  double real(int node) const;
  /// Of a string or special. Valid until the next change.
  std::string_view text(int node) const { return View(at(node).text); }
  std::string_view special_type(int node) const { return View(at(node).type); }
  std::string_view key(int node) const { return View(at(node).key); }
  int first_child(int node) const { return at(node).first; }
  int next(int node) const { return at(node).next; }

  /// The member at that path, or kNone.
  int Find(const std::vector<std::string>& path) const;
  /// How deep the node nests: 0 of a leaf or an empty container.
  int Depth(int node) const;
  /// The type of a node as people call it: "integer", "string", "datetime".
  std::string_view TypeName(int node) const;

  // New nodes stand nowhere until they are put somewhere.
  int NewNull() { return Add({.kind = Kind::null}); }
  int NewBoolean(bool value) { return Add({.kind = Kind::boolean, .bits = value ? uint64_t{1} : 0}); }
  int NewInteger(int64_t value) { return Add({.kind = Kind::integer, .bits = static_cast<uint64_t>(value)}); }
  int NewReal(double value);
  int NewString(std::string_view value);
  /// A JSON text as a node.
  Result<int> NewJson(std::string_view json);
  /// A node and what is below it once more.
  int Copy(int node);

  /// Takes a member out of its object; it can be put elsewhere.
  void Remove(int node);
  /// Puts a node at the end of the object that holds the path's last key, objects on the way being made. False where a value on the way is no
  /// object, or something is there already.
  bool Put(const std::vector<std::string>& path, int node);
  /// Gives a member another key in its place.
  void Rename(int node, std::string_view key);
  /// The new node takes the other's place and key.
  void Replace(int node, int by);

  /// Appends the node as JSON text.
  Status Write(int node, std::string* out) const;

  Status Null() override { return Take(NewNull()); }
  Status Bool(bool value) override { return Take(NewBoolean(value)); }
  Status Int(int64_t value) override { return Take(NewInteger(value)); }
  Status Uint(uint64_t value) override { return Take(Add({.kind = Kind::unsigned_integer, .bits = value})); }
  Status Double(double value) override { return Take(NewReal(value)); }
  Status String(std::string_view utf8) override { return Take(NewString(utf8)); }
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override { return Begin(Kind::object); }
  Status Key(std::string_view utf8) override;
  Status EndObject() override { return open_.pop_back(), Status::OK(); }
  Status BeginArray() override { return Begin(Kind::array); }
  Status EndArray() override { return open_.pop_back(), Status::OK(); }

 private:
  struct Span {
    uint32_t begin = 0, size = 0;
  };
  struct Node {
    Kind kind = Kind::null;
    uint64_t bits = 0;
    Span key, text, type;
    int parent = kNone, first = kNone, last = kNone, previous = kNone, next = kNone;
  };
  const Node& at(int node) const { return nodes_[static_cast<size_t>(node)]; }
  Node& at(int node) { return nodes_[static_cast<size_t>(node)]; }
  std::string_view View(Span span) const { return std::string_view(bytes_).substr(span.begin, span.size); }
  Span Keep(std::string_view text);
  int Add(Node node);
  int Child(int object, std::string_view key) const;
  void Append(int parent, int node);
  Status Take(int node);
  Status Begin(Kind kind);
  Status Emit(int node, JsonVisitor& out) const;

  std::vector<Node> nodes_;
  std::string bytes_;
  std::vector<int> open_;   ///< objects and arrays that are being read
  Span key_;
  int parsed_ = kNone;      ///< the first value that stands alone
  JsonReader reader_;
};

}  // namespace vecferry
