#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/json.h"

/// Writes the pickles of qdrant-client's local mode (protocol 4, no frames, no memo: any unpickler takes them),
/// appending to a string. What a class needs beyond its fields is written for pydantic 1 and 2, so that
/// clients of both generations open it.
namespace vecferry::qdrant_local {

void AppendText(std::string_view utf8, std::string* out);
void AppendSigned(int64_t value, std::string* out);
void AppendUnsigned(uint64_t value, std::string* out);
/// Decimal digits with an optional minus; false where it is no number or has more than 4,000 digits.
bool AppendBigInteger(std::string_view digits, std::string* out);
void AppendReal(double value, std::string* out);
/// A list of floats.
void AppendFloats(const float* values, size_t n, std::string* out);

/// The fields of PointStruct stand between these: Begin, id, BeforeVector, vector, BeforePayload, payload, End.
void BeginPoint(std::string* out);
void BeforeVector(std::string* out);
void BeforePayload(std::string* out);
void EndPoint(std::string* out);
/// A SparseVector with its indices ascending.
void AppendSparse(const uint32_t* indices, const float* values, size_t n, std::string* out);

/// The events of one payload as a Python dict. A special that Python's JSON lacks is Category::bad_content
/// and names its top-level field.
class PayloadPickler final : public JsonVisitor {
 public:
  explicit PayloadPickler(std::string* out) : out_(out) {}
  /// Before each payload.
  void Begin();
  Status Null() override;
  Status Bool(bool value) override;
  Status Int(int64_t value) override;
  Status Uint(uint64_t value) override;
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  std::string* out_;
  std::string field_;
  int depth_ = 0;
};

}  // namespace vecferry::qdrant_local
