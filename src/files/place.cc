#include "files/place.h"

#include <algorithm>
#include <array>

#include <arrow/filesystem/s3fs.h>
#include <arrow/io/file.h>
#include <arrow/util/io_util.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <xxhash.h>

#include "base/text.h"
#include "files/s3.h"
#include "options/make_option.h"

namespace vecferry::files {
namespace {

constexpr std::string_view kS3 = "s3://";

std::string BucketOf(std::string_view key) { return std::string(key.substr(0, key.find('/'))); }

bool IsHidden(std::string_view relative) {
  for (size_t at = 0; at <= relative.size();) {
    const std::string_view part = relative.substr(at, relative.find('/', at) - at);
    if (part.starts_with('.') || part.starts_with('_') || part.ends_with(".vecferry-part") || part.ends_with(".vecferry-part.meta")) return true;
    at += part.size() + 1;
  }
  return false;
}

int64_t ToNs(const arrow::fs::TimePoint& time) { return time == arrow::fs::kNoTime ? 0 : time.time_since_epoch().count(); }

Status TooMany(const Place& place, size_t limit) {
  return MakeError(Category::too_large, fmt::format("{} holds more than {} files", place.text(), FormatCount(static_cast<int64_t>(limit))), "name a smaller folder");
}

}  // namespace

std::vector<OptionSpec> S3OptionSpecs() {
  std::vector<OptionSpec> specs = {
      MakeOption::Text("s3-endpoint", "URL", "For s3:// places: the server, where it is not AWS (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL)."),
      MakeOption::Text("s3-region", "NAME", "For s3:// places: the region (default: AWS_REGION, or the bucket's own)."),
      MakeOption::Text("s3-access-key", "KEY", "For s3:// places: the access key (default: AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws).").Secret(),
      MakeOption::Text("s3-secret-key", "KEY", "For s3:// places: the secret key; better set AWS_SECRET_ACCESS_KEY or AWS_PROFILE.").Secret(),
      MakeOption::Text("s3-session-token", "TOKEN", "For s3:// places: the session token of temporary credentials (default: AWS_SESSION_TOKEN).").Secret(),
      MakeOption::Flag("s3-anonymous", "For s3:// places: sign no request, for public buckets.").Default("false")};
  for (OptionSpec& spec : specs) spec.reaching = true;
  return specs;
}

Result<Place> Place::Of(const Location& location) {
  if (location.path.empty()) return MakeError(Category::usage, "no file or folder is named", fmt::format("write it as {}:PATH", location.scheme));
  std::map<std::string, std::string> options;
  for (const auto& [name, value] : location.options) {
    if (name.starts_with("s3-")) options[name.substr(3)] = value;
  }
  if (options.contains("anonymous")) {
    ARROW_ASSIGN_OR_RAISE(const bool anonymous, ParseBool(options["anonymous"]));
    options["anonymous"] = anonymous ? "true" : "false";
    if (!anonymous) options.erase("anonymous");
  }
  if (!location.path.starts_with(kS3)) {
    if (!options.empty()) return MakeError(Category::usage, fmt::format("the option s3-{} is for places that begin with s3://", options.begin()->first));
    return Place(ExpandHome(location.path));
  }
  Place place;
  place.key_ = location.path.substr(kS3.size());
  while (place.key_.ends_with('/')) place.key_.pop_back();
  const bool odd = place.key_.starts_with('/') || place.key_.find("//") != std::string::npos;
  if (odd || place.key_.find('/') == std::string::npos) return MakeError(Category::usage, fmt::format("{} names no key in a bucket", Printable(location.path)), "write it as s3://BUCKET/KEY");
  place.s3_ = std::make_shared<S3>(std::move(options));
  return place;
}

std::string Place::text() const { return is_local() ? path_.string() : std::string(kS3) + key_; }

std::string Place::identity() const {
  if (is_local()) return CanonicalPath(path_).string();
  const std::string endpoint = s3_->endpoint();
  return text() + (endpoint.empty() ? "" : "@" + endpoint);
}

std::string Place::name() const {
  if (!is_local()) return key_.substr(key_.rfind('/') + 1);
  const fs::path clean = path_.has_filename() ? path_ : path_.parent_path();
  return clean.filename().string();
}

Place Place::operator/(std::string_view relative) const {
  Place place = *this;
  if (is_local()) place.path_ /= fs::path(std::string(relative));
  else place.key_ += "/" + std::string(relative);
  return place;
}

Place Place::Sibling(std::string_view name) const {
  Place place = *this;
  if (is_local()) place.path_ = (path_.has_filename() ? path_ : path_.parent_path()).parent_path() / fs::path(std::string(name));
  else place.key_ = key_.substr(0, key_.rfind('/') + 1) + std::string(name);
  return place;
}

Status Place::Classify(const arrow::Status& status, std::string_view what) const {
  if (status.ok()) return status;
  if (!is_local()) return s3_->Classify(status, what, text());
  const int err = arrow::internal::ErrnoFromStatus(status);
  return err ? ErrnoError(err, what, text()) : status.detail() ? status : MakeError(Category::corrupt, fmt::format("{} {}: {}", what, text(), Printable(status.message(), 500)));
}

Result<std::optional<Entry>> Place::Stat() const {
  if (is_local()) {
    std::error_code ec;
    const auto status = fs::status(path_, ec);
    if (status.type() == fs::file_type::not_found) return std::nullopt;
    if (ec) return ErrnoError(ec.value(), "cannot look at", text());
    if (fs::is_directory(status)) return Entry{true, 0, 0};
    ARROW_ASSIGN_OR_RAISE(const File file, File::Open(path_, File::Mode::read));
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, file.Stat());
    return Entry{false, stamp.size, stamp.mtime_ns};
  }
  ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
  const auto info = fs->GetFileInfo(key_);
  if (!info.ok()) return Classify(info.status(), "cannot look at");
  if (info->type() == arrow::fs::FileType::NotFound) return std::nullopt;
  return Entry{info->type() == arrow::fs::FileType::Directory, std::max<int64_t>(info->size(), 0), ToNs(info->mtime())};
}

