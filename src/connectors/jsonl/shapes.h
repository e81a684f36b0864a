#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "files/input.h"
#include "files/place.h"

/// JSON that is not ours: how other programs write collections (docs/formats/json_shapes.md).
namespace vecferry::jsonl {

enum class Shape {
  ours,     ///< lines with a header
  scroll,   ///< answers of Qdrant's scroll, or the points alone
  columns,  ///< {"ids": [...], "embeddings": [...], "documents": [...], "metadatas": [...]}
  lines,    ///< an object a line, its fields named by options
};

struct Wishes {
  Shape shape = Shape::ours;
  std::string id, document, metadata, tenant;  ///< names of fields, "" where none is said
  std::vector<std::string> vectors;
  Metric metric = Metric::unknown;
  std::optional<IdKind> id_kind;
  int indent = 0;
  int64_t per_file = 0;  ///< points of a file, 0: one file
  Layout layout;
  bool unfinished = false;  ///< the files are being written: what ends inside a value ends before it
};
std::vector<OptionSpec> ShapeOptions();
/// Of options that were checked.
Result<Wishes> ParseWishes(const std::map<std::string, std::string>& options, const Layout* layout);
/// The shape that a file begins as; nothing where that could be several or none.
std::optional<Shape> RecogniseShape(const fs::path& path);

/// What records have, as found by looking at them.
struct Facts {
  std::vector<VectorSpec> vectors;
  bool document = false, tenant = false;
  bool numbers = false, negatives = false, uuids = false, texts = false;  ///< what ids there are
  bool mapped = false;                                                    ///< an id that stands in the payload
  int64_t records = 0;
  IdKind kind() const;
};

/// One value of a file, a point, a line or a row of columns.
struct Item {
  std::string_view text;  ///< with padding behind it
  int64_t begin = 0;      ///< offset in the file
  int64_t number = 0;     ///< of the file, from 0
  bool too_long = false;
};

/// Items of one file in order. Not for use by two threads at once.
class ItemStream {
 public:
  virtual ~ItemStream() = default;
  /// Lives until the next call. Category::corrupt where the file is not of the shape.
  virtual Result<std::optional<Item>> Next() = 0;
};
/// Opens the same file anew each time: columns are read side by side.
using OpenInputs = std::function<Result<std::shared_ptr<files::Input>>()>;
/// Items from the `first`-th on; those before it are passed over.
Result<std::unique_ptr<ItemStream>> OpenItems(const OpenInputs& open, const Wishes& wishes, int64_t first);

/// Takes items apart. Not for use by two threads at once; reuse it.
class ItemParser {
 public:
  virtual ~ItemParser() = default;
  /// What there is, without a record. Faults are left to Parse.
  virtual void LookAt(std::string_view item, Facts* facts) = 0;
  /// One row, or none for the application's own book-keeping; Category::bad_content with a code and the builder as it was.
  virtual Status Parse(std::string_view item, BatchBuilder& builder) = 0;
  const std::string& id() const { return id_; }
  const std::string& tenant() const { return tenant_; }
  bool rounded() const { return rounded_; }

 protected:
  std::string id_, tenant_;
  bool rounded_ = false;
};
/// The schema outlives it.
std::unique_ptr<ItemParser> MakeParser(const Wishes& wishes, const RecordSchema& schema);
std::unique_ptr<ItemParser> MakePointParser(const Wishes& wishes, const RecordSchema& schema);
std::unique_ptr<ItemParser> MakeRecordParser(const Wishes& wishes, const RecordSchema& schema);

/// Writes points as Qdrant's REST answers give them. Not for use by two threads at once.
class PointWriter {
 public:
  /// Both outlive it.
  PointWriter(const RecordSchema& schema, const Layout& layout);
  ~PointWriter();
  /// Appends one object; Category::bad_content, and `out` as it was, for a record that a point cannot be. `id` is as it stands there.
  Status Append(const RecordView& view, int64_t row, std::string* out, std::string* id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// The same JSON with line breaks, each level `indent` blanks further in, the first at `depth`. Without indent as it is.
void AppendIndented(std::string_view json, int indent, int depth, std::string* out);

Result<std::unique_ptr<Source>> OpenForeign(const files::Place& place, const Wishes& wishes);
/// A part that is being written, with its schema and whose part it is.
Result<std::unique_ptr<Source>> OpenForeign(const files::Place& place, const Wishes& wishes, const RecordSchema& schema, const std::string& identity);
Result<std::unique_ptr<Sink>> OpenScrollSink(const files::Place& place, const Wishes& wishes);
/// The side-car of a file or folder: a header of our lines.
files::Place SideCarOf(const files::Place& place, bool folder);

}  // namespace vecferry::jsonl
