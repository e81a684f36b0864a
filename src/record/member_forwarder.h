#pragma once
#include "record/json.h"

namespace vecferry {

/// Sends the members of one object on, without its braces: where others stand beside them, or where each has a place of its own.
class MemberForwarder : public JsonVisitor {
 public:
  Status Null() final { return Send(nullptr, [](JsonVisitor& to) { return to.Null(); }); }
  Status Bool(bool value) final { return Send(nullptr, [=](JsonVisitor& to) { return to.Bool(value); }); }
  Status Int(int64_t value) final { return Send(nullptr, [=](JsonVisitor& to) { return to.Int(value); }); }
  Status Uint(uint64_t value) final { return Send(nullptr, [=](JsonVisitor& to) { return to.Uint(value); }); }
  Status Double(double value) final { return Send(nullptr, [=](JsonVisitor& to) { return to.Double(value); }); }
  Status String(std::string_view utf8) final { return Send(&utf8, [=](JsonVisitor& to) { return to.String(utf8); }); }
  Status Special(std::string_view type, std::string_view text) final {
    return Send(nullptr, [=](JsonVisitor& to) { return to.Special(type, text); });
  }
  Status BeginObject() final {
    if (depth_++ == 0) return Status::OK();
    return Open([](JsonVisitor& to) { return to.BeginObject(); });
  }
  Status BeginArray() final {
    ++depth_;
    return depth_ == 1 ? NoObject() : Open([](JsonVisitor& to) { return to.BeginArray(); });
  }
  Status EndObject() final { return --depth_ == 0 ? Status::OK() : to().EndObject(); }
  Status EndArray() final { return --depth_, to().EndArray(); }
  Status Key(std::string_view utf8) final { return depth_ == 1 ? TopKey(utf8) : to().Key(utf8); }

 protected:
  /// What takes the events now.
  virtual JsonVisitor& to() = 0;
  /// A member's key, sent on by whoever derives from this.
  virtual Status TopKey(std::string_view key) = 0;
  /// Before a member's value; its text where it is a string.
  virtual Status TopValue(const std::string_view* text) { return (void)text, Status::OK(); }
  /// What is returned where it is no object.
  virtual Status NoObject() const { return BadRecord("metadata-not-an-object", "the metadata is not a JSON object"); }

 private:
  template <class Event>
  Status Send(const std::string_view* text, Event event) {
    if (depth_ == 0) return NoObject();
    if (depth_ == 1) ARROW_RETURN_NOT_OK(TopValue(text));
    return event(to());
  }
  template <class Event>
  Status Open(Event event) {
    if (depth_ == 2) ARROW_RETURN_NOT_OK(TopValue(nullptr));
    return event(to());
  }
  int depth_ = 0;
};

}  // namespace vecferry
