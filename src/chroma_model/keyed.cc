#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/failpoint.h"
#include "base/text.h"
#include "chroma_model/records.h"
#include "chroma_model/strays.h"
#include "net/buffers.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::ordered_json;

/// Records that are asked for or deleted at once where the server names no limit.
constexpr int64_t kUsualGroup = 1'000;

Status CorruptImage() { return MakeError(Category::corrupt, "a before-image is not what this store captures"); }

/// An image's metadata, as it is written.
Status RemoveStraysOfImages(const Client& client, const std::string& collection, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  std::vector<std::string> texts;
  for (const std::string_view image : images) {
    const Json json = Json::parse(image, nullptr, false);
    const auto at = json.is_object() ? json.find("metadata") : json.end();
    texts.push_back(json.is_object() && at != json.end() && at->is_object() ? at->dump(-1, ' ', false, Json::error_handler_t::replace) : "{}");
  }
  return RemoveStrays(client, collection, ids, {texts.begin(), texts.end()});
}

void AppendField(const char* name, const RawText* text, std::string* out) {
  if (text && text->present) *out += fmt::format(",\"{}\":\"{}\"", name, text->text);  // as it stood, escapes included
}

}  // namespace

std::vector<std::vector<std::string_view>> InGroups(const std::vector<std::string_view>& ids, int64_t most) {
  std::vector<std::vector<std::string_view>> groups;
  const auto size = static_cast<size_t>(most > 0 ? std::min(most, kUsualGroup) : kUsualGroup);
  for (size_t at = 0; at < ids.size(); at += size) {
    groups.emplace_back(ids.begin() + static_cast<ptrdiff_t>(at), ids.begin() + static_cast<ptrdiff_t>(std::min(at + size, ids.size())));
  }
  return groups;
}

Result<std::string> ImageOf(const Page& page, size_t row) {
  if (!page.has_vector(row)) {
    return MakeError(Category::unsupported, fmt::format("the record '{}' has no vector: the server would not take it back", Printable(page.ids[row].text, 200)),
                     "repair the collection, or write into another");
  }
  std::string image = fmt::format("{{\"id\":\"{}\"", page.ids[row].text);
  image += ",\"embedding\":\"";
  AppendBase64({reinterpret_cast<const char*>(page.vector(row)), page.vector_size(row) * sizeof(float)}, &image);
  image += '"';
  AppendField("document", row < page.documents.size() ? &page.documents[row] : nullptr, &image);
  AppendField("uri", row < page.uris.size() ? &page.uris[row] : nullptr, &image);
  if (row < page.metadatas.size() && !page.metadatas[row].empty()) image += fmt::format(",\"metadata\":{}", page.metadatas[row]);
  return image + "}";
}

