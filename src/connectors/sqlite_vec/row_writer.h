#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "connector/connector.h"
#include "connectors/sqlite_vec/mapping.h"
#include "record/batch.h"
#include "record/json.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite_vec {

/// Turns one row of a vec0 table into one row of a batch, or into a reject with the reason. Its buffers are kept.
class RowWriter {
 public:
  RowWriter(const Mapping& mapping, sqlite::Vec0Reader& reader) : mapping_(mapping), reader_(reader) {}

  /// Reads all but the vectors. `key` is the text key, ignored where rowids are the ids; `chunk` may be nullptr
  /// where nothing of the row lies in one. False: the row is odd, take `reject`.
  Result<bool> Load(sqlite::Vec0Chunk* chunk, int64_t slot, int64_t rowid, std::string_view key);
  /// Bytes that Append will add.
  int64_t size() const { return size_; }
  /// Adds the loaded row, its vectors read into the batch's own buffers. False: take `reject`.
  Result<bool> Append(BatchBuilder& builder);
  /// Why the last row was not taken.
  Reject TakeReject() { return std::move(reject_); }

  /// A reject of a row of which little is known.
  Reject MakeReject(int64_t rowid, std::string_view key, std::string code, std::string message) const;

 private:
  Status LoadFields();
  Status AddField(const sqlite::Vec0Value& value);
  /// A text column that is no metadata field; false where it is NULL.
  Result<bool> TakeText(const sqlite::Vec0Value& value, const sqlite::Vec0Column& column, std::string* text) const;
  Status AddJson();
  Result<bool> Refuse(const Status& status);

  const Mapping& mapping_;
  sqlite::Vec0Reader& reader_;
  sqlite::Vec0Chunk* chunk_ = nullptr;
  int64_t slot_ = 0, rowid_ = 0, size_ = 0;
  std::string id_, json_, document_, tenant_, foreign_, rest_;
  bool has_document_ = false, has_tenant_ = false, has_json_ = false, whole_ = false;
  JsonReader json_reader_;
  Reject reject_;
};

}  // namespace vecferry::sqlite_vec
