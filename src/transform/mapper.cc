#include "transform/mapper.h"

#include <algorithm>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"
#include "transform/cast.h"
#include "transform/map_schema.h"
#include "transform/tree.h"

namespace vecferry {
namespace {

using Kind = MetadataTree::Kind;

constexpr size_t kMostText = 64 << 20, kMostColumn = size_t{1} << 30;

/// id, tenant or document of the record at hand: as it was, or a node of the tree.
struct Slot {
  std::optional<std::string_view> text;
  int node = MetadataTree::kNone;
  bool there() const { return text || node != MetadataTree::kNone; }
  void Clear() { text.reset(), node = MetadataTree::kNone; }
};

/// A column of text as it is made. Its memory is the process's own, as that of batches is, and not kept by a pool.
struct TextColumn {
  std::string data;
  std::vector<int32_t> offsets{0};
  std::vector<uint8_t> bits;
  int64_t rows = 0, nulls = 0;

  Status Append(std::optional<std::string_view> text) {
    if (text && data.size() + text->size() > kMostColumn) return MakeError(Category::too_large, "the maps make a column of text of more than 1 GiB of one batch", "use a smaller --batch-size");
    if (text) data.append(*text);
    offsets.push_back(static_cast<int32_t>(data.size()));
    if (rows % 8 == 0) bits.push_back(0);
    if (text) bits.back() = static_cast<uint8_t>(bits.back() | (1u << (rows % 8)));
    else ++nulls;
    ++rows;
    return Status::OK();
  }
  std::shared_ptr<arrow::Array> Finish() {
    auto validity = nulls == 0 ? nullptr : arrow::Buffer::FromVector(std::move(bits));
    return arrow::MakeArray(arrow::ArrayData::Make(arrow::utf8(), rows, {std::move(validity), arrow::Buffer::FromVector(std::move(offsets)), arrow::Buffer::FromString(std::move(data))}, nulls));
  }
};

/// Which columns the rules change; the others are handed on as they are.
struct Touched {
  bool id = false, tenant = false, document = false, metadata = false;
  void Add(const Field& field) {
    id = id || field.kind == Field::Kind::id;
    tenant = tenant || field.kind == Field::Kind::tenant;
    document = document || field.kind == Field::Kind::document;
    metadata = metadata || field.kind == Field::Kind::metadata;
  }
};

}  // namespace

struct Mapper::Impl {
  std::vector<MapRule> rules;
  RunFacts facts;
  MappedSchema mapped;
  Touched written, read;
  std::vector<int64_t> hits;
  MetadataTree tree;
  Slot id, tenant, document;
  std::string buffer;

  Slot* SlotOf(const Field& field) {
    switch (field.kind) {
      case Field::Kind::id: return &id;
      case Field::Kind::tenant: return &tenant;
      case Field::Kind::document: return &document;
      default: return nullptr;
    }
  }

  void Prepare() {
    hits.assign(rules.size(), 0);
    for (const auto& rule : rules) {
      if (rule.target.kind == Field::Kind::vector) continue;
      written.Add(rule.target);
      const bool takes = rule.verb == MapRule::Verb::move || rule.verb == MapRule::Verb::cast;
      if (takes) written.Add(rule.source);
      if (takes || rule.verb == MapRule::Verb::copy) read.Add(rule.source);
      for (const auto& part : rule.text.parts) {
        if (part.field) read.Add(*part.field);
      }
    }
  }

  // ---- one record ----

  Status Begin(const RecordView& view, int64_t row) {
    id = {view.id(row), MetadataTree::kNone};
    tenant = {view.tenant(row), MetadataTree::kNone};
    document = {view.document(row), MetadataTree::kNone};
    if (!written.metadata && !read.metadata) return tree.Parse("");
    const Status parsed = tree.Parse(view.metadata(row).value_or(""));
    return parsed.ok() ? parsed : BadRecord("bad-metadata", Printable(parsed.message(), 500));
  }

  std::string_view TextOf(const Slot& slot) const { return slot.node != MetadataTree::kNone ? tree.text(slot.node) : slot.text.value_or(""); }

  /// The field's value as a node, kNone where it is missing. A member of the metadata is that member itself.
  int NodeOf(const Field& field) {
    Slot* const slot = SlotOf(field);
    if (!slot) return tree.Find(field.path);
    if (slot->node == MetadataTree::kNone && slot->text) slot->node = tree.NewString(*slot->text);
    return slot->node;
  }

  void Leave(const Field& field, int node) {
    if (Slot* const slot = SlotOf(field)) slot->Clear();
    else tree.Remove(node);
  }

