#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "record/batch.h"
#include "record/schema.h"

/// What stands beside a file that holds vectors alone (a FAISS index, a .npy array): for each row an id, a document and
/// metadata. Entry i belongs to row i. Facts of the formats: docs/formats/faiss.md.
namespace vecferry::sidecar {

enum class Format {
  jsonl,       ///< one object a line; Vecferry's own begin with a header and are exact
  parquet,     ///< columns id, tenant, document, metadata; or any columns, which are then metadata
  pickle,      ///< a pickled list of dicts: {"id", "properties"} or plain ones
  langchain,   ///< index.pkl of LangChain's FAISS: (InMemoryDocstore, {row: id})
  llamaindex,  ///< a folder of LlamaIndex: docstore.json and index_store.json
};
std::string_view Name(Format format);
Result<Format> ParseFormat(std::string_view name);
/// By content: the first bytes of a file, or what a folder holds. Category::unsupported where it is none of them.
Result<Format> FormatOf(const fs::path& path);

/// One row's entry. Kept by the caller and used again.
struct Entry {
  std::optional<std::string> id, tenant, document;
  std::string metadata;  ///< JSON text of an object
};

/// What is known of a side-car as a whole.
struct Facts {
  Format format = Format::jsonl;
  int64_t count = 0;
  bool has_ids = false, has_tenant = false, has_document = false;
  IdKind id_kind = IdKind::string;
  std::optional<RecordSchema> schema;  ///< what Vecferry wrote of the dataset, its vector included
  std::string layout;                  ///< the layout's name, where Vecferry wrote one
  std::vector<std::string> not_carried;  ///< what the side-car holds beyond that, for people
};

/// Entries in order. Not for use by two threads at once.
class Entries {
 public:
  virtual ~Entries() = default;
  /// The next entry; false at the end. Category::bad_content: this entry is at fault, and the next call goes on behind it.
  virtual Result<bool> Next(Entry* entry) = 0;
};

/// An open side-car. Thread-safe.
class SideCar {
 public:
  virtual ~SideCar() = default;
  virtual const Facts& facts() const = 0;
  /// From an entry on, 0 <= row <= count. The side-car must outlive what is returned.
  virtual Result<std::unique_ptr<Entries>> From(int64_t row) const = 0;
};

/// The names under which a plain dict has its document and tenant.
struct Fields {
  std::string document = "document";
  std::string tenant = "tenant";
};

/// Reads as much as facts() needs: all lines, ids and keys; pickles and LlamaIndex's JSON are kept in memory (up to 1 GiB).
Result<std::shared_ptr<const SideCar>> Open(const fs::path& path, Format format, const Fields& fields = {});

/// The first line of Vecferry's own side-car, with its newline.
std::string HeaderLine(const RecordSchema& schema, const std::string& layout);
/// Whether a text begins as such a line does.
bool IsHeader(std::string_view text);
/// Appends one record's entry as a line. Category::bad_content for text that is not UTF-8; `out` is then as it was.
Status AppendLine(const RecordView& view, int64_t row, std::string* out);
/// Writes Vecferry's lines anew in another format, entry by entry; the file is synced. Memory: a thousand entries.
Status Convert(const SideCar& lines, Format format, const fs::path& out);

}  // namespace vecferry::sidecar
