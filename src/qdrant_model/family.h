#pragma once
#include <string>

#include "connector/capabilities.h"
#include "record/json.h"
#include "record/schema.h"

/// What every store of Qdrant's family has in common, whoever keeps the points.
namespace vecferry::qdrant_model {

/// What a collection can hold. Values of metadata beyond JSON, and how it is written, are for each kind to say.
Capabilities FamilyCapabilities();

/// The payload of the point that mcp-memory-service keeps about its collection, as one object. `model` may be "".
Status VisitBookkeeping(const RecordSchema& schema, const std::string& model, JsonVisitor& out);
/// The dense vector that this point fills with zeros; nullptr where there is none.
const VectorSpec* FirstDense(const RecordSchema& schema);

}  // namespace vecferry::qdrant_model
