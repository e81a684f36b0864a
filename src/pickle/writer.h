#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/json.h"

/// Writes pickles of plain values (protocol 4, no frames: any unpickler takes them), appending to a string. Objects of
/// classes are written by who knows the class.
namespace vecferry::pickle {

void AppendText(std::string_view utf8, std::string* out);
void AppendSigned(int64_t value, std::string* out);
void AppendUnsigned(uint64_t value, std::string* out);
/// Decimal digits with an optional minus; false where it is no number or has more than 4,000 digits.
bool AppendBigInteger(std::string_view digits, std::string* out);
void AppendReal(double value, std::string* out);
void AppendBytes(std::string_view bytes, std::string* out);
/// PROTO, what begins every pickle; and STOP, what ends it, is a '.'.
inline constexpr std::string_view kProtocol = "\x80\x04";
/// A list of floats.
void AppendFloats(const float* values, size_t n, std::string* out);

/// The events of one JSON value as Python's. A special that the target lacks is Category::bad_content and names its
/// top-level field.
class ValueWriter final : public JsonVisitor {
 public:
  enum class Specials {
    json,    ///< what Python's JSON knows: integers of any size and floats that are not finite
    python,  ///< also bytes, decimal.Decimal and datetime.date
  };
  explicit ValueWriter(std::string* out, Specials specials = Specials::json) : out_(out), specials_(specials) {}
  /// Before each value.
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
  bool Python(std::string_view type, std::string_view text);

  std::string* out_;
  Specials specials_;
  std::string field_;
  int depth_ = 0;
};

}  // namespace vecferry::pickle
