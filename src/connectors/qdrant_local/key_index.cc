#include <algorithm>

#include "connectors/qdrant_local/dataset.h"

namespace vecferry::qdrant_local {

void KeyIndex::Add(const PointId& id, int64_t rowid) {
  Rows& rows = points_[id.Identity()];
  rows.others.push_back(rowid);
  rows.latest = std::max(rows.latest, rowid);
}

const std::vector<int64_t>& KeyIndex::OtherRows(const PointId& id) const {
  static const std::vector<int64_t> kNone;
  if (points_.empty()) return kNone;
  const auto at = points_.find(id.Identity());
  return at == points_.end() ? kNone : at->second.others;
}

Result<KeyIndex> KeyIndex::Build(sqlite::Db& db) {
  KeyIndex index;
  PickleReader reader;
  std::string buffer, canonical;
  ARROW_ASSIGN_OR_RAISE(auto keys, db.Prepare("SELECT rowid, id FROM points"));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, keys.Step());
    if (!row) break;
    ++index.rows;
    PointId id;
    if (!ParseKey(keys.Text(1), reader, buffer, &id)) continue;
    index.integers |= id.kind == PointId::Kind::u64;
    index.uuids |= id.kind == PointId::Kind::uuid;
    index.others |= id.kind == PointId::Kind::other_integer || id.kind == PointId::Kind::other_text;
    index.derived |= id.kind == PointId::Kind::uuid && id.text[14] == '5';
    canonical.clear();
    AppendKey(id, &canonical);
    if (canonical != keys.Text(1)) index.Add(id, keys.Int(0));
  }
  // The canonical row of a point that has other rows competes with them.
  ARROW_ASSIGN_OR_RAISE(auto lookup, db.Prepare("SELECT rowid FROM points WHERE id = ?"));
  for (auto& [identity, rows] : index.points_) {
    const std::string_view spelled = std::string_view(identity).substr(1);
    PointId id = identity[0] == 'i' ? PointId::Of(std::stoull(std::string(spelled))) : PointId{PointId::Kind::uuid, 0, std::string(spelled)};
    if (identity[0] == 'I') id.kind = PointId::Kind::other_integer;
    if (identity[0] == 'T') id.kind = PointId::Kind::other_text;
    canonical.clear();
    AppendKey(id, &canonical);
    ARROW_ASSIGN_OR_RAISE(const bool found, lookup.BindText(1, canonical).Step());
    if (found) rows.latest = std::max(rows.latest, lookup.Int(0));
    index.outdated += static_cast<int64_t>(rows.others.size()) - (found ? 0 : 1);
    lookup.Reset();
  }
  return index;
}

}  // namespace vecferry::qdrant_local
