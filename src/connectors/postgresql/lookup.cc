#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/postgresql/source.h"

namespace vecferry::postgresql {
namespace {

constexpr const char* kWhat = "looking up rows";

/// The texts of a composite id's values.
class IdParts final : public JsonVisitor {
 public:
  std::vector<std::optional<std::string>> parts;

  Status Null() override { return Add(std::nullopt); }
  Status Bool(bool value) override { return Add(value ? "true" : "false"); }
  Status Int(int64_t value) override { return Add(std::to_string(value)); }
  Status Uint(uint64_t value) override { return Add(std::to_string(value)); }
  Status Double(double value) override { return Add(fmt::format("{}", value)); }
  Status String(std::string_view utf8) override { return Add(std::string(utf8)); }
  Status Special(std::string_view, std::string_view text) override { return Add(std::string(text)); }
  Status BeginObject() override { return Nested(); }
  Status Key(std::string_view) override { return Nested(); }
  Status EndObject() override { return Nested(); }
  Status BeginArray() override { return depth_++ == 0 ? Status::OK() : Nested(); }
  Status EndArray() override { return --depth_ == 0 ? Status::OK() : Nested(); }

 private:
  Status Add(std::optional<std::string> text) {
    if (depth_ != 1) return Nested();
    parts.push_back(std::move(text));
    return Status::OK();
  }
  static Status Nested() { return BadRecord("id", "no id of this table"); }
  int depth_ = 0;
};

class TableLookup final : public Lookup {
 public:
  TableLookup(std::shared_ptr<ReadContext> context, ConnectSpec spec)
      : context_(std::move(context)), spec_(std::move(spec)), shape_(context_->shape), select_(MakeSelect(shape_, false)), keys_(MakeSelect(shape_, true)) {}

  Result<int64_t> Count() override {
    const std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(Connect());
    const std::string sql = fmt::format("SELECT pg_catalog.count(*) FROM {}{}", keys_.from, keys_.where.empty() ? "" : " WHERE " + keys_.where);
    const auto answer = client_->Exec(sql, Act::read, kWhat);
    ARROW_RETURN_NOT_OK(Checked(answer.status()));
    return answer->Int(0, 0);
  }

  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override { return Find(tenants, ids, false); }

  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    ARROW_ASSIGN_OR_RAISE(const RecordView found, Find(tenants, ids, true));
    return found.rows();
  }

 private:
  Status Connect() {
    if (client_ && client_->alive()) return Status::OK();
    client_.reset();
    if (context_->snapshot) {
      ARROW_ASSIGN_OR_RAISE(client_, context_->snapshot->Reader());
    } else {
      ARROW_ASSIGN_OR_RAISE(client_, Client::Connect(spec_));
    }
    return Status::OK();
  }
  /// A session whose transaction failed, or that is lost, is not used again.
  Status Checked(const Status& status) {
    if (!status.ok()) client_.reset();
    return status;
  }

  /// A condition that holds for the rows of those ids, and maybe of others with the same; "" where none can be there.
  std::string Condition(const std::vector<std::string_view>& ids) {
    const Mapping& mapping = shape_.mapping;
    std::string list;
    const auto add = [&list](const std::string& value) { list += (list.empty() ? "" : ", ") + value; };
    if (mapping.id_is_place) {
      for (const auto id : ids) add(QuoteText(id));
      const std::string place = keys_.table >= 0 ? "t.tableoid::pg_catalog.regclass::text || t.ctid::text" : "t.ctid::text";
      return list.empty() ? "" : fmt::format("{} IN ({})", place, list);
    }
    std::string columns;
    for (const int column : mapping.id) {
      const Column& entry = shape_.relation.columns[static_cast<size_t>(column)];
      columns += (columns.empty() ? "t." : ", t.") + QuoteName(entry.name) + (entry.type.as_text() || entry.type.array ? "::text" : "");
    }
    for (const auto id : ids) {
      if (const auto value = IdSql(id)) add(*value);
    }
    if (list.empty()) return {};
    return mapping.id.size() == 1 ? fmt::format("{} IN ({})", columns, list) : fmt::format("({}) IN ({})", columns, list);
  }

