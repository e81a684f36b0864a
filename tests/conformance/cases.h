#pragma once
#include <functional>
#include <string>
#include <vector>

#include "conformance/fixture.h"
#include "connector/fit.h"

namespace vecferry::conformance {

/// One dataset of the round trip's table: what goes in must come back, or be refused.
struct Case {
  std::string name;
  RecordSchema schema;
  std::function<RecordView()> records;  ///< made when they are needed: some are large
};

/// The schema of plain records: one dense vector of four dimensions that the store holds as it is.
RecordSchema PlainSchema(const Fixture& fixture, const Capabilities& can);
/// `count` plain records from the `first`-th id on, with vectors and metadata of their own,
/// the metadata another for each version.
RecordView PlainRecords(const Fixture& fixture, const RecordSchema& schema, int first, int count, int version = 0);
/// Every type of the record, each in a dataset of its own.
std::vector<Case> AllCases(const Fixture& fixture, const Capabilities& can);
Case FindCase(const Fixture& fixture, const Capabilities& can, const std::string& name);

}  // namespace vecferry::conformance
