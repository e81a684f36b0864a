#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "files/file.h"
#include "sidecar/census.h"
#include "sidecar/header.h"
#include "sidecar/open.h"
#include "sidecar/splitter.h"

namespace vecferry::sidecar {

using files::File;
namespace {

constexpr std::string_view kHeaderStart = "{\"vecferry_sidecar\":";
constexpr int64_t kVersion = 1;
constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kMaxLine = size_t{256} << 20;
constexpr int64_t kStride = 128;  ///< of the entries whose place is remembered

Status NoSideCar(std::string_view path, std::string_view why) {
  return MakeError(Category::corrupt, fmt::format("{} is no side-car of JSON lines: {}", Printable(path), why), "write one JSON object a line");
}

/// The lines of a file that are not blank.
class Lines {
 public:
  Lines(const File& file, int64_t offset) : file_(file), offset_(offset) {}
  /// False at the end. The text lives until the next call.
  Result<bool> Next(std::string_view* line, int64_t* begin) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool any, Raw(line, begin));
      if (!any) return false;
      if (line->find_first_not_of(" \t\r") != std::string_view::npos) return true;
    }
  }
  int64_t offset() const { return offset_; }

 private:
  Result<bool> Raw(std::string_view* line, int64_t* begin) {
    size_t searched = 0;
    while (true) {
      const size_t found = buffer_.find('\n', at_ + searched);
      if (found != std::string::npos || (ended_ && at_ < buffer_.size())) {
        const size_t end = std::min(found, buffer_.size());
        *line = std::string_view(buffer_).substr(at_, end - at_);
        *begin = offset_;
        const size_t taken = std::min(end + 1, buffer_.size()) - at_;
        at_ += taken;
        offset_ += static_cast<int64_t>(taken);
        return true;
      }
      if (ended_) return false;
      searched = buffer_.size() - at_;
      if (searched > kMaxLine) return NoSideCar(file_.path().string(), fmt::format("a line of more than {} bytes", kMaxLine));
      ARROW_RETURN_NOT_OK(Fill());
    }
  }
  Status Fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t kept = buffer_.size();
    buffer_.resize(kept + kChunk);
    ARROW_ASSIGN_OR_RAISE(const size_t got, file_.ReadAt(offset_ + static_cast<int64_t>(kept), buffer_.data() + kept, kChunk));
    buffer_.resize(kept + got);
    ended_ = got < kChunk;
    return Status::OK();
  }

  const File& file_;
  int64_t offset_;
  std::string buffer_;
  size_t at_ = 0;
  bool ended_ = false;
};

/// One line at a time into an entry.
class Parser {
 public:
  Parser(bool own, const Fields& fields) : splitter_(own ? Splitter::Shape::own : Splitter::Shape::foreign, fields) {
    if (!own) options_ = {.big_integers = true, .python_floats = true, .plain = true};
  }
  Status Parse(std::string_view line, Entry* entry) {
    splitter_.Begin();
    ARROW_RETURN_NOT_OK(reader_.Visit(line, splitter_, options_));
    return splitter_.End(entry);
  }

 private:
  Splitter splitter_;
  JsonReader reader_;
  JsonReader::Options options_;
};

class LineEntries final : public Entries {
 public:
  LineEntries(const File& file, int64_t offset, bool own, const Fields& fields) : lines_(file, offset), parser_(own, fields) {}
  Result<bool> Next(Entry* entry) override {
    std::string_view line;
    int64_t begin;
    ARROW_ASSIGN_OR_RAISE(const bool any, lines_.Next(&line, &begin));
    if (any) ARROW_RETURN_NOT_OK(parser_.Parse(line, entry));
    return any;
  }
  Status Skip(int64_t entries) {
    std::string_view line;
    int64_t begin;
    for (int64_t i = 0; i < entries; ++i) ARROW_RETURN_NOT_OK(lines_.Next(&line, &begin).status());
    return Status::OK();
  }

 private:
  Lines lines_;
  Parser parser_;
};

class LineSideCar final : public SideCar {
 public:
  LineSideCar(File file, Fields fields) : file_(std::move(file)), fields_(std::move(fields)) {}

