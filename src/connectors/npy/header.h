#pragma once
#include <string>
#include <string_view>

#include "sidecar/vectors.h"

namespace vecferry::npy {

/// What the header of a .npy file says (versions 1 to 3): a two-dimensional array, rows one after the other.
struct Header {
  sidecar::Stored stored = sidecar::Stored::f32;  ///< <f8, <f4, <f2, |u1, |i1
  int64_t rows = 0, columns = 0;
  int64_t data_at = 0;  ///< where the first row stands
};

/// A header is no longer than this.
inline constexpr size_t kMaxHeader = 64 << 10;

/// Of the first bytes of a file, as many as there are up to kMaxHeader. Only what numpy itself writes is taken: a Python dict
/// of descr, fortran_order and shape. Category::unsupported for other types, Fortran order and other numbers of dimensions;
/// corrupt for what is no header.
Result<Header> ParseHeader(std::string_view start);

/// A header of version 1 of always the same size, kHeadSize, so that the number of rows can be told later.
inline constexpr int64_t kHeadSize = 128;
std::string MakeHeader(sidecar::Stored stored, int64_t rows, int64_t columns);

inline constexpr std::string_view kMagic{"\x93NUMPY", 6};

}  // namespace vecferry::npy
