#pragma once
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "migration/search_scan.h"

namespace vecferry {

/// The distance of a record from the query at hand, smaller for nearer, as the side that is the reference has it; nothing where it is
/// not known.
using DistanceOf = std::function<std::optional<double>(uint64_t key)>;
/// The difference below which two of those distances are a tie.
using TieOf = std::function<double(double distance)>;

/// One side's answer to a query, nearest first. `distance` of a hit is its score, negated where higher is nearer.
using Answer = std::vector<Neighbour>;

/// How an answer agrees with the reference's on one query.
struct Agreement {
  double overlap = 1;                      ///< share of the reference's nearest n that the answer's nearest n have, ties exchanged
  std::vector<size_t> missing;             ///< of the reference's nearest n
  std::vector<size_t> unexpected;          ///< of the answer's nearest n
};

/// A record of the answer that is not among the reference's nearest n counts as found where it is as near as the reference's n-th: equal
/// distances may be told in any order. Where the reference's distances do not reach it and the reference's last is still of the n-th's
/// distance, it counts where its score is that distance, or ties with the score of one that is known to be as far.
Agreement Agree(const Answer& reference, const Answer& answer, size_t n, const DistanceOf& distance, const TieOf& tie);

/// Kendall's tau over the records that both have among their nearest n: 1 where all pairs stand in the same order, -1 where in the opposite
/// one. Pairs that tie on either side agree. 1 where there is no pair.
double RankAgreement(const Answer& reference, const Answer& answer, size_t n, const DistanceOf& distance, const TieOf& tie);

/// Whether the scores of an answer go from the nearest on.
bool InOrder(const Answer& answer);

}  // namespace vecferry