  std::optional<std::string> IdSql(std::string_view id) {
    const auto type = [&](size_t i) -> const Type& { return shape_.relation.columns[static_cast<size_t>(shape_.mapping.id[i])].type; };
    if (shape_.mapping.id.size() == 1) return KeyValueSql(type(0), id);
    IdParts parts;
    if (!json_.Visit(id, parts).ok() || parts.parts.size() != shape_.mapping.id.size()) return std::nullopt;
    std::string sql;
    for (size_t i = 0; i < parts.parts.size(); ++i) {
      std::string text = parts.parts[i].value_or("");
      if (parts.parts[i] && type(i).kind == Kind::bytea) {
        const auto bytes = ParseBase64(text);
        if (!bytes) return std::nullopt;
        text = "\\x" + ToHex(*bytes);
      }
      const auto value = parts.parts[i] ? KeyValueSql(type(i), text) : std::nullopt;
      if (!value) return std::nullopt;
      sql += (i ? ", " : "") + *value;
    }
    return "(" + sql + ")";
  }
  Result<RecordView> Find(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, bool keys_only) {
    const std::lock_guard lock(mutex_);
    const RowSelect& select = keys_only ? keys_ : select_;
    const std::string condition = Condition(ids);
    if (condition.empty()) return BatchBuilder(shape_.mapping.schema).Finish();
    ARROW_RETURN_NOT_OK(Connect());
    const std::string sql = fmt::format("SELECT {} FROM {} WHERE {}{}", select.list, select.from, select.where.empty() ? "" : select.where + " AND ", condition);
    auto found = ReadAll(*client_, shape_, select, sql);
    ARROW_RETURN_NOT_OK(Checked(found.status()));
    return Wanted(*found, tenants, ids);
  }

  /// Those rows whose tenant and id are among the ones asked for, as they are spelled.
  static Result<RecordView> Wanted(const RecordView& found, const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
    std::multimap<std::string_view, std::string_view> wanted;
    for (size_t i = 0; i < ids.size(); ++i) wanted.emplace(ids[i], tenants.empty() ? std::string_view() : tenants[i]);
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < found.rows(); ++row) {
      const auto [first, last] = wanted.equal_range(found.id(row));
      const bool same = std::any_of(first, last, [&](const auto& entry) { return tenants.empty() || entry.second == found.tenant(row).value_or(""); });
      if (same) rows.push_back(row);
    }
    return static_cast<int64_t>(rows.size()) == found.rows() ? Result<RecordView>(found) : found.Take(rows);
  }

  const std::shared_ptr<ReadContext> context_;
  const ConnectSpec spec_;
  const TableShape& shape_;
  const RowSelect select_, keys_;
  std::mutex mutex_;
  std::unique_ptr<Client> client_;
  JsonReader json_;
};

}  // namespace

std::optional<std::string> KeyValueSql(const Type& type, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (type.as_text() || type.array) return QuoteText(text);
  // A value has one spelling as an id; another one of the same value names no record.
  std::string field, back;
  if (!AppendTextField(type, text, &field).ok() || !DecodeText(type, std::string_view(field).substr(4), &back).ok() || back != text) return std::nullopt;
  return QuoteText(text) + "::" + type.name;
}

Result<RecordView> ReadAll(Client& client, const TableShape& shape, const RowSelect& select, const std::string& sql, std::string_view what, size_t more,
                           const std::function<void(const std::vector<Field>&)>& on_taken) {
  RowDecoder decoder(shape, select);
  CopyParser parser(select.count + more);
  BatchBuilder builder(shape.mapping.schema);
  std::vector<Reject> rejects;
  ARROW_RETURN_NOT_OK(client.BeginCopyOut("COPY (" + sql + ") TO STDOUT (FORMAT binary)", what));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto message, client.CopyRead());
    if (!message) break;
    parser.Feed(*message);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto* row, parser.Next());
      if (!row) break;
      ARROW_ASSIGN_OR_RAISE(const auto outcome, decoder.Decode(*row, builder, &rejects));
      if (outcome.taken && on_taken) on_taken(*row);
    }
  }
  return builder.Finish();
}

std::unique_ptr<Lookup> MakeLookup(std::shared_ptr<ReadContext> context, ConnectSpec spec) { return std::make_unique<TableLookup>(std::move(context), std::move(spec)); }

}  // namespace vecferry::postgresql
