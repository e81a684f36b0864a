#pragma once
#include <string>

#include "connectors/weaviate/class_schema.h"
#include "connectors/weaviate/property_reader.h"

namespace vecferry::weaviate {
namespace pb {
class BatchObject;
class SearchResult;
}  // namespace pb

/// An object as it was read, to be written again as it is, but for its class and tenant.
void ImageOf(const pb::SearchResult& object, const ClassSchema& schema, const References& references, pb::BatchObject* out);

}  // namespace vecferry::weaviate
