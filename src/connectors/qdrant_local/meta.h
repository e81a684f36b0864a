#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"

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

}  // namespace vecferry::qdrant_local
