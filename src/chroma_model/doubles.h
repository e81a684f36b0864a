#pragma once
#include <string_view>

namespace vecferry::chroma_model {

/// The double that Chroma's server makes of a decimal: its JSON reader (serde_json as it comes) takes the digits as an integer of 64 bits,
/// rounds that to a double and multiplies or divides it by a power of ten, which rounds once more. NaN for what has more digits than that.
double AsServerReads(std::string_view decimal);

/// Whether the server keeps a finite double as it is. It reads a value as it is sent and, out of its write-ahead log, once more, both times in its
/// shortest spelling: no other spelling helps. Kept are all of 15 digits or less between 1e-7 and 1e22,
/// and about four in five of the others.
bool IsKeptExactly(double value);

}  // namespace vecferry::chroma_model