  Status PutInSlot(const Field& field, int node, bool overwrite) {
    Slot& slot = *SlotOf(field);
    if (slot.there() && !overwrite && field.kind != Field::Kind::id) {
      return BadRecord("map-occupied", fmt::format("the record has a {} already", field.Spelled()));
    }
    const bool number = tree.kind(node) == Kind::integer || tree.kind(node) == Kind::unsigned_integer;
    if (number && field.kind != Field::Kind::document) {
      ARROW_ASSIGN_OR_RAISE(node, CastNode(tree, node, Cast::text));
    }
    if (tree.kind(node) == Kind::null && field.kind != Field::Kind::id) {
      slot.Clear();
      return Status::OK();
    }
    if (tree.kind(node) != Kind::string) {
      return BadRecord("map-type", fmt::format("a value of type {} cannot become the {}; text:{} = ... makes it text", tree.TypeName(node), field.Spelled(), field.Spelled()));
    }
    if (tree.text(node).empty() && field.kind == Field::Kind::id) return BadRecord("map-missing", "the id would be empty");
    slot = {std::nullopt, node};
    return Status::OK();
  }

  Status Put(const Field& field, int node, bool overwrite) {
    if (SlotOf(field)) return PutInSlot(field, node, overwrite);
    if (static_cast<int>(field.path.size()) + tree.Depth(node) >= kMaxJsonDepth) {
      return BadRecord("map-conflict", fmt::format("{} would nest too deep", Printable(field.Spelled(), 200)));
    }
    if (const int there = tree.Find(field.path); there != MetadataTree::kNone) {
      if (!overwrite) return BadRecord("map-occupied", fmt::format("the record has a {} already", Printable(field.Spelled(), 200)));
      tree.Replace(there, node);
      return Status::OK();
    }
    if (tree.Put(field.path, node)) return Status::OK();
    return BadRecord("map-conflict", fmt::format("{} has no place: a part of its path is no object", Printable(field.Spelled(), 200)));
  }

  Status Move(const MapRule& rule) {
    if (rule.source == rule.target) return Status::OK();
    const int node = NodeOf(rule.source);
    if (node == MetadataTree::kNone) return Missing(rule);
    // A rename within one object keeps the member's place.
    const auto &from = rule.source.path, &to = rule.target.path;
    const bool rename = rule.source.kind == Field::Kind::metadata && rule.target.kind == Field::Kind::metadata && from.size() == to.size() &&
                        std::equal(from.begin(), from.end() - 1, to.begin());
    if (rename && tree.Find(to) == MetadataTree::kNone) {
      tree.Rename(node, to.back());
      return Status::OK();
    }
    Leave(rule.source, node);
    return Put(rule.target, node, false);
  }

  Status Missing(const MapRule& rule) const {
    if (rule.target.kind != Field::Kind::id) return Status::OK();
    return BadRecord("map-missing", fmt::format("the record has no {} to make its id of", Printable(rule.source.Spelled(), 200)));
  }

  Status CastField(const MapRule& rule) {
    const int node = NodeOf(rule.source);
    if (node == MetadataTree::kNone) return Missing(rule);
    ARROW_ASSIGN_OR_RAISE(const int made, CastNode(tree, node, rule.cast));
    if (rule.source == rule.target) return Put(rule.target, made, true);
    Leave(rule.source, node);
    return Put(rule.target, made, false);
  }

  Status Fill(const Template& text, std::string* out) {
    out->clear();
    for (const auto& part : text.parts) {
      if (out->size() > kMostText) return BadRecord("map-too-large", "the text would be larger than 64 MiB");
      if (!part.field) {
        out->append(part.fact.empty() ? part.text : FactOf(facts, part.fact).value_or(""));
        continue;
      }
      const int node = NodeOf(*part.field);
      if (node == MetadataTree::kNone || tree.kind(node) == Kind::null) {
        return BadRecord("map-missing", fmt::format("the record has no {}", Printable(part.field->Spelled(), 200)));
      }
      if (tree.kind(node) == Kind::string || tree.kind(node) == Kind::special) out->append(tree.text(node));
      else ARROW_RETURN_NOT_OK(tree.Write(node, out));
    }
    return Status::OK();
  }

  Status Set(const MapRule& rule) {
    int node = MetadataTree::kNone;
    if (rule.json.empty()) {
      ARROW_RETURN_NOT_OK(Fill(rule.text, &buffer));
      node = tree.NewString(buffer);
    } else {
      ARROW_ASSIGN_OR_RAISE(node, tree.NewJson(rule.json));
    }
    return Put(rule.target, node, true);
  }

  bool Has(const Field& field) {
    if (const Slot* slot = SlotOf(field)) return slot->there();
    const int node = tree.Find(field.path);
    return node != MetadataTree::kNone && tree.kind(node) != Kind::null;
  }

