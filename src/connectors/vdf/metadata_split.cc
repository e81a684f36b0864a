#include "connectors/vdf/metadata_split.h"

namespace vecferry::vdf {

Status MetadataSplit::Append(const JsonMember& member, JsonWriter& to) {
  ARROW_RETURN_NOT_OK(to.Key(member.key));
  return reader_.Visit(member.json, to);
}

Result<RowMetadata> MetadataSplit::Of(std::string_view json) {
  auto shape = ShapeOf(json, reader_);
  const bool whole = shape.ok() && !(json_text_ && shape->fields.contains(kJsonColumn));
  if (whole) return RowMetadata{std::move(*shape), json, {}};
  if (!json_text_) return shape.status();
  splitter_.Begin();
  ARROW_RETURN_NOT_OK(reader_.Visit(json, splitter_));
  fields_.clear();
  rest_.clear();
  RowMetadata row{Shape(Shape::Kind::object), {}, {}};
  JsonWriter fields(&fields_), rest(&rest_);
  ARROW_RETURN_NOT_OK(fields.BeginObject());
  ARROW_RETURN_NOT_OK(rest.BeginObject());
  std::string alone;
  for (const JsonMember& member : splitter_.members()) {
    alone.clear();
    JsonWriter writer(&alone);
    ARROW_RETURN_NOT_OK(writer.BeginObject());
    ARROW_RETURN_NOT_OK(Append(member, writer));
    ARROW_RETURN_NOT_OK(writer.EndObject());
    const auto fits = ShapeOf(alone, reader_);
    const bool has_column = fits.ok() && member.key != kJsonColumn;
    if (has_column) row.shape.Merge(*fits);
    ARROW_RETURN_NOT_OK(Append(member, has_column ? fields : rest));
  }
  ARROW_RETURN_NOT_OK(fields.EndObject());
  ARROW_RETURN_NOT_OK(rest.EndObject());
  row.fields = fields_;
  row.rest = rest_;
  return row;
}

}  // namespace vecferry::vdf
