#pragma once
#include <initializer_list>
#include <string_view>

#include "record/member_splitter.h"
#include "sidecar/sidecar.h"

namespace vecferry::sidecar {

/// Takes the events of one entry's object apart into id, tenant, document and metadata. Begin before each.
class Splitter final : public MemberSplitter {
 public:
  enum class Shape {
    own,      ///< Vecferry's: {"id", "tenant", "document", "metadata"} and nothing else
    foreign,  ///< the same with other words for them, or one plain dict
  };
  Splitter(Shape shape, Fields fields);
  /// After the last event. Category::bad_content where it is no entry.
  Status End(Entry* entry);

 private:
  using Kind = JsonMember::Kind;
  const JsonMember* Find(std::string_view key) const;
  const JsonMember* FirstOf(std::initializer_list<std::string_view> keys, Kind kind) const;
  Status Own(Entry* entry) const;
  bool Structured(Entry* entry) const;
  Status Plain(Entry* entry) const;

  const Shape shape_;
  const Fields names_;
};

}  // namespace vecferry::sidecar
