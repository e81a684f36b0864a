#include "migration/verifier.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "migration/open.h"
#include "migration/search_verify.h"
#include "record/distance.h"

namespace vecferry {
namespace {

class Verifier {
 public:
  Verifier(const Engine& engine, const VerifyRequest& request) : engine_(engine), request_(request) {}

  Result<VerifyOutcome> Run() {
    const auto began = engine_.clock.Now();
    ARROW_ASSIGN_OR_RAISE(compare_, CompareOptionsOf(request_.options, request_.layout));
    compare_.vector_change = request_.vector_change;
    compare_.least_cosine = request_.least_cosine;
    compare_.scope.as_stored = request_.vector_change == VectorChange::cosine_normalised && request_.predictable;
    report().level = request_.options.level;
    if (request_.options.level == VerifyLevel::count) {
      ARROW_RETURN_NOT_OK(CountOnly());
    } else if (request_.options.level != VerifyLevel::none) {
      ARROW_RETURN_NOT_OK(ReadBoth());
      Summarise();
      ARROW_RETURN_NOT_OK(Explain());
      Checks();
      outcome_.source_digest = std::move(source_.digest);
      outcome_.source_rejects = std::move(source_.first_rejects);
    }
    if (request_.options.search) ARROW_RETURN_NOT_OK(Search());
    report().ok = std::all_of(report().checks.begin(), report().checks.end(), [](const Check& check) { return check.ok; });
    report().seconds = std::chrono::duration<double>(engine_.clock.Now() - began).count();
    return std::move(outcome_);
  }

 private:
  VerifyReport& report() { return outcome_.report; }

  void Add(std::string name, bool ok, std::string detail) { report().checks.push_back({std::move(name), ok, std::move(detail)}); }

  Status Search() {
    ARROW_ASSIGN_OR_RAISE(report().search, SearchSides(engine_, request_));
    for (const auto& column : report().search->columns) {
      std::string why;
      for (const auto& finding : column.findings) {
        if (finding.failure) why += "; " + finding.message;
      }
      Add("search " + column.column, column.ok,
          fmt::format("overlap {:.4f} of the nearest {}, {:.4f} of {}, order {:.4f}, {} queries{}", column.top_overlap, report().search->top, column.overlap, report().search->k,
                      column.rank_agreement, FormatCount(column.queries), why));
    }
    return Status::OK();
  }

  Result<int64_t> CountOf(Source& source) {
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo info, source.Describe());
    if (info.count_exact && info.count >= 0) return info.count;
    ARROW_ASSIGN_OR_RAISE(const ScanResult scan, Scan(engine_, source, {}, "verify: count", -1));
    return scan.records + scan.rejects;
  }

  Status CountOnly() {
    if (request_.source_digest) {
      report().source_count = request_.source_digest->count();
    } else {
      ARROW_ASSIGN_OR_RAISE(report().source_count, CountOf(*request_.source));
    }
    ARROW_ASSIGN_OR_RAISE(report().target_count, CountOf(*request_.target));
    CheckCount();
    return Status::OK();
  }

  void CheckCount() {
    const int64_t source = report().source_count, target = report().target_count;
    const bool ok = request_.shared_target ? target >= source : source == target;
    Add("count", ok, fmt::format("source {}, target {}", FormatCount(source), FormatCount(target)));
  }

  /// The digest that the copy journalled and that the target's is compared with, if it did.
  const Digest* Journalled() const { return compare_.scope.as_stored && !KeysOnly() ? request_.stored_digest : request_.source_digest; }
  bool UseJournal() const { return Journalled() && compare_.scope.plain(); }

  ScanOptions OptionsFor(bool target) const {
    ScanOptions options;
    options.scope = compare_.scope;
    options.exact_values = target;
    options.gather_keys = target || !UseJournal();
    options.jobs = request_.jobs;
    if (!UseJournal() && request_.options.sample_size > 0) {
      const double share = request_.source_total > 0 ? static_cast<double>(request_.options.sample_size) / static_cast<double>(request_.source_total) : 1;
      options.sample_below = share >= 1 ? UINT64_MAX : static_cast<uint64_t>(std::ldexp(share, 64));
    }
    return options;
  }

