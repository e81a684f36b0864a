#include "connectors/postgresql/table_shape.h"

#include "layouts/layouts.h"

namespace vecferry::postgresql {

const Layout* DefaultTableLayout() {
  static const Layout layout = DefaultLayout();
  return &layout;
}

const Layout* EffectiveLayout(const Relation& relation, const Layout& layout) {
  if (layout.table && layout.name != DefaultTableLayout()->name) return &layout;
  const Layout* const detected = DetectLayout(relation);
  return detected ? detected : DefaultTableLayout();
}

TableShape ShapeOf(const Relation& relation, const TargetTable& table, const RecordSchema& schema, const Layout& layout, const std::string& collection) {
  TableShape shape;
  shape.relation = relation;
  Mapping& mapping = shape.mapping;
  mapping.schema = schema;
  mapping.layout = layout.name == DefaultTableLayout()->name ? "" : layout.name;
  mapping.vectors.resize(schema.vectors.size());
  mapping.unique_ids = mapping.unique_key = true;
  for (const auto& name : table.key) mapping.key.push_back(relation.Find(name));
  for (const TargetColumn& column : table.columns) {
    const int at = relation.Find(column.name);
    switch (column.role) {
      case TargetColumn::Role::id: mapping.id = {at}; break;
      case TargetColumn::Role::tenant: mapping.tenant = at; break;
      case TargetColumn::Role::document: mapping.document = at; break;
      case TargetColumn::Role::metadata: mapping.metadata = at; break;
      case TargetColumn::Role::vector: mapping.vectors[column.vector] = {at, column.type, schema.vectors[column.vector].dims}; break;
      case TargetColumn::Role::field:
        mapping.fields.push_back(at);
        if (column.timestamp) mapping.moments.push_back(at);
        break;
      case TargetColumn::Role::group:
        mapping.group = at;
        if (layout.table) mapping.groups = layout.table->groups;
        mapping.collection = collection;
        break;
    }
  }
  return shape;
}

}  // namespace vecferry::postgresql
