#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "connectors/jsonl/shapes.h"
#include "connectors/jsonl/value_stream.h"
#include "files/line_reader.h"

namespace vecferry::jsonl {
namespace {

constexpr size_t kPadding = simdjson::SIMDJSON_PADDING;
/// Envelopes within each other.
constexpr size_t kMaxLevels = 16;

/// What only stands around points, and never in one.
bool IsEnvelope(std::string_view first_key) {
  for (const std::string_view key : {"result", "points", "status", "time", "usage", "next_page_offset"}) {
    if (first_key == key) return true;
  }
  return false;
}

/// Points wherever they are: alone, in lists, in the answers of a server, in lists of those.
class PointStream final : public ItemStream {
 public:
  PointStream(std::shared_ptr<files::Input> input, int64_t first, bool unfinished)
      : input_(std::move(input)), values_(*input_, 0, kPadding), first_(first), unfinished_(unfinished) {}

  Result<std::optional<Item>> Next() override {
    auto item = NextWhole();
    if (unfinished_ && !item.ok() && IsCategory(item.status(), Category::corrupt)) return std::optional<Item>();
    return item;
  }

 private:
  Result<std::optional<Item>> NextWhole() {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool at_value, Advance());
      if (!at_value) return std::optional<Item>();
      ARROW_ASSIGN_OR_RAISE(const bool entered, Enter());
      if (entered) continue;
      if (number_++ < first_) {
        ARROW_RETURN_NOT_OK(values_.Skip());
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const auto value, values_.Next());
      return Item{value.text, value.begin, number_ - 1, value.too_long};
    }
  }

  struct Level {
    bool object = false;
    bool begun = false;
  };

  /// To the next value that may be a point or hold some; false at the end of the file.
  Result<bool> Advance() {
    while (!levels_.empty()) {
      Level& level = levels_.back();
      ARROW_ASSIGN_OR_RAISE(const bool closed, values_.Take(level.object ? '}' : ']'));
      if (closed) {
        levels_.pop_back();
        continue;
      }
      if (std::exchange(level.begun, true)) {
        ARROW_ASSIGN_OR_RAISE(const bool comma, values_.Take(','));
        if (!comma) return Corrupt("a comma is expected");
      }
      if (!level.object) return true;
      ARROW_ASSIGN_OR_RAISE(const std::string key, values_.Key());
      ARROW_ASSIGN_OR_RAISE(const char next, values_.Peek());
      if ((key == "result" || key == "points") && (next == '{' || next == '[')) return true;
      ARROW_RETURN_NOT_OK(values_.Skip());
    }
    ARROW_ASSIGN_OR_RAISE(const char next, values_.Peek());
    return next != '\0';
  }

  Result<bool> Enter() {
    ARROW_ASSIGN_OR_RAISE(const char next, values_.Peek());
    if (next == '{') {
      ARROW_ASSIGN_OR_RAISE(const std::string key, values_.FirstKey());
      if (!IsEnvelope(key)) return false;
    } else if (next != '[') {
      return false;
    }
    if (levels_.size() >= kMaxLevels) return Corrupt("lists within lists");
    ARROW_RETURN_NOT_OK(values_.Take(next).status());
    levels_.push_back({next == '{', false});
    return true;
  }

  Status Corrupt(std::string_view what) const {
    return MakeError(Category::corrupt, fmt::format("{}: byte {}: {}", input_->name(), values_.offset(), what), "the file is not whole, or no JSON of this shape");
  }

  const std::shared_ptr<files::Input> input_;
  ValueStream values_;
  const int64_t first_;
  const bool unfinished_;
  int64_t number_ = 0;
  std::vector<Level> levels_;
};

class LineStream final : public ItemStream {
 public:
  LineStream(std::shared_ptr<files::Input> input, int64_t first)
      : input_(std::move(input)), lines_(*input_, 0, files::LineReader::kToTheEnd, kPadding, kMaxLine), first_(first) {}

