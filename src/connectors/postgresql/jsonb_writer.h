#pragma once
#include <string>
#include <string_view>

#include "record/json.h"

namespace vecferry::postgresql {

/// JSON that jsonb keeps as it is. Numbers are numeric there: a double always has a point and no exponent, so that it comes back as a double;
/// -0.0, which numeric lacks, is {"$vf":"f64","v":"-0.0"}. Bad record "nul-character" for text with U+0000.
class JsonbWriter final : public JsonVisitor {
 public:
  explicit JsonbWriter(std::string* out) : out_(out), writer_(out) {}
  Status Null() override { return writer_.Null(); }
  Status Bool(bool value) override { return writer_.Bool(value); }
  Status Int(int64_t value) override { return writer_.Int(value); }
  Status Uint(uint64_t value) override { return writer_.Uint(value); }
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override { return writer_.Special(type, text); }
  Status BeginObject() override { return writer_.BeginObject(); }
  Status Key(std::string_view utf8) override;
  Status EndObject() override { return writer_.EndObject(); }
  Status BeginArray() override { return writer_.BeginArray(); }
  Status EndArray() override { return writer_.EndArray(); }

 private:
  std::string* out_;
  JsonWriter writer_;
};

/// Whether metadata text can stand in a jsonb value byte for byte. May say no where it could.
bool IsJsonbText(std::string_view metadata);

/// Bad record "nul-character" for text that PostgreSQL cannot hold.
Status CheckText(std::string_view utf8);

}  // namespace vecferry::postgresql
