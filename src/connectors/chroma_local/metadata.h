#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chroma_model/metadata.h"
#include "connectors/chroma_local/catalog.h"
#include "connectors/chroma_local/queue.h"
#include "record/member_splitter.h"
#include "sqlite/db.h"

namespace vecferry::chroma_local {

/// Reads what the tables say of one record at a time: its document, URI and metadata; and plays what still stands in the queue over it.
/// Not for use by two threads at once.
class MetadataReader {
 public:
  Status Open(sqlite::Db& db, const Tables& tables);
  /// Of a row of `embeddings`; nothing of it where `rowid` is nothing. Category::bad_content with a code where it cannot be told.
  Status Load(std::optional<int64_t> rowid, const Pending::Change* change);
  /// Lets go of the rows that the statements stand on.
  void Release();

  /// Valid until the next Load.
  chroma_model::IncomingRecord record() const;
  int64_t bytes() const { return static_cast<int64_t>((has_document_ ? document_.size() : 0) + (has_uri_ ? uri_.size() : 0) + json_.size()); }

 private:
  Status LoadRows(int64_t rowid);
  Status LoadArrays(int64_t rowid, JsonWriter& writer);
  Status Field(std::string_view key, const sqlite::Stmt& row, JsonWriter& writer);
  /// Takes the document or the URI, where it is one; else false.
  Result<bool> Own(std::string_view key, std::string_view text);
  /// Over what the tables say: a value sets its key, null takes it away.
  Status Overlay(const Pending::Change& change);

  bool bools_ = false;
  bool arrays_ = false;
  sqlite::Stmt fields_of_, arrays_of_, queued_;
  JsonReader parser_;
  MemberSplitter members_{BadRecord("damaged", "its metadata in the queue is no JSON object")};
  bool has_document_ = false, has_uri_ = false;
  int64_t fields_ = 0;
  std::string document_, uri_, json_;
  std::vector<std::string> array_keys_;
};

}  // namespace vecferry::chroma_local