  Status Apply(const MapRule& rule) {
    switch (rule.verb) {
      case MapRule::Verb::move: return Move(rule);
      case MapRule::Verb::copy: {
        const int node = NodeOf(rule.source);
        return node == MetadataTree::kNone ? Missing(rule) : Put(rule.target, tree.Copy(node), false);
      }
      case MapRule::Verb::drop: {
        const int node = SlotOf(rule.target) ? MetadataTree::kNone : tree.Find(rule.target.path);
        if (SlotOf(rule.target) || node != MetadataTree::kNone) Leave(rule.target, node);
        return Status::OK();
      }
      case MapRule::Verb::set: return Set(rule);
      case MapRule::Verb::fallback: return Has(rule.target) ? Status::OK() : Set(rule);
      case MapRule::Verb::cast: return CastField(rule);
    }
    return Status::OK();
  }

  bool Finds(const MapRule& rule) {
    if (rule.verb == MapRule::Verb::set || rule.verb == MapRule::Verb::fallback) return true;
    const Field& field = rule.verb == MapRule::Verb::drop ? rule.target : rule.source;
    if (const Slot* slot = SlotOf(field)) return slot->there();
    return tree.Find(field.path) != MetadataTree::kNone;
  }

  Status Row(const RecordView& view, int64_t row) {
    ARROW_RETURN_NOT_OK(Begin(view, row));
    for (size_t i = 0; i < rules.size(); ++i) {
      if (rules[i].target.kind == Field::Kind::vector) continue;
      hits[i] += Finds(rules[i]);
      ARROW_RETURN_NOT_OK(Apply(rules[i]));
    }
    return Status::OK();
  }

  // ---- a batch ----

  struct Builders {
    TextColumn id, tenant, document, metadata;
  };

  Status AppendSlot(const Slot& slot, TextColumn* out) const { return out->Append(slot.there() ? std::optional(TextOf(slot)) : std::nullopt); }

  Status Append(const RecordView& view, int64_t row, Builders* out) {
    const Status applied = Row(view, row);
    if (!applied.ok() && !IsCategory(applied, Category::bad_content)) return applied;
    if (!applied.ok()) {
      // A place in each column; the row is taken out afterwards.
      failed.emplace_back(row, applied);
      id = {view.id(row), MetadataTree::kNone};
      tenant.Clear(), document.Clear();
      ARROW_RETURN_NOT_OK(tree.Parse(""));
    }
    if (written.id) ARROW_RETURN_NOT_OK(out->id.Append(TextOf(id)));
    if (written.tenant) ARROW_RETURN_NOT_OK(AppendSlot(tenant, &out->tenant));
    if (written.document) ARROW_RETURN_NOT_OK(AppendSlot(document, &out->document));
    if (!written.metadata) return Status::OK();
    buffer.clear();
    ARROW_RETURN_NOT_OK(tree.Write(0, &buffer));
    return out->metadata.Append(buffer);
  }

  std::vector<std::pair<int64_t, Status>> failed;
};

Mapper::Mapper(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mapper::~Mapper() = default;

Result<std::unique_ptr<Mapper>> Mapper::Compile(std::vector<MapRule> rules, const RecordSchema& schema, const RunFacts& facts) {
  auto impl = std::make_unique<Impl>();
  ARROW_ASSIGN_OR_RAISE(impl->mapped, MapSchema(rules, schema));
  impl->rules = std::move(rules);
  impl->facts = facts;
  impl->Prepare();
  return std::unique_ptr<Mapper>(new Mapper(std::move(impl)));
}

const RecordSchema& Mapper::schema() const { return impl_->mapped.schema; }
const std::vector<size_t>& Mapper::vectors() const { return impl_->mapped.vectors; }
const std::vector<int64_t>& Mapper::hits() const { return impl_->hits; }

Result<MappedColumns> Mapper::Map(const RecordView& view) {
  Impl& impl = *impl_;
  impl.failed.clear();
  Impl::Builders builders;
  const Touched& written = impl.written;
  for (size_t i = 0; i < impl.rules.size(); ++i) {
    if (impl.rules[i].target.kind == Field::Kind::vector) impl.hits[i] += view.rows();
  }
  if (written.id || written.tenant || written.document || written.metadata || impl.read.metadata) {
    for (int64_t row = 0; row < view.rows(); ++row) ARROW_RETURN_NOT_OK(impl.Append(view, row, &builders));
  }
  MappedColumns columns;
  const auto column = [&](bool made, bool there, const char* name, TextColumn& text) -> std::shared_ptr<arrow::Array> {
    if (!there) return nullptr;
    return made ? text.Finish() : view.batch()->GetColumnByName(name);
  };
  columns.id = column(written.id, true, "id", builders.id);
  columns.tenant = column(written.tenant, schema().has_tenant, "tenant", builders.tenant);
  columns.document = column(written.document, schema().has_document, "document", builders.document);
  columns.metadata = column(written.metadata, true, "metadata", builders.metadata);
  columns.failed = std::move(impl.failed);
  return columns;
}

}  // namespace vecferry
