#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

/// The metadata of one vector: what the service holds of it, both ways. It holds strings, booleans, lists of strings and numbers, all
/// of which are float64, side by side in one object of at most 40 KB. Two fields of our own keep what it would forget:
///   _reals  names of the fields whose number was a float64 though it is whole: 1.0 and not 1
///   _json   names of the fields that hold a value of another kind, as JSON text (only with Policy::encode)
/// A user's field of such a name has a backslash in front.
namespace vecferry::pinecone {

inline constexpr std::string_view kRealsField = "_reals", kJsonField = "_json";
/// Bytes of one vector's metadata as JSON.
inline constexpr size_t kMostMetadata = 40 * 1024;

struct MetadataPolicy {
  bool encode = false;      ///< what the service does not hold becomes JSON text; else the record is refused
  bool mark_reals = true;   ///< a whole float64 is marked; else the record is refused
  bool as_floats = false;   ///< reading: numbers stay float64; else whole ones are integers unless they are marked
};

/// Writes the JSON object that is sent. Not for use by two threads at once; reuse it.
class MetadataWriter {
 public:
  explicit MetadataWriter(const MetadataPolicy& policy);
  ~MetadataWriter();
  /// What takes the events of one payload (PayloadEncoder's), and appends to `out`. Bad records: "metadata-FEATURE" as RowFit has them,
  /// "metadata-list" for a list that is not of strings, "metadata-key".
  JsonVisitor& Begin(std::string* out);
  /// After the last event. Bad record "metadata-too-large". True where the object has a field.
  Result<bool> End();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads the metadata of a vector as the events of a payload. Not for use by two threads at once; reuse it.
class MetadataReader {
 public:
  explicit MetadataReader(const MetadataPolicy& policy);
  ~MetadataReader();
  /// `json` is the service's object. Category::bad_content for what is none, or whose own fields are not what they should be.
  Status Read(std::string_view json, JsonVisitor& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::pinecone