  Result<std::optional<Item>> Next() override {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto line, lines_.Next());
      if (!line) return std::optional<Item>();
      if (!line->too_long && line->text.find_first_not_of(" \t\r") == line->text.npos) continue;
      if (number_++ >= first_) return Item{line->text, line->begin, number_ - 1, line->too_long};
    }
  }

 private:
  const std::shared_ptr<files::Input> input_;
  files::LineReader lines_;
  const int64_t first_;
  int64_t number_ = 0;
};

/// The elements of one array of the file, or of the arrays in it.
class ElementStream {
 public:
  ElementStream(std::shared_ptr<files::Input> input, int64_t offset, bool nested) : input_(std::move(input)), values_(*input_, offset, kPadding), nested_(nested) {}

  Result<bool> More() {
    if (!begun_) {
      begun_ = true;
      ARROW_ASSIGN_OR_RAISE(const bool open, values_.Take('['));
      if (!open) return Corrupt();
      if (nested_) return NextInner();
      ARROW_ASSIGN_OR_RAISE(const bool closed, values_.Take(']'));
      return !closed;
    }
    ARROW_ASSIGN_OR_RAISE(const bool comma, values_.Take(','));
    if (comma) return true;
    ARROW_ASSIGN_OR_RAISE(const bool closed, values_.Take(']'));
    if (!closed) return Corrupt();
    if (!nested_) return false;
    ARROW_ASSIGN_OR_RAISE(const bool another, values_.Take(','));
    return another ? NextInner() : Result<bool>(false);
  }
  ValueStream& values() { return values_; }

 private:
  /// Into the next list that is not empty.
  Result<bool> NextInner() {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool end, values_.Take(']'));
      if (end) return false;
      ARROW_ASSIGN_OR_RAISE(const bool open, values_.Take('['));
      if (!open) return Corrupt();
      ARROW_ASSIGN_OR_RAISE(const bool empty, values_.Take(']'));
      if (!empty) return true;
      ARROW_RETURN_NOT_OK(values_.Take(',').status());
    }
  }
  Status Corrupt() const {
    return MakeError(Category::corrupt, fmt::format("{}: byte {}: an array of {} is expected", input_->name(), values_.offset(), nested_ ? "arrays" : "values"), "the columns must all be of one form");
  }
  const std::shared_ptr<files::Input> input_;
  ValueStream values_;
  const bool nested_;
  bool begun_ = false;
};

/// A column of the file: where it is, and what it is called in a row.
struct ColumnAt {
  std::string name, field;
  int64_t offset = -1;
  int64_t count = 0;
};

/// Rows put together of the arrays of one object, each read where it stands.
class ColumnStream final : public ItemStream {
 public:
  static Result<std::unique_ptr<ItemStream>> Open(const OpenInputs& open, const Wishes& wishes, int64_t first) {
    auto stream = std::make_unique<ColumnStream>();
    const auto or_ = [](const std::string& name, const char* otherwise) { return name.empty() ? std::string(otherwise) : name; };
    stream->columns_ = {{or_(wishes.id, "ids"), "id"}, {or_(wishes.vectors.empty() ? "" : wishes.vectors[0], "embeddings"), "embedding"},
                        {or_(wishes.document, "documents"), "document"}, {or_(wishes.metadata, "metadatas"), "metadata"}};
    ARROW_RETURN_NOT_OK(stream->Find(open));
    for (const ColumnAt& column : stream->columns_) {
      ARROW_ASSIGN_OR_RAISE(auto input, open());
      stream->elements_.push_back(std::make_unique<ElementStream>(std::move(input), column.offset, stream->nested_));
    }
    for (int64_t i = 0; i < first; ++i) ARROW_RETURN_NOT_OK(stream->PassOver());
    stream->number_ = first;
    return stream;
  }

