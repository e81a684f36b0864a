#include "chroma_model/strays.h"

#include <set>
#include <unordered_map>

#include "base/failpoint.h"
#include "chroma_model/records.h"
#include "net/buffers.h"
#include "record/quiet_visitor.h"

namespace vecferry::chroma_model {
namespace {

/// The keys of an object.
class Keys final : public QuietVisitor {
 public:
  explicit Keys(std::set<std::string, std::less<>>* keys) : keys_(keys) {}
  Status Key(std::string_view key) override {
    if (depth_ == 1) keys_->emplace(key);
    return Status::OK();
  }

 private:
  std::set<std::string, std::less<>>* keys_;
};

}  // namespace

Status AddNulls(std::string_view before, std::string_view written, std::string* out) {
  if (before.empty()) return Status::OK();
  static thread_local JsonReader reader;  // its buffers are kept: records come by the million
  std::set<std::string, std::less<>> old, now;
  Keys of_old(&old), of_now(&now);
  ARROW_RETURN_NOT_OK(reader.Visit(before, of_old, {.big_integers = true, .plain = true}));
  ARROW_RETURN_NOT_OK(reader.Visit(written, of_now, {.plain = true}));
  for (const auto& key : old) {
    if (now.contains(key)) continue;
    out->pop_back();
    if (out->size() > 1) *out += ',';
    AppendJsonString(key, out);
    *out += ":null}";
  }
  return Status::OK();
}

Status RemoveStrays(const Client& client, const std::string& collection, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& metadatas) {
  constexpr std::string_view kWhat = "looking at what was written";
  const Wanted wanted{.vectors = false, .documents = false, .metadatas = true, .uris = false};
  ARROW_ASSIGN_OR_RAISE(std::string answer, client.Records(collection, "get", GetBody(ids, wanted), HttpAct::read, kWhat));
  Page page;
  ARROW_RETURN_NOT_OK(Understood(answer, wanted, kWhat, &page));
  std::unordered_map<std::string_view, size_t> places;
  for (size_t i = 0; i < ids.size(); ++i) places.emplace(ids[i], i);
  std::vector<std::string_view> mended;
  std::string nulls, buffer;
  for (size_t row = 0; row < page.rows(); ++row) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view id, Unescape(page.ids[row], &buffer));
    const auto place = places.find(id);
    if (place == places.end()) return BadHttpAnswer(kWhat, "the server answers with a record that was not asked for");
    std::string one = "{}";
    ARROW_RETURN_NOT_OK(AddNulls(page.metadatas[row], metadatas[place->second], &one));
    if (one == "{}") continue;
    nulls += (mended.empty() ? "" : ",") + one;
    mended.push_back(place->first);
  }
  GiveBuffer(std::move(answer));
  if (mended.empty()) return Status::OK();
  std::string body = DeleteBody(mended);
  body.pop_back();
  body += ",\"metadatas\":[" + nulls + "]}";
  VF_FAILPOINT("chroma.strays.before");
  return client.Records(collection, "update", std::move(body), HttpAct::write, "removing metadata that others left").status();
}

}  // namespace vecferry::chroma_model
