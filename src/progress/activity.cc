#include "progress/activity.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLeastSeconds = 1e-3;
constexpr int kClassesOfTen = 10;

double UpperBound(size_t i) { return kLeastSeconds * std::pow(10.0, static_cast<double>(i) / kClassesOfTen); }

Json ToObject(const ActivityBucket& b) {
  return {b.records, b.bytes, b.checked, b.rejects, b.retries, b.reads, b.writes, b.read_seconds, b.write_seconds, b.slowest_read, b.slowest_write, b.in_flight};
}

ActivityBucket BucketOf(const Json& j) {
  ActivityBucket b;
  int64_t* const whole[] = {&b.records, &b.bytes, &b.checked, &b.rejects, &b.retries, &b.reads, &b.writes};
  for (size_t i = 0; i < 7; ++i) *whole[i] = j.at(i).get<int64_t>();
  double* const real[] = {&b.read_seconds, &b.write_seconds, &b.slowest_read, &b.slowest_write};
  for (size_t i = 0; i < 4; ++i) *real[i] = j.at(7 + i).get<double>();
  b.in_flight = j.at(11).get<int64_t>();
  return b;
}

}  // namespace

void LatencyHistogram::Add(double seconds) {
  const double place = seconds > kLeastSeconds ? std::ceil(std::log10(seconds / kLeastSeconds) * kClassesOfTen - 1e-9) : 0;
  ++classes_[static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(kClasses - 1)))];
  ++count_;
  sum_ += seconds;
  slowest_ = std::max(slowest_, seconds);
}

void LatencyHistogram::Add(const LatencyHistogram& other) {
  for (size_t i = 0; i < kClasses; ++i) classes_[i] += other.classes_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  slowest_ = std::max(slowest_, other.slowest_);
}

double LatencyHistogram::Quantile(double q) const {
  const auto wanted = static_cast<int64_t>(std::ceil(q * static_cast<double>(count_)));
  int64_t seen = 0;
  for (size_t i = 0; i < kClasses; ++i) {
    seen += classes_[i];
    if (seen >= wanted && seen > 0) return i + 1 == kClasses ? slowest_ : std::min(UpperBound(i), slowest_);
  }
  return 0;
}

std::string LatencyHistogram::ToJson() const {
  Json json = {{"sum", sum_}, {"slowest", slowest_}, {"classes", Json::array()}};
  for (size_t i = 0; i < kClasses; ++i) {
    if (classes_[i] > 0) json["classes"].push_back({i, classes_[i]});
  }
  return json.dump();
}

bool LatencyHistogram::FromJson(std::string_view text) {
  *this = {};
  try {
    const Json json = Json::parse(text);
    for (const auto& entry : json.at("classes")) {
      const auto i = entry.at(0).get<size_t>();
      if (i >= kClasses) return false;
      count_ += classes_[i] = entry.at(1).get<int64_t>();
    }
    sum_ = json.at("sum").get<double>();
    slowest_ = json.at("slowest").get<double>();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

void ActivityBucket::Add(const ActivityBucket& o) {
  records += o.records, bytes += o.bytes, checked += o.checked, rejects += o.rejects, retries += o.retries, reads += o.reads, writes += o.writes;
  read_seconds += o.read_seconds, write_seconds += o.write_seconds;
  slowest_read = std::max(slowest_read, o.slowest_read);
  slowest_write = std::max(slowest_write, o.slowest_write);
  in_flight = std::max(in_flight, o.in_flight);
}

ActivityBucket& Activity::At(double second) {
  second = std::max(second, 0.0);
  while (second >= width * static_cast<double>(kMostBuckets)) {
    for (size_t i = 0; i < buckets.size(); i += 2) {
      ActivityBucket joined = buckets[i];
      if (i + 1 < buckets.size()) joined.Add(buckets[i + 1]);
      buckets[i / 2] = joined;
    }
    buckets.resize((buckets.size() + 1) / 2);
    width *= 2;
  }
  const auto place = static_cast<size_t>(second / width);
  if (place >= buckets.size()) buckets.resize(place + 1);
  return buckets[place];
}

std::string Activity::ToJson() const {
  Json json = {{"version", version}, {"started", started}, {"seconds", seconds}, {"width", width}, {"errors", errors}, {"rejects", rejects},
               {"warnings", warnings}, {"more_warnings", more_warnings}, {"retries", retries}, {"records", records}, {"bytes", bytes},
               {"peak_memory", peak_memory}, {"outcome", outcome}};
  json["reads"] = Json::parse(reads.ToJson());
  json["writes"] = Json::parse(writes.ToJson());
  json["phases"] = Json::array();
  for (const auto& phase : phases) json["phases"].push_back({phase.name, phase.begin, phase.end, phase.finished});
  json["buckets"] = Json::array();
  for (const auto& bucket : buckets) json["buckets"].push_back(ToObject(bucket));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Activity> Activity::FromJson(std::string_view text) {
  const auto bad = [] { return MakeError(Category::corrupt, "the journal's record of what a process did cannot be read"); };
  Activity a;
  try {
    const Json json = Json::parse(text);
    a.version = json.at("version").get<std::string>();
    a.started = json.at("started").get<double>();
    a.seconds = json.at("seconds").get<double>();
    a.width = json.at("width").get<double>();
    a.errors = json.at("errors").get<std::map<std::string, int64_t>>();
    a.rejects = json.at("rejects").get<std::map<std::string, int64_t>>();
    a.warnings = json.at("warnings").get<std::vector<std::string>>();
    a.more_warnings = json.at("more_warnings").get<int64_t>();
    a.retries = json.at("retries").get<int64_t>();
    a.records = json.at("records").get<int64_t>();
    a.bytes = json.at("bytes").get<int64_t>();
    a.peak_memory = json.at("peak_memory").get<uint64_t>();
    a.outcome = json.at("outcome").get<std::string>();
    if (!a.reads.FromJson(json.at("reads").dump()) || !a.writes.FromJson(json.at("writes").dump())) return bad();
    for (const auto& p : json.at("phases")) a.phases.push_back({p.at(0).get<std::string>(), p.at(1).get<double>(), p.at(2).get<double>(), p.at(3).get<bool>()});
    if (json.at("buckets").size() > kMostBuckets || !(a.width > 0)) return bad();
    for (const auto& b : json.at("buckets")) a.buckets.push_back(BucketOf(b));
  } catch (const nlohmann::json::exception&) {
    return bad();
  }
  return a;
}

}  // namespace vecferry
