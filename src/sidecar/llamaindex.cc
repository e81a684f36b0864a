#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "record/json.h"
#include "sidecar/census.h"
#include "sidecar/open.h"

namespace vecferry::sidecar {
namespace {

using Json = nlohmann::json;

Status Corrupt(const fs::path& path, std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("{}: {}", Printable(path.string()), what), "name the folder that LlamaIndex persisted");
}

/// Refuses nesting deeper than our own limit while it is parsed: nlohmann's tree is walked recursively.
Result<Json> ReadJson(const fs::path& path) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(path, kMaxWhole));
  bool deep = false;
  const auto limit = [&](int depth, Json::parse_event_t, Json&) { return deep = deep || depth > kMaxJsonDepth, !deep; };
  Json json = Json::parse(text, limit, false);
  if (deep || !json.is_object()) return Corrupt(path, deep ? "it is nested too deeply" : "it is no JSON object");
  return json;
}

const Json* Member(const Json& json, std::string_view key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found == json.end() ? nullptr : &*found;
}

class LlamaSideCar final : public SideCar {
 public:
  Status Load(const fs::path& folder) {
    facts_.format = Format::llamaindex;
    ARROW_ASSIGN_OR_RAISE(docstore_, ReadJson(folder / "docstore.json"));
    ARROW_ASSIGN_OR_RAISE(const Json index, ReadJson(folder / "index_store.json"));
    nodes_ = Member(docstore_, "docstore/data");
    if (!nodes_) return Corrupt(folder / "docstore.json", "it has no docstore/data");
    ARROW_RETURN_NOT_OK(FindRows(folder / "index_store.json", index));
    Census census;
    Entry entry;
    for (int64_t row = 0; row < static_cast<int64_t>(ids_.size()); ++row) {
      census.Count();
      if (Read(row, &entry).ok()) census.Add(entry);
    }
    census.Fill(&facts_);
    facts_.not_carried = {"relationships and offsets of LlamaIndex's nodes"};
    return Status::OK();
  }
  const Facts& facts() const override { return facts_; }
  Result<std::unique_ptr<Entries>> From(int64_t row) const override;
  int64_t count() const { return static_cast<int64_t>(ids_.size()); }

  Status Read(int64_t row, Entry* entry) const {
    const std::string& id = ids_[static_cast<size_t>(row)];
    const Json* node = Member(*nodes_, id);
    const Json* data = node ? Member(*node, "__data__") : nullptr;
    if (!data || !data->is_object()) return BadRecord("missing-document", fmt::format("the docstore has no node '{}'", Printable(id, 100)));
    entry->id = id;
    entry->tenant.reset();
    entry->document.reset();
    const Json* text = Member(*data, "text");
    if (!text) {
      // Newer nodes keep it inside a resource.
      const Json* resource = Member(*data, "text_resource");
      text = resource ? Member(*resource, "text") : nullptr;
    }
    if (text && text->is_string()) entry->document = text->get<std::string>();
    const Json* metadata = Member(*data, "metadata");
    entry->metadata.clear();
    JsonWriter writer(&entry->metadata);
    JsonReader reader;
    return reader.Visit(metadata && metadata->is_object() ? metadata->dump() : "{}", writer, {.big_integers = true, .plain = true});
  }

 private:
  /// nodes_dict of the first vector store: {"0": node id, ...}.
  Status FindRows(const fs::path& path, const Json& index) {
    const Json* stores = Member(index, "index_store/data");
    if (!stores || !stores->is_object()) return Corrupt(path, "it has no index_store/data");
    for (const auto& [name, store] : stores->items()) {
      const Json* type = Member(store, "__type__");
      const Json* text = Member(store, "__data__");
      if (!type || *type != "vector_store" || !text || !text->is_string()) continue;
      const Json data = Json::parse(text->get_ref<const std::string&>(), nullptr, false);
      const Json* rows = Member(data, "nodes_dict");
      if (rows && rows->is_object()) return TakeRows(path, *rows);
    }
    return Corrupt(path, "it has no nodes_dict of a vector store");
  }
  Status TakeRows(const fs::path& path, const Json& rows) {
    ids_.resize(rows.size());
    std::vector<bool> seen(rows.size());
    for (const auto& [key, id] : rows.items()) {
      const auto row = ParseInt(key);
      if (!row.ok() || *row < 0 || static_cast<size_t>(*row) >= ids_.size() || !id.is_string() || seen[static_cast<size_t>(*row)]) {
        return Corrupt(path, "the rows of nodes_dict are not numbered from 0 on");
      }
      seen[static_cast<size_t>(*row)] = true;
      ids_[static_cast<size_t>(*row)] = id.get<std::string>();
    }
    return Status::OK();
  }

  Json docstore_;
  const Json* nodes_ = nullptr;
  std::vector<std::string> ids_;
  Facts facts_;
};

class LlamaEntries final : public Entries {
 public:
  LlamaEntries(const LlamaSideCar& side, int64_t row) : side_(side), row_(row) {}
  Result<bool> Next(Entry* entry) override {
    if (row_ >= side_.count()) return false;
    ARROW_RETURN_NOT_OK(side_.Read(row_++, entry));
    return true;
  }

 private:
  const LlamaSideCar& side_;
  int64_t row_;
};

Result<std::unique_ptr<Entries>> LlamaSideCar::From(int64_t row) const { return std::make_unique<LlamaEntries>(*this, row); }

}  // namespace

Result<std::shared_ptr<const SideCar>> OpenLlamaIndex(const fs::path& folder) {
  auto side = std::make_shared<LlamaSideCar>();
  ARROW_RETURN_NOT_OK(side->Load(folder));
  return side;
}

}  // namespace vecferry::sidecar
