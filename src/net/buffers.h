#pragma once
#include <cstddef>
#include <string>

namespace vecferry {

/// Buffers of requests and answers, used again: fresh memory of that size costs more, in page faults, than what is copied into it.
/// A few are kept, and none that is very large. Thread-safe.
std::string TakeBuffer(size_t bytes);
void GiveBuffer(std::string buffer);

}  // namespace vecferry