Result<std::vector<Place::Listed>> Place::Files(size_t limit, bool all) const {
  std::vector<Listed> files;
  if (is_local()) {
    std::error_code ec;
    for (fs::recursive_directory_iterator it(path_, fs::directory_options::follow_directory_symlink, ec), end; !ec && it != end; it.increment(ec)) {
      if (it.depth() > 32) return MakeError(Category::unsupported, fmt::format("{} has folders nested more than 32 deep", text()));
      std::error_code own;
      if (!it->is_regular_file(own)) continue;
      std::string relative = it->path().lexically_relative(path_).generic_string();
      if (!all && IsHidden(relative)) continue;
      if (files.size() == limit) return TooMany(*this, limit);
      files.push_back({std::move(relative), {false, static_cast<int64_t>(it->file_size(own)), 0}});
    }
    if (ec) return ErrnoError(ec.value(), "cannot list", text());
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
    arrow::fs::FileSelector selector;
    selector.base_dir = key_;
    selector.recursive = true;
    selector.allow_not_found = true;
    const auto found = fs->GetFileInfo(selector);
    if (!found.ok()) return Classify(found.status(), "cannot list");
    for (const auto& info : *found) {
      if (!info.IsFile() || info.path().size() <= key_.size() + 1) continue;
      std::string relative = info.path().substr(key_.size() + 1);
      if (!all && IsHidden(relative)) continue;
      if (files.size() == limit) return TooMany(*this, limit);
      files.push_back({std::move(relative), {false, info.size(), ToNs(info.mtime())}});
    }
  }
  std::sort(files.begin(), files.end(), [](const Listed& a, const Listed& b) { return a.relative < b.relative; });
  return files;
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> Place::OpenArrow() const {
  if (is_local()) {
    auto file = arrow::io::ReadableFile::Open(path_.string());
    if (!file.ok()) return Classify(file.status(), "cannot open");
    return *file;
  }
  ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
  auto file = fs->OpenInputFile(key_);
  if (!file.ok()) {
    const Status status = Classify(file.status(), "cannot open");
    // The library asks for the object's head, whose answer has no body to hold a code.
    return FactsOf(status).category == Category::internal ? Missing() : status;
  }
  return *file;
}

Result<Stamp> Place::Changed() const {
  if (is_local()) {
    ARROW_ASSIGN_OR_RAISE(const File file, File::Open(path_, File::Mode::read));
    return file.Stat();
  }
  ARROW_ASSIGN_OR_RAISE(const auto file, OpenArrow());
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
  const auto facts = file->ReadMetadata();
  if (!facts.ok()) return Classify(facts.status(), "cannot read");
  const std::string tag = *facts ? (*facts)->Get("ETag").ValueOr("") : "";
  return Stamp{size, 0, XXH3_64bits(tag.data(), tag.size()) >> 1};
}

Status Place::Missing() const {
  std::vector<std::string> names;
  std::error_code ec;
  if (is_local()) {
    const fs::path parent = path_.parent_path();
    for (fs::directory_iterator it(parent.empty() ? "." : parent, ec), end; !ec && it != end && names.size() < 1000; it.increment(ec)) names.push_back(it->path().filename().string());
  }
  return MakeError(Category::not_found, fmt::format("{} does not exist{}", Printable(text()), Suggestion(name(), names)), "check the path");
}

Status Place::Upload(const fs::path& from) const {
  ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
  ARROW_ASSIGN_OR_RAISE(const File file, File::Open(from, File::Mode::read));
  auto out = fs->OpenOutputStream(key_);
  if (!out.ok()) return Classify(out.status(), "cannot write");
  std::string chunk(size_t{8} << 20, '\0');
  for (int64_t offset = 0;;) {
    const auto got = file.ReadAt(offset, chunk.data(), chunk.size());
    const Status written = got.ok() ? Classify((*out)->Write(chunk.data(), static_cast<int64_t>(*got)), "cannot write") : got.status();
    if (!written.ok()) {
      (void)(*out)->Abort();
      return written;
    }
    if (*got == 0) break;
    offset += static_cast<int64_t>(*got);
  }
  return Classify((*out)->Close(), "cannot write");
}

Status Place::MoveTo(const Place& to) const {
  ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
  ARROW_RETURN_NOT_OK(to.Classify(fs->CopyFile(key_, to.key_), "cannot copy to"));
  return Remove();
}

Status Place::Remove() const {
  if (is_local()) {
    std::error_code ec;
    fs::remove(path_, ec);
    return ec ? ErrnoError(ec.value(), "cannot remove", text()) : Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto there, Stat());
  if (!there || there->folder) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto fs, s3_->Get(BucketOf(key_)));
  return Classify(fs->DeleteFile(key_), "cannot remove");
}

}  // namespace vecferry::files
