#pragma once
#include "sidecar/sidecar.h"

namespace vecferry::sidecar {

/// What the entries of a foreign side-car have in common: gathers Facts, entry by entry.
class Census {
 public:
  void Add(const Entry& entry);
  void Count() { ++count_; }
  void Fill(Facts* facts) const;

 private:
  int64_t count_ = 0, ids_ = 0, documents_ = 0, tenants_ = 0, naturals_ = 0, integers_ = 0, uuids_ = 0;
};

}  // namespace vecferry::sidecar
