#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/batch.h"
#include "record/json.h"

namespace vecferry {

/// A 128-bit number, little-endian words.
struct Hash128 {
  uint64_t low = 0, high = 0;
  Hash128& operator+=(const Hash128& other);
  Hash128& operator-=(const Hash128& other);
  bool operator==(const Hash128&) const = default;
};

/// The hashes of one record (docs/reference/digest.md).
struct RecordHash {
  Hash128 key, content, vectors;
  bool operator==(const RecordHash&) const = default;
  RecordHash& operator+=(const RecordHash& other);
  RecordHash& operator-=(const RecordHash& other);
};

/// What is left out of content and vectors, for `verify --ignore`; empty for the digest of record.
struct DigestScope {
  bool document = true;
  bool vectors = true;
  bool metadata = true;
  CanonicalScope fields;  ///< of the metadata
  /// Vectors as a store keeps them that normalises on write: f32 vectors of metric cosine after UnitVector; 16-bit ones of
  /// metric cosine, whose stored form depends on the store's arithmetic, are left out. See CanPredict.
  bool as_stored = false;
  bool plain() const { return document && vectors && metadata && fields.ignored.empty() && fields.sets.empty(); }
};

/// Whether a store that normalises on write changes vectors of this column.
bool IsNormalised(const VectorSpec& spec);
/// Whether it changes some vector of the schema.
bool IsNormalised(const RecordSchema& schema);
/// Whether what it then holds can be told bit by bit.
bool CanPredict(const RecordSchema& schema);

/// Hashes records. Not for use by two threads at once; reuse it.
class RecordHasher {
 public:
  explicit RecordHasher(DigestScope scope = {});
  /// Category::bad_content where the metadata is not valid.
  Result<RecordHash> Hash(const RecordView& view, int64_t row);
  /// The vectors lane alone, as stored, of a record of that key.
  Hash128 StoredVectors(const RecordView& view, int64_t row, const Hash128& key) { return Vectors(view, row, key, true); }
  /// Bucket and key hash alone.
  static Hash128 Key(std::optional<std::string_view> tenant, std::string_view id);

 private:
  Hash128 Vectors(const RecordView& view, int64_t row, const Hash128& key, bool as_stored);

  DigestScope scope_;
  JsonReader json_;
  std::string buffer_;
  std::vector<float> unit_;
};

/// The digest of a set of records: count and three lanes of sums for each bucket of the key's hash.
/// Adding is commutative, so order and splitting do not matter. 192 KiB of memory.
class Digest {
 public:
  static constexpr int kBuckets = 4096;
  static constexpr int kVersion = 1;
  static int BucketOf(const Hash128& key) { return static_cast<int>(key.high >> 52); }

  Digest();
  void Add(const RecordHash& hash);
  void Remove(const RecordHash& hash);
  void Merge(const Digest& other);
  int64_t count() const { return count_; }
  const RecordHash& bucket(int index) const { return buckets_[static_cast<size_t>(index)]; }
  /// Buckets that differ in any lane.
  std::vector<int> Differences(const Digest& other) const;
  bool operator==(const Digest& other) const = default;
  /// Only the buckets that are not zero; Merge of all parts gives the whole.
  std::string Serialize() const;
  static Result<Digest> Parse(std::string_view bytes);
  /// "vf1:COUNT:KEY:CONTENT:VECTORS", each lane summed over all buckets, in hexadecimal. What is shown to people.
  std::string Fingerprint() const;
  void Clear();

 private:
  int64_t count_ = 0;
  std::vector<RecordHash> buckets_;
};

}  // namespace vecferry
