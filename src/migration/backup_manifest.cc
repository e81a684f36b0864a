#include "migration/backup_manifest.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/text.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr uint64_t kMaxManifest = uint64_t{40} << 20;
constexpr int kMaxDepth = 16;
/// Before the check sum's digits, and after them: the end of every manifest.
constexpr std::string_view kCheckStart = ",\n  \"check\": \"", kCheckEnd = "\"\n}\n";
constexpr size_t kSumDigits = 64;

Status Damaged(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("the manifest {}", what), "a manifest is never edited; make the backup again");
}

bool IsSum(std::string_view text) {
  return text.size() == kSumDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The text before its check sum, which is right.
Result<std::string_view> CheckedBody(std::string_view text) {
  const size_t tail = kCheckStart.size() + kSumDigits + kCheckEnd.size();
  if (text.size() < tail || !text.ends_with(kCheckEnd)) return Damaged("does not end as a manifest ends: it is cut off, or something else");
  const std::string_view body = text.substr(0, text.size() - tail), sum = text.substr(body.size() + kCheckStart.size(), kSumDigits);
  if (text.substr(body.size(), kCheckStart.size()) != kCheckStart || !IsSum(sum)) return Damaged("has no check sum");
  if (Sha256::Of(body) != sum) return Damaged("was changed since it was written: its check sum is another");
  return body;
}

/// Nesting is bounded before a parser meets it.
bool IsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      else if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Result<BackupManifest::Kind> ParseKind(std::string_view name) {
  for (const auto kind : {BackupManifest::Kind::records, BackupManifest::Kind::sqlite}) {
    if (Name(kind) == name) return kind;
  }
  return MakeError(Category::unsupported, fmt::format("the backup is of the kind '{}', which is not known", Printable(name, 50)),
                   "read it with the release that wrote it, or a newer one");
}

Status CheckFile(const BackupManifest::File& file, std::string_view beside) {
  const bool plain = !file.name.empty() && file.name != "." && file.name != ".." && file.name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
  if (!plain) return Damaged(fmt::format("names '{}', which is no plain file name", Printable(file.name, 200)));
  if (file.name != beside) {
    return MakeError(Category::corrupt, fmt::format("the manifest beside '{}' is of '{}'", Printable(beside, 200), Printable(file.name, 200)),
                     "give both files their names back");
  }
  if (file.bytes < 0 || !IsSum(file.sha256)) return Damaged("has no size or sum of its file");
  return Status::OK();
}

Result<BackupManifest> FromJson(const Json& json) {
  BackupManifest m;
  ARROW_ASSIGN_OR_RAISE(m.kind, ParseKind(json.at("kind").get<std::string>()));
  ARROW_ASSIGN_OR_RAISE(m.created, ParseUtc(json.at("created").get<std::string>()));
  m.program = json.at("program").get<std::string>();
  m.source = json.at("source").get<std::string>();
  m.identity = json.at("identity").get<std::string>();
  m.store = json.at("store").get<std::string>();
  m.dataset = json.at("dataset").get<std::string>();
  m.consistency = json.at("consistency").get<std::string>();
  m.layout = json.at("layout").get<std::string>();
  if (!json.at("schema").is_null()) {
    ARROW_ASSIGN_OR_RAISE(m.schema, RecordSchema::FromJson(json.at("schema").dump()));
  }
  m.settings = json.at("settings").get<std::map<std::string, std::string>>();
  m.facts = json.at("facts").get<std::map<std::string, std::string>>();
  m.records = json.at("records").is_null() ? -1 : json.at("records").get<int64_t>();
  m.rejected = json.at("rejected").get<int64_t>();
  m.digest = json.at("digest").is_null() ? "" : json.at("digest").get<std::string>();
  const Json& files = json.at("files");
  if (!files.is_array() || files.size() != 1) return Damaged("does not name one file");
  m.file = {files[0].at("name").get<std::string>(), files[0].at("bytes").get<int64_t>(), files[0].at("sha256").get<std::string>()};
  return m;
}

}  // namespace

std::string_view Name(BackupManifest::Kind kind) { return kind == BackupManifest::Kind::records ? "records" : "sqlite"; }

std::string BackupManifest::ToText() const {
  Json json = {{"vecferry_backup", kVersion}, {"kind", Name(kind)}, {"created", FormatUtc(created, true)}, {"program", program},
               {"source", source}, {"identity", identity}, {"store", store}, {"dataset", dataset}, {"consistency", consistency}, {"layout", layout}};
  json["schema"] = schema ? Json::parse(schema->ToJson()) : Json();
  json["settings"] = settings;
  json["facts"] = facts;
  json["records"] = records < 0 ? Json() : Json(records);
  json["rejected"] = rejected;
  json["digest"] = digest.empty() ? Json() : Json(digest);
  json["files"] = Json::array({{{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}}});
  std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  text.resize(text.size() - 2);  // without "\n}"
  return fmt::format("{}{}{}{}", text, kCheckStart, Sha256::Of(text), kCheckEnd);
}

Result<BackupManifest> BackupManifest::Parse(std::string_view text, std::string_view beside) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view body, CheckedBody(text));
  if (IsTooDeep(body)) return Damaged("is nested too deeply");
  const Json json = Json::parse(std::string(body) + "}", nullptr, false);
  if (!json.is_object() || !json.contains("vecferry_backup")) return Damaged("is no manifest");
  if (json["vecferry_backup"] != kVersion) {
    return MakeError(Category::unsupported, fmt::format("the manifest is of version {}, and {} is known", Printable(json["vecferry_backup"].dump(), 20), kVersion),
                     "read it with the release that wrote it, or a newer one");
  }
  try {
    ARROW_ASSIGN_OR_RAISE(BackupManifest manifest, FromJson(json));
    ARROW_RETURN_NOT_OK(CheckFile(manifest.file, beside));
    return manifest;
  } catch (const Json::exception& e) {
    return Damaged(fmt::format("cannot be read: {}", Printable(e.what(), 200)));
  }
}

fs::path ManifestOf(const fs::path& file) {
  fs::path manifest = file;
  return manifest += kManifestSuffix;
}

fs::path DataOf(const fs::path& path) {
  const std::string text = path.string();
  return text.ends_with(kManifestSuffix) ? fs::path(text.substr(0, text.size() - kManifestSuffix.size())) : path;
}

Result<BackupManifest> ReadManifest(const fs::path& file) {
  const fs::path manifest = ManifestOf(file);
  std::error_code ec;
  const auto status = fs::status(manifest, ec);
  if (!fs::exists(status)) {
    return MakeError(Category::not_found, fmt::format("{} has no manifest: no backup was finished there", Printable(file.string())),
                     "check the name, or make the backup again; `vecferry copy` also reads a file of records by itself");
  }
  if (!fs::is_regular_file(status)) return Damaged("is no plain file");
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(manifest, kMaxManifest));
  return BackupManifest::Parse(text, file.filename().string());
}

}  // namespace vecferry