  Status ReadBoth() {
    if (UseJournal()) {
      source_.digest = *Journalled();
      source_.records = source_.digest.count();
      return ReadOne(*request_.target, true, &target_);
    }
    Status source_status;
    std::thread source([&] { source_status = ReadOne(*request_.source, false, &source_); });
    const Status target_status = ReadOne(*request_.target, true, &target_);
    source.join();
    ARROW_RETURN_NOT_OK(source_status);
    return target_status;
  }

  Status ReadOne(Source& source, bool target, ScanResult* result) {
    auto scan = Scan(engine_, source, OptionsFor(target), target ? "verify: target" : "verify: source", request_.source_total);
    if (!scan.ok()) return At(scan.status(), target ? Side::sink : Side::source, "", "");
    *result = std::move(*scan);
    return Status::OK();
  }

  void Summarise() {
    report().source_count = source_.records;
    report().target_count = target_.records;
    report().source_rejects = source_.rejects;
    report().target_rejects = target_.rejects;
    report().source_duplicates = UseJournal() ? 0 : source_.duplicates;
    report().target_duplicates = target_.duplicates;
    report().source_digest = source_.digest.Fingerprint();
    report().target_digest = target_.digest.Fingerprint();
    SampleCosines();
  }

  void SampleCosines() {
    double sum = 0;
    for (const auto& [key, a] : source_.sample) {
      const auto b = target_.sample.find(key);
      if (b == target_.sample.end() || b->second.size() != a.size()) continue;
      const double cosine = Cosine(source_.sample_spec.element, source_.sample_spec.dims, a, b->second);
      if (std::isnan(cosine)) continue;  // of a vector that holds NaN; equality is checked for all
      sum += cosine;
      report().least_cosine = std::min(report().least_cosine, cosine);
      ++report().sampled;
    }
    if (report().sampled > 0) report().mean_cosine = sum / static_cast<double>(report().sampled);
  }

  bool KeysOnly() const { return request_.options.level == VerifyLevel::ids; }

  std::set<int> DifferingBuckets() const {
    std::set<int> buckets;
    for (int i = 0; i < Digest::kBuckets; ++i) {
      const RecordHash &a = source_.digest.bucket(i), &b = target_.digest.bucket(i);
      if (KeysOnly() ? a.key != b.key : a != b) buckets.insert(i);
    }
    return buckets;
  }

  /// Where the digests differ, or the target has records that cannot be read: which records, and how.
  Status Explain() {
    DifferRequest request;
    request.buckets = DifferingBuckets();
    if (request.buckets.empty() && target_.rejects == 0) return Status::OK();
    request.source = request_.source;
    request.target = request_.target;
    request.records = std::max(source_.records, target_.records);
    request.compare = compare_;
    request.list_at_most = request_.options.list_at_most;
    request.shared_target = request_.shared_target;
    request.keys_only = KeysOnly();
    request.unique_ids = request_.unique_ids;
    request.unreadable = target_.rejects > 0;
    request.written = request_.written;
    request.gather = request_.gather;
    request.fresh = request_.fresh;
    request.rejected = &request_.rejected;
    request.only_written = request_.limit >= 0;
    ARROW_ASSIGN_OR_RAISE(DifferResult found, FindDifferences(engine_, request));
    report().counts = std::move(found.counts);
    report().differences = std::move(found.listed);
    outcome_.repair = std::move(found.keys);
    outcome_.extra = std::move(found.extra);
    outcome_.records = std::move(found.records);
    outcome_.held = std::move(found.held);
    within_tolerance_ = found.within_tolerance;
    return Status::OK();
  }

  int64_t Of(DifferenceClass kind) {
    const auto at = report().counts.find(kind);
    return at == report().counts.end() ? 0 : at->second;
  }