  Status Scan() {
    facts_.format = Format::jsonl;
    Lines lines(file_, 0);
    std::string_view line;
    int64_t begin = 0;
    ARROW_ASSIGN_OR_RAISE(bool any, lines.Next(&line, &begin));
    if (any && line.starts_with(kHeaderStart)) {
      ARROW_RETURN_NOT_OK(TakeHeader(line, file_.path().string(), &facts_));
      ARROW_ASSIGN_OR_RAISE(any, lines.Next(&line, &begin));
    }
    Census census;
    Parser parser(own(), fields_);
    Entry entry;
    for (int64_t count = 0; any; ++count) {
      if (count % kStride == 0) marks_.push_back(begin);
      census.Count();
      // What is at fault is told when it is read.
      if (!own() && parser.Parse(line, &entry).ok()) census.Add(entry);
      ARROW_ASSIGN_OR_RAISE(any, lines.Next(&line, &begin));
    }
    Facts foreign = facts_;
    census.Fill(&foreign);
    if (!own()) facts_ = foreign;
    facts_.count = foreign.count;
    end_ = lines.offset();
    return Status::OK();
  }

  const Facts& facts() const override { return facts_; }
  Result<std::unique_ptr<Entries>> From(int64_t row) const override {
    const auto mark = static_cast<size_t>(row / kStride);
    auto entries = std::make_unique<LineEntries>(file_, mark < marks_.size() ? marks_[mark] : end_, own(), fields_);
    if (mark < marks_.size()) ARROW_RETURN_NOT_OK(entries->Skip(row % kStride));
    return entries;
  }

 private:
  bool own() const { return facts_.schema.has_value(); }

  File file_;
  Fields fields_;
  Facts facts_;
  std::vector<int64_t> marks_;
  int64_t end_ = 0;
};

}  // namespace

Status TakeHeader(std::string_view line, std::string_view what, Facts* facts) {
  nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("schema") || !json["vecferry_sidecar"].is_number_integer() || json["vecferry_sidecar"] != kVersion) {
    return NoSideCar(what, "a header of a version that is not known here");
  }
  ARROW_ASSIGN_OR_RAISE(facts->schema, RecordSchema::FromJson(json["schema"].dump()));
  if (json.contains("layout") && json["layout"].is_string()) facts->layout = json["layout"].get<std::string>();
  facts->has_ids = true;
  facts->has_tenant = facts->schema->has_tenant;
  facts->has_document = facts->schema->has_document;
  facts->id_kind = facts->schema->id_kind;
  return Status::OK();
}

bool IsHeader(std::string_view text) { return text.starts_with(kHeaderStart); }

std::string HeaderLine(const RecordSchema& schema, const std::string& layout) {
  std::string line = fmt::format("{}{}", kHeaderStart, kVersion);
  if (!layout.empty()) {
    line += ",\"layout\":";
    AppendJsonString(layout, &line);
  }
  return line + ",\"schema\":" + schema.ToJson() + "}\n";
}

Status AppendLine(const RecordView& view, int64_t row, std::string* out) {
  const auto tenant = view.tenant(row), document = view.document(row);
  for (const auto& text : {std::optional(view.id(row)), tenant, document}) {
    if (text && !IsValidUtf8(*text)) return BadRecord("invalid-utf8", "a text is not valid UTF-8");
  }
  const auto add = [&](std::string_view key, const std::optional<std::string_view>& text) {
    if (!text) return;
    *out += key;
    AppendJsonString(*text, out);
  };
  add("{\"id\":", view.id(row));
  add(",\"tenant\":", tenant);
  add(",\"document\":", document);
  *out += ",\"metadata\":";
  *out += view.metadata(row).value_or("{}");
  *out += "}\n";
  return Status::OK();
}

Result<std::shared_ptr<const SideCar>> OpenLines(const fs::path& path, const Fields& fields) {
  ARROW_ASSIGN_OR_RAISE(File file, File::Open(path, File::Mode::read));
  auto lines = std::make_shared<LineSideCar>(std::move(file), fields);
  ARROW_RETURN_NOT_OK(lines->Scan());
  return lines;
}

}  // namespace vecferry::sidecar
