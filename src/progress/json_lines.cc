#include "progress/json_lines.h"

#include <ostream>

#include <nlohmann/json.hpp>

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

void PutProgress(const Progress& progress, Json* json) {
  (*json)["phase"] = progress.phase;
  (*json)["unit"] = progress.unit;
  (*json)["done"] = progress.done;
  (*json)["total"] = progress.total < 0 ? Json(nullptr) : Json(progress.total);
  (*json)["seconds"] = progress.seconds;
  (*json)["rate"] = progress.seconds > 0 ? static_cast<double>(progress.session) / progress.seconds : 0.0;
  const std::pair<const char*, int64_t> counts[] = {
      {"bytes", progress.bytes},       {"written", progress.written}, {"skipped", progress.skipped},
      {"rejected", progress.rejected}, {"retried", progress.retried}, {"batches", progress.batches},
      {"in_flight", progress.in_flight}};
  for (const auto& [name, count] : counts) (*json)[name] = count;
}

}  // namespace

std::string EventToJson(const Event& event, double wall_seconds) {
  Json json;
  json["message_type"] = Name(event.kind);
  json["time"] = FormatUtc(wall_seconds, true);
  if (!event.text.empty()) json["text"] = event.text;
  if (!event.progress.phase.empty()) PutProgress(event.progress, &json);
  if (!event.fields.empty()) {
    Json fields = Json::object();
    for (const auto& [name, value] : event.fields) fields[name] = value;
    json["fields"] = std::move(fields);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

JsonLinesListener::JsonLinesListener(std::ostream& out, double every_seconds, const Clock& clock)
    : out_(out), every_seconds_(every_seconds), clock_(clock) {}

void JsonLinesListener::On(const Event& event) {
  if (event.kind == Event::Kind::request) return;
  if (event.kind == Event::Kind::progress) {
    const auto now = clock_.Now();
    const bool due = std::chrono::duration<double>(now - told_at_).count() >= every_seconds_;
    if (event.progress.phase == phase_ && !due) return;
    phase_ = event.progress.phase;
    told_at_ = now;
  }
  out_ << EventToJson(event, clock_.WallSeconds()) << '\n' << std::flush;
}

}  // namespace vecferry
