#pragma once
#include "record/json.h"

namespace vecferry {

/// For a look at a JSON text: what a derived visitor does not ask for passes by.
class QuietVisitor : public JsonVisitor {
 public:
  Status Null() override { return Value(); }
  Status Bool(bool) override { return Value(); }
  Status Int(int64_t) override { return Value(); }
  Status Uint(uint64_t) override { return Value(); }
  Status Double(double) override { return Value(); }
  Status String(std::string_view) override { return Value(); }
  Status Special(std::string_view, std::string_view) override { return Value(); }
  Status BeginObject() override { return ++depth_, Status::OK(); }
  Status Key(std::string_view) override { return Status::OK(); }
  Status EndObject() override { return --depth_, Status::OK(); }
  Status BeginArray() override { return ++depth_, Status::OK(); }
  Status EndArray() override { return --depth_, Status::OK(); }

 protected:
  /// A value that is none of objects and arrays.
  virtual Status Value() { return Status::OK(); }
  int depth_ = 0;  ///< how many objects and arrays are open
};

}  // namespace vecferry
