#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/reader.h"

namespace vecferry::pinecone {
namespace {

constexpr size_t kLongestLine = 64 << 10;

Status Unreadable(const std::string& file) { return ErrnoError(errno, "opening", file); }

/// One line: an id as it is, or {"id": ..., "namespace": ...}. False for an empty one.
Result<bool> TakeLine(std::string line, const Target& target, Wanted* wanted) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return false;
  wanted->space = target.name_space;
  wanted->id = line;
  if (line.front() == '{') {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("id") || !json["id"].is_string()) return BadRecord("bad-line", "the line is no JSON object with an id");
    wanted->id = json["id"].get<std::string>();
    if (json.contains("namespace") && json["namespace"].is_string()) wanted->space = json["namespace"].get<std::string>();
    if (wanted->space == kDefaultNamespace) wanted->space.clear();
  }
  if (!IsNativeId(wanted->id)) return BadRecord("bad-line", "the line is no id: 1 to 512 ASCII characters");
  if (target.one_namespace && wanted->space != target.name_space) return false;
  return true;
}

class IdFile final : public IdStream {
 public:
  IdFile(std::shared_ptr<const Shared> shared, std::ifstream file, int64_t at, int64_t end) : shared_(std::move(shared)), file_(std::move(file)), at_(at), end_(end) {}

  Result<Stretch> Next(int64_t rows) override {
    Stretch stretch;
    std::string line;
    while (static_cast<int64_t>(stretch.wanted.size()) < rows) {
      if (at_ >= end_ || !std::getline(file_, line)) {
        stretch.ended = true;
        break;
      }
      at_ += static_cast<int64_t>(line.size()) + 1;
      Wanted wanted;
      if (line.size() > kLongestLine) return Odd("it is too long");
      const auto taken = TakeLine(std::move(line), shared_->dataset.target, &wanted);
      if (!taken.ok()) return Odd(taken.status().message());
      if (!*taken) continue;
      wanted.behind = std::to_string(at_);
      stretch.wanted.push_back(std::move(wanted));
    }
    return stretch;
  }

  Result<bool> IsThere(const Wanted&) const override { return true; }
  std::pair<std::string, std::string> MissingAs() const override { return {"no-such-record", "the file names the id, and the index has no such record"}; }

 private:
  Status Odd(std::string_view why) const {
    return MakeError(Category::usage, fmt::format("the file of ids, before byte {}: {}", at_, why), "write one id a line, or JSON lines with id and namespace");
  }

  const std::shared_ptr<const Shared> shared_;
  std::ifstream file_;
  int64_t at_;
  const int64_t end_;
};

}  // namespace

Result<std::unique_ptr<IdStream>> FileOf(std::shared_ptr<const Shared> shared, int64_t begin, int64_t end, const Cursor& from) {
  if (!from.empty()) {
    ARROW_ASSIGN_OR_RAISE(begin, ParseInt(from));
  }
  const std::string file = shared->dataset.target.ids_file;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Unreadable(file);
  stream.seekg(begin);
  return std::make_unique<IdFile>(std::move(shared), std::move(stream), begin, end);
}

Result<std::vector<FilePiece>> PiecesOf(const std::string& file, int wanted) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Unreadable(file);
  stream.seekg(0, std::ios::end);
  const int64_t size = stream.tellg();
  stream.seekg(0);
  const int64_t step = std::max<int64_t>(1, size / std::max(1, wanted) + 1);
  std::vector<FilePiece> pieces;
  std::string line;
  FilePiece piece;
  while (std::getline(stream, line)) {
    piece.end += static_cast<int64_t>(line.size()) + 1;
    piece.lines += !line.empty() && line != "\r";
    if (piece.end - piece.begin < step) continue;
    pieces.push_back(piece);
    piece = {piece.end, piece.end, 0};
  }
  if (piece.end > piece.begin) pieces.push_back(piece);
  return pieces;
}

}  // namespace vecferry::pinecone
