#include "record/member_splitter.h"

#include <charconv>

namespace vecferry {
namespace {

template <class Number>
std::string Spelled(Number value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

template <class Text, class Event>
Status MemberSplitter::Scalar(Kind kind, Text text, Event event) {
  if (depth_ == 0) return otherwise_;
  if (depth_ > 1) return event(*writer_);
  member().kind = kind;
  member().text = text();
  JsonWriter writer(&member().json);
  return event(writer);
}

template <class Event>
Status MemberSplitter::Open(Kind kind, Event event) {
  if (++depth_ == 2) {
    member().kind = kind;
    writer_.emplace(&member().json);
  }
  return event(*writer_);
}

template <class Event>
Status MemberSplitter::Close(Event event) {
  return --depth_ == 0 ? Status::OK() : event(*writer_);
}

Status MemberSplitter::Null() {
  return Scalar(Kind::null, [] { return std::string(); }, [](JsonVisitor& to) { return to.Null(); });
}
Status MemberSplitter::Bool(bool value) {
  return Scalar(Kind::boolean, [=] { return value ? "true" : "false"; }, [=](JsonVisitor& to) { return to.Bool(value); });
}
Status MemberSplitter::Int(int64_t value) {
  return Scalar(Kind::integer, [=] { return Spelled(value); }, [=](JsonVisitor& to) { return to.Int(value); });
}
Status MemberSplitter::Uint(uint64_t value) {
  return Scalar(Kind::integer, [=] { return Spelled(value); }, [=](JsonVisitor& to) { return to.Uint(value); });
}
Status MemberSplitter::Double(double value) {
  return Scalar(Kind::real, [=] { return Spelled(value); }, [=](JsonVisitor& to) { return to.Double(value); });
}
Status MemberSplitter::String(std::string_view utf8) {
  return Scalar(Kind::string, [=] { return utf8; }, [=](JsonVisitor& to) { return to.String(utf8); });
}
Status MemberSplitter::Special(std::string_view type, std::string_view text) {
  if (depth_ == 1) member().type = type;
  return Scalar(Kind::special, [=] { return text; }, [=](JsonVisitor& to) { return to.Special(type, text); });
}

Status MemberSplitter::Key(std::string_view utf8) {
  if (depth_ > 1) return writer_->Key(utf8);
  if (used_ == members_.size()) members_.emplace_back();
  JsonMember& next = members_[used_++];
  next.key = utf8;
  next.type.clear(), next.text.clear(), next.json.clear();
  return Status::OK();
}

Status MemberSplitter::BeginObject() {
  if (depth_ == 0) return ++depth_, Status::OK();
  return Open(Kind::object, [](JsonVisitor& to) { return to.BeginObject(); });
}
Status MemberSplitter::EndObject() {
  return Close([](JsonVisitor& to) { return to.EndObject(); });
}
Status MemberSplitter::BeginArray() {
  if (depth_ == 0) return otherwise_;
  return Open(Kind::array, [](JsonVisitor& to) { return to.BeginArray(); });
}
Status MemberSplitter::EndArray() {
  return Close([](JsonVisitor& to) { return to.EndArray(); });
}

}  // namespace vecferry
