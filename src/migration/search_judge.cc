#include "migration/search_judge.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace vecferry {
namespace {

/// What single precision leaves of two scores that are the same.
bool SameScore(double a, double b) { return std::fabs(a - b) <= 2e-6 + 1e-5 * std::max(std::fabs(a), std::fabs(b)); }

}  // namespace

Agreement Agree(const Answer& reference, const Answer& answer, size_t n, const DistanceOf& distance, const TieOf& tie) {
  Agreement agreement;
  const size_t want = std::min(n, reference.size()), have = std::min(n, answer.size());
  if (want == 0) {
    agreement.overlap = have == 0 ? 1 : 0;
    for (size_t i = 0; i < have; ++i) agreement.unexpected.push_back(i);
    return agreement;
  }
  std::unordered_map<uint64_t, size_t> expected;
  for (size_t i = 0; i < want; ++i) expected.emplace(reference[i].key, i);
  const auto known = [&](const Neighbour& near) { return distance(near.key).value_or(near.distance); };
  const double last = known(reference[want - 1]), margin = tie(last);
  // Whether the reference was asked far enough to leave the distance of its n-th behind.
  const bool open = known(reference.back()) <= last + margin;
  std::vector<double> tied_scores;
  std::unordered_set<uint64_t> met;
  std::vector<size_t> doubtful;
  size_t found = 0;
  for (size_t i = 0; i < have; ++i) {
    const auto d = distance(answer[i].key);
    const bool among = expected.contains(answer[i].key);
    if (!met.insert(answer[i].key).second) agreement.unexpected.push_back(i);
    else if (among || (d && *d <= last + margin)) {
      ++found;
      if (d && *d >= last - margin) tied_scores.push_back(answer[i].distance);
    } else if (!d && open) doubtful.push_back(i);
    else agreement.unexpected.push_back(i);
  }
  for (const size_t i : doubtful) {
    const bool same = SameScore(answer[i].distance, last) || std::any_of(tied_scores.begin(), tied_scores.end(), [&](double score) { return SameScore(score, answer[i].distance); });
    if (same) ++found;
    else agreement.unexpected.push_back(i);
  }
  agreement.overlap = static_cast<double>(std::min(found, want)) / static_cast<double>(want);
  for (size_t i = 0; i < want && found < want; ++i) {
    if (!met.contains(reference[i].key)) agreement.missing.push_back(i);
  }
  return agreement;
}

double RankAgreement(const Answer& reference, const Answer& answer, size_t n, const DistanceOf& distance, const TieOf& tie) {
  std::unordered_map<uint64_t, double> of_reference;
  for (size_t i = 0; i < std::min(n, reference.size()); ++i) of_reference.emplace(reference[i].key, distance(reference[i].key).value_or(reference[i].distance));
  std::vector<std::pair<double, double>> both;  // in the answer's order: the reference's distance, the answer's
  for (size_t i = 0; i < std::min(n, answer.size()); ++i) {
    const auto at = of_reference.find(answer[i].key);
    if (at != of_reference.end()) both.emplace_back(at->second, answer[i].distance);
  }
  int64_t agree = 0, oppose = 0;
  for (size_t i = 0; i < both.size(); ++i) {
    for (size_t j = i + 1; j < both.size(); ++j) {
      const bool tied = both[j].first >= both[i].first - tie(both[i].first) || SameScore(both[i].second, both[j].second);
      (tied ? agree : oppose)++;
    }
  }
  return agree + oppose == 0 ? 1 : static_cast<double>(agree - oppose) / static_cast<double>(agree + oppose);
}

bool InOrder(const Answer& answer) {
  for (size_t i = 1; i < answer.size(); ++i) {
    if (answer[i].distance < answer[i - 1].distance && !SameScore(answer[i].distance, answer[i - 1].distance)) return false;
  }
  return true;
}

}  // namespace vecferry
