#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// milvus://HOST[:PORT]#COLLECTION: a Milvus server, Zilliz Cloud or Milvus Lite, over gRPC.
std::unique_ptr<Connector> MakeMilvusConnector();

}  // namespace vecferry