Result<std::string> BodyOfImages(const std::vector<std::string_view>& images) {
  Json body = {{"ids", Json::array()}, {"embeddings", Json::array()}, {"metadatas", Json::array()}, {"documents", Json::array()}, {"uris", Json::array()}};
  for (const std::string_view image : images) {
    const Json json = Json::parse(image, nullptr, false);
    if (!json.is_object() || !json.contains("id") || !json.contains("embedding")) return CorruptImage();
    std::string bytes;
    if (!json["embedding"].is_string() || !ParseBase64(json["embedding"].get_ref<const std::string&>(), &bytes) || bytes.size() % sizeof(float) != 0) return CorruptImage();
    Json numbers = Json::array();
    for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
      float value;
      std::memcpy(&value, bytes.data() + at, sizeof(value));
      numbers.push_back(value);
    }
    body["ids"].push_back(json["id"]);
    body["embeddings"].push_back(std::move(numbers));
    for (const auto& [column, key] : {std::pair("metadatas", "metadata"), std::pair("documents", "document"), std::pair("uris", "uri")}) {
      body[column].push_back(json.contains(key) ? json[key] : Json());
    }
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status RecordsByKey::Fetch(const std::vector<std::string_view>& ids, std::string* answer, Page* page) const {
  constexpr std::string_view kWhat = "reading records by id";
  ARROW_ASSIGN_OR_RAISE(*answer, dataset_.client->Records(collection_, "get", GetBody(ids, {}), HttpAct::read, kWhat));
  ARROW_RETURN_NOT_OK(Understood(*answer, {}, kWhat, page));
  const std::unordered_set<std::string_view> asked(ids.begin(), ids.end());
  std::string buffer;
  for (const RawText& raw : page->ids) {
    const auto id = Unescape(raw, &buffer);
    if (!id.ok() || !asked.contains(*id)) return BadHttpAnswer(kWhat, "the server answers with a record that was not asked for");
  }
  return Status::OK();
}

Result<RecordView> RecordsByKey::Get(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) {
  BatchBuilder builder(schema_);
  RowDecoder decoder(schema_, *dataset_.layout);
  Page page;
  for (const auto& group : InGroups(ids, dataset_.client->facts().max_batch)) {
    std::string answer;
    ARROW_RETURN_NOT_OK(Fetch(group, &answer, &page));
    // A row that cannot be read is not there: the source tells of it.
    for (size_t row = 0; row < page.rows(); ++row) (void)decoder.Append(page, row, builder);
    GiveBuffer(std::move(answer));
  }
  return builder.Finish();
}

Result<std::vector<std::optional<std::string>>> RecordsByKey::Capture(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) {
  std::vector<std::optional<std::string>> images(ids.size());
  std::unordered_map<std::string, std::string> found;
  Page page;
  for (const auto& group : InGroups(ids, dataset_.client->facts().max_batch)) {
    std::string answer, buffer;
    ARROW_RETURN_NOT_OK(Fetch(group, &answer, &page));
    for (size_t row = 0; row < page.rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view id, Unescape(page.ids[row], &buffer));
      ARROW_ASSIGN_OR_RAISE(found[std::string(id)], ImageOf(page, row));
    }
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (const auto at = found.find(std::string(ids[i])); at != found.end()) images[i] = at->second;
  }
  return images;
}

Status RecordsByKey::Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  const int64_t most = dataset_.client->facts().max_batch;
  const auto groups = InGroups(ids, most), parts = InGroups(images, most);
  for (size_t i = 0; i < groups.size() && i < parts.size(); ++i) {
    // Upsert merges: what the record has got since would stay.
    ARROW_RETURN_NOT_OK(Delete(groups[i]));
    ARROW_ASSIGN_OR_RAISE(std::string body, BodyOfImages(parts[i]));
    VF_FAILPOINT("chroma.restore.before");
    ARROW_RETURN_NOT_OK(dataset_.client->Records(collection_, "upsert", std::move(body), HttpAct::write, "putting records back").status());
    VF_FAILPOINT("chroma.restore.after");
    ARROW_RETURN_NOT_OK(RemoveStraysOfImages(*dataset_.client, collection_, groups[i], parts[i]));
  }
  return Status::OK();
}

Status RecordsByKey::Delete(const std::vector<std::string_view>& ids) const {
  if (ids.empty()) return Status::OK();
  return dataset_.client->Records(collection_, "delete", DeleteBody(ids), HttpAct::manage, "deleting records").status();
}

Status RecordsByKey::DeleteIds(const std::vector<std::string_view>&, const std::vector<std::string_view>& ids) {
  for (const auto& group : InGroups(ids, dataset_.client->facts().max_batch)) {
    VF_FAILPOINT("chroma.delete.before");
    ARROW_RETURN_NOT_OK(Delete(group));
    VF_FAILPOINT("chroma.delete.after");
  }
  return Status::OK();
}

Result<std::vector<SearchHit>> CollectionSearcher::Search(const SearchQuery& query) {
  constexpr std::string_view kWhat = "asking for neighbours";
  if (schema_.vectors.empty() || !query.vector.empty()) return MakeError(Category::unsupported, "the collection has no such vector");
  Json body = {{"query_embeddings", Json::array({query.values})}, {"n_results", query.k}, {"include", Json::array({"distances"})}};
  if (!query.tenant.empty()) body["where"] = {{dataset_.layout->tenant_field.empty() ? "tenant" : dataset_.layout->tenant_field, query.tenant}};
  ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset_.client->Records(collection_, "query", body.dump(-1, ' ', false, Json::error_handler_t::replace), HttpAct::look, kWhat));
  const auto found = ParseNeighbours(answer);
  if (!found.ok()) return BadHttpAnswer(kWhat, found.status().message());
  std::vector<SearchHit> hits;
  for (size_t i = 0; i < found->ids.size(); ++i) hits.push_back({query.tenant, found->ids[i], found->distances[i]});
  return hits;
}

}  // namespace vecferry::chroma_model