  void Checks() {
    const int64_t lost = Of(DifferenceClass::lost), extra = Of(DifferenceClass::extra);
    const int64_t wrong = Of(DifferenceClass::corrupt) + Of(DifferenceClass::changed_at_target);
    const int64_t excused = Of(DifferenceClass::changed_at_source) + Of(DifferenceClass::unrelated);
    const std::string counts = fmt::format("source {}, target {}", FormatCount(report().source_count), FormatCount(report().target_count));
    // Rejects are in the source and need not be in the target; where the journal speaks for the source they are left out already.
    const auto rejected = UseJournal() ? 0 : static_cast<int64_t>(request_.rejected.size());
    const int64_t asked = request_.limit >= 0 ? std::min(request_.limit, report().source_count) : report().source_count;
    const bool equal = asked == report().target_count || asked - rejected == report().target_count;
    Add("count", equal || excused > 0, counts);
    Add("ids", lost == 0 && extra == 0, fmt::format("{} missing, {} extra", FormatCount(lost), FormatCount(extra)));
    if (report().source_duplicates >= 0 && report().target_duplicates >= 0) {
      Add("duplicates", report().target_duplicates == 0 || report().target_duplicates == report().source_duplicates,
          fmt::format("source {}, target {}", FormatCount(report().source_duplicates), FormatCount(report().target_duplicates)));
    }
    if (KeysOnly()) return;
    std::string content = fmt::format("{} differ", FormatCount(wrong));
    if (within_tolerance_ > 0) content += fmt::format(", {} within the tolerance", FormatCount(within_tolerance_));
    if (lost == 0 && wrong == 0 && excused == 0 && within_tolerance_ == 0 && extra == 0) {
      content = compare_.scope.as_stored ? "digests are equal (vectors by direction)" : "digests are equal";
    }
    Add("content", wrong == 0, content);
    if (report().sampled > 0 && compare_.scope.vectors) {
      const bool declared = compare_.vector_change == VectorChange::reduced_precision;
      const double least = compare_.min_cosine > 0 ? compare_.min_cosine : declared ? compare_.least_cosine : 0.99;
      Add("vectors", report().least_cosine >= least || wrong == 0,
          fmt::format("mean cosine {:.6f}, least {:.6f}, of {}", report().mean_cosine, report().least_cosine, FormatCount(report().sampled)));
    }
  }

  const Engine& engine_;
  const VerifyRequest& request_;
  CompareOptions compare_;
  ScanResult source_, target_;
  VerifyOutcome outcome_;
  int64_t within_tolerance_ = 0;
};

}  // namespace

Result<VerifyOutcome> VerifySides(const Engine& engine, const VerifyRequest& request) { return Verifier(engine, request).Run(); }

std::string_view Name(VerifyLevel level) {
  switch (level) {
    case VerifyLevel::none: return "none";
    case VerifyLevel::count: return "count";
    case VerifyLevel::ids: return "ids";
    case VerifyLevel::content: return "content";
  }
  return "?";
}

Result<VerifyLevel> ParseVerifyLevel(std::string_view name) {
  for (const VerifyLevel level : {VerifyLevel::none, VerifyLevel::count, VerifyLevel::ids, VerifyLevel::content}) {
    if (Name(level) == name) return level;
  }
  return MakeError(Category::usage, fmt::format("'{}' is no level of verification", Printable(name, 50)), "use none, count, ids or content");
}

std::string_view Name(DifferenceClass kind) {
  switch (kind) {
    case DifferenceClass::lost: return "lost";
    case DifferenceClass::corrupt: return "corrupt";
    case DifferenceClass::changed_at_target: return "changed-at-target";
    case DifferenceClass::changed_at_source: return "changed-at-source";
    case DifferenceClass::unrelated: return "unrelated";
    case DifferenceClass::extra: return "extra";
  }
  return "?";
}

}  // namespace vecferry