  Result<std::optional<Item>> Next() override {
    if (number_ >= columns_[0].count) return std::optional<Item>();
    row_.clear();
    bool too_long = false;
    for (size_t i = 0; i < columns_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(const bool more, elements_[i]->More());
      if (!more) return MakeError(Category::corrupt, fmt::format("'{}' has become shorter", columns_[i].name), "let nobody write to the file");
      ARROW_ASSIGN_OR_RAISE(const auto value, elements_[i]->values().Next());
      too_long |= value.too_long;
      row_ += row_.empty() ? '{' : ',';
      row_ += fmt::format("\"{}\":", columns_[i].field);
      row_ += value.too_long ? std::string_view("null") : value.text;
    }
    row_ += '}';
    const size_t size = row_.size();
    row_.append(kPadding, ' ');
    return Item{{row_.data(), size}, 0, number_++, too_long};
  }

 private:
  Status PassOver() {
    for (const auto& each : elements_) {
      ARROW_RETURN_NOT_OK(each->More().status());
      ARROW_RETURN_NOT_OK(each->values().Skip());
    }
    return Status::OK();
  }

  /// One pass over the file: where the arrays begin and how long they are.
  Status Find(const OpenInputs& open_input) {
    ARROW_ASSIGN_OR_RAISE(const auto input, open_input());
    ValueStream values(*input, 0, kPadding);
    ARROW_ASSIGN_OR_RAISE(const bool open, values.Take('{'));
    if (!open) return MakeError(Category::unsupported, fmt::format("{} is no object of columns", input->name()), "it begins as {\"ids\": [...], \"embeddings\": [...]}");
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool closed, values.Take('}'));
      if (closed) break;
      ARROW_ASSIGN_OR_RAISE(const std::string key, values.Key());
      ARROW_ASSIGN_OR_RAISE(const char next, values.Peek());
      const auto column = std::find_if(columns_.begin(), columns_.end(), [&](const ColumnAt& each) { return each.name == key; });
      if (column != columns_.end() && next == '[') column->offset = values.offset();
      ARROW_RETURN_NOT_OK(values.Skip());
      ARROW_RETURN_NOT_OK(values.Take(',').status());
    }
    if (columns_[0].offset < 0) return MakeError(Category::unsupported, fmt::format("{} has no array '{}'", input->name(), Printable(columns_[0].name, 100)), "name the array of the ids with id=");
    std::erase_if(columns_, [](const ColumnAt& column) { return column.offset < 0; });
    return Measure(open_input);
  }

  Status Measure(const OpenInputs& open_input) {
    for (ColumnAt& column : columns_) {
      ARROW_ASSIGN_OR_RAISE(auto input, open_input());
      if (column.field == "id") {
        ValueStream start(*input, column.offset, kPadding);
        ARROW_RETURN_NOT_OK(start.Take('[').status());
        ARROW_ASSIGN_OR_RAISE(const char inner, start.Peek());
        nested_ = inner == '[';
      }
      ElementStream elements(std::move(input), column.offset, nested_);
      while (true) {
        ARROW_ASSIGN_OR_RAISE(const bool more, elements.More());
        if (!more) break;
        ++column.count;
        ARROW_RETURN_NOT_OK(elements.values().Skip());
      }
    }
    const int64_t records = columns_[0].count;
    std::erase_if(columns_, [](const ColumnAt& column) { return column.count == 0 && column.field != "id"; });
    for (const ColumnAt& column : columns_) {
      if (column.count == records) continue;
      return MakeError(Category::corrupt, fmt::format("there are {} ids and {} {}", records, column.count, Printable(column.name, 100)), "nothing says which belongs to which");
    }
    return Status::OK();
  }

  std::vector<ColumnAt> columns_;
  std::vector<std::unique_ptr<ElementStream>> elements_;
  bool nested_ = false;
  int64_t number_ = 0;
  std::string row_;
};

}  // namespace

Result<std::unique_ptr<ItemStream>> OpenItems(const OpenInputs& open, const Wishes& wishes, int64_t first) {
  if (wishes.shape == Shape::columns) return ColumnStream::Open(open, wishes, first);
  ARROW_ASSIGN_OR_RAISE(auto input, open());
  if (wishes.shape == Shape::lines) return std::make_unique<LineStream>(std::move(input), first);
  return std::make_unique<PointStream>(std::move(input), first, wishes.unfinished);
}

}  // namespace vecferry::jsonl
