#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connector/layout.h"
#include "record/batch.h"
#include "record/json.h"

/// A record's document, tenant, URI and metadata as Chroma keeps them, and back.
///
/// The document and the URI have places of their own; Chroma knows no tenants, so a tenant is the metadata field that the layout names.
/// The metadata's key `chroma:uri`, where it is a string, is the URI. Keys that Chroma drops, refuses or - `chroma:document` with a
/// number - dies of get a backslash in front: those that begin with `chroma:`, `#` or `$`, `_json` and the empty one; and such a key with backslashes
/// in front gets one more. Reading takes one off again.
namespace vecferry::chroma_model {

/// What Chroma calls the places in its own files; as keys of metadata they are not to be had.
inline constexpr std::string_view kDocumentKey = "chroma:document";
inline constexpr std::string_view kUriKey = "chroma:uri";
/// Holds, as a JSON list in a text, the names of the fields whose values are JSON text in place of what Chroma does not hold.
inline constexpr std::string_view kJsonField = "_json";

/// One record on its way to Chroma.
struct OutgoingRecord {
  std::string metadata;            ///< a JSON object, "{}" where there is none
  std::optional<std::string> uri;
};

/// Not for use by two threads at once; reuse it.
class MetadataEncoder {
 public:
  /// `encode`: what would be refused is kept as JSON text, and the field named in `_json`.
  explicit MetadataEncoder(const Layout& layout, bool encode = false);
  ~MetadataEncoder();
  MetadataEncoder(MetadataEncoder&&) noexcept;
  /// Refused, Category::bad_content: "metadata-FEATURE" for what Chroma does not hold (null, nested objects and arrays, integers
  /// beyond int64, what JSON lacks, arrays of different types), "empty-array" (it would be gone), "mixed-numbers" (an array whose integers
  /// would become doubles), "negative-zero" (a double -0.0 would become 0.0).
  Status Encode(const RecordView& view, int64_t row, OutgoingRecord* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One record as it is found; the texts are unescaped.
struct IncomingRecord {
  std::optional<std::string_view> document, uri;
  std::string_view metadata;       ///< JSON of an object, "" where there is none
};

/// Not for use by two threads at once; reuse it.
class MetadataDecoder {
 public:
  /// `document_column`, `tenant_column`: what the batch has columns for; the others stay metadata.
  MetadataDecoder(const Layout& layout, bool document_column, bool tenant_column);
  ~MetadataDecoder();
  MetadataDecoder(MetadataDecoder&&) noexcept;
  /// Category::bad_content for metadata that is none, with the codes of JsonReader and PayloadDecoder.
  Result<DecodedPayload> Decode(const IncomingRecord& record);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::chroma_model
