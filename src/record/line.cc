#include "record/line.h"

#include <fmt/format.h>

#include "record/json.h"

namespace vecferry {
namespace {

constexpr size_t kMaxRejectText = 64 << 10;

}  // namespace

std::string RecordLine(const RecordView& view, int64_t row) {
  std::string line = "{\"id\":";
  AppendJsonString(view.id(row), &line);
  const auto text = [&](std::string_view name, std::optional<std::string_view> value) {
    if (!value) return;
    line += fmt::format(",\"{}\":", name);
    AppendJsonString(value->substr(0, kMaxRejectText), &line);
  };
  text("tenant", view.tenant(row));
  text("document", view.document(row));
  if (const auto metadata = view.metadata(row); metadata && metadata->size() <= kMaxRejectText) line += fmt::format(",\"metadata\":{}", *metadata);
  return line + "}";
}

}  // namespace vecferry
