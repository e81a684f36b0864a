#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "record/schema.h"

/// meta.json of a local-mode directory: {"collections": {name: CreateCollection}, "aliases": {alias: name},
/// "text_indexes": {name: ...}}. Facts: qdrant_client/local/qdrant_local.py and http/models/models.py.
namespace vecferry::qdrant_local {

class Meta {
 public:
  /// An absent file is an empty store. Category::corrupt where it is not such an object.
  static Result<Meta> Read(const fs::path& root);
  static Result<Meta> Parse(std::string_view text);
  Meta(Meta&&) noexcept;
  Meta& operator=(Meta&&) noexcept;
  ~Meta();

  std::vector<std::string> Collections() const;
  /// CreateCollection of a collection as JSON text; nothing where it is not listed.
  std::optional<std::string> Config(std::string_view collection) const;
  /// What an alias stands for; `name` itself where it is none or a collection is so called.
  std::string Resolve(std::string_view name) const;
  std::vector<std::string> AliasesOf(std::string_view collection) const;
  /// Lists a collection, in the place it has if it is listed. The text must be a JSON object.
  Status Put(std::string_view collection, std::string_view config);
  /// Takes out a collection, its aliases and its text indexes.
  void Remove(std::string_view collection);
  /// One line, ASCII, as the client writes it. All that was read and not touched is kept.
  std::string Text() const;
  /// Through meta.json.tmp, synced.
  Status Write(const fs::path& root) const;

 private:
  struct Impl;
  Meta();
  std::unique_ptr<Impl> impl_;
};

/// The vectors of a CreateCollection. Its records' columns: named vectors sorted as they stand; `mixed` ids.
/// Category::unsupported for a distance or datatype that is not known, corrupt for a malformed one.
Result<RecordSchema> SchemaOfConfig(std::string_view config);
/// The CreateCollection for a schema; only keys that are set, so that every client version opens it.
/// What `settings` (a CreateCollection of the source, or "") says of the same vectors beyond size, distance and
/// datatype is taken over. Category::unsupported where the store cannot hold a vector column.
Result<std::string> ConfigOfSchema(const RecordSchema& schema, std::string_view settings);
/// Whether its vectors are one that has no name, so that points hold a list and not a dictionary.
bool IsUnnamed(std::string_view config);
/// A CreateCollection without the keys that are null, at any depth.
std::string WithoutNulls(std::string_view config);
/// "text: dense 384 x f32, cosine" for each vector column, for messages.
std::string DescribeVectors(const RecordSchema& schema);
/// OK where records of `wanted` can be written into a collection of `existing`; else Category::refused naming both.
Status CheckFits(const RecordSchema& existing, const RecordSchema& wanted);

}  // namespace vecferry::qdrant_local
