#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connector/fit.h"

namespace vecferry {

/// How a copy keeps a kind of data.
enum class Fidelity {
  exact,      ///< bit by bit, or mapped and mapped back
  tolerance,  ///< changed in a way that the sink declares; verification compares within it
  refused,    ///< the sink cannot hold it: the plan stops, or the records become rejects
};
std::string_view Name(Fidelity fidelity);

/// What becomes of one kind of data that is not carried exactly.
struct DataFate {
  std::string data;            ///< "sparse vectors", "nested_object in metadata"
  Fidelity fidelity = Fidelity::refused;
  std::string reason;          ///< of a tolerance: what is changed; else ""
};

/// What a copy from one kind of store into another keeps. Everything that is not named is exact.
struct PairFidelity {
  bool possible = false;           ///< the one can be read and the other written
  std::vector<DataFate> fates;
  bool Has(Fidelity fidelity) const;
  /// Of what is carried: exact or tolerance.
  Fidelity carried() const { return Has(Fidelity::tolerance) ? Fidelity::tolerance : Fidelity::exact; }
  /// "exact; refused: sparse vectors; tolerance: cosine vectors (normalised)", "not possible".
  std::string Summary() const;
};

/// Pure. `data` says what may have to be carried: the capabilities of a source, or DataOf a dataset.
PairFidelity FidelityOf(const Capabilities& data, const Capabilities& sink);

/// What a dataset of that schema holds, as far as the schema tells: no metadata, no missing vectors, no NaN in them, no U+0000.
Capabilities DataOf(const RecordSchema& schema);
/// Adds what only the records tell: missing vectors, NaN and infinities in them, U+0000 and the features of the metadata.
Status AddDataOf(const RecordView& records, Capabilities* data);

}  // namespace vecferry
