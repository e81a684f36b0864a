#include "connectors/builtin.h"

#include "connectors/chroma/chroma.h"
#include "connectors/chroma_local/chroma_local.h"
#include "connectors/csv/csv.h"
#include "connectors/faiss/faiss.h"
#include "connectors/jsonl/jsonl.h"
#include "connectors/mcp_memory/mcp_memory.h"
#include "connectors/memory/memory.h"
#include "connectors/milvus/milvus.h"
#include "connectors/npy/npy.h"
#include "connectors/parquet/parquet.h"
#include "connectors/pinecone/pinecone.h"
#include "connectors/postgresql/postgresql.h"
#include "connectors/qdrant/qdrant.h"
#include "connectors/qdrant_local/qdrant_local.h"
#include "connectors/sqlite_vec/sqlite_vec.h"
#include "connectors/vdf/vdf.h"
#include "connectors/weaviate/weaviate.h"
#include "layouts/layouts.h"

namespace vecferry {

void RegisterBuiltin(Registry& registry) {
  RegisterLayouts(registry);
  registry.Add(MakeChromaConnector());
  registry.Add(MakeFaissConnector());
  registry.Add(jsonl::MakeJsonlConnector());
  registry.Add(MakeCsvConnector());
  registry.Add(MakeChromaLocalConnector());
  registry.Add(MakeMcpMemoryConnector());
  registry.Add(memory::MakeMemoryConnector());
  registry.Add(MakeMilvusConnector());
  registry.Add(MakeNpyConnector());
  registry.Add(vdf::MakeVdfConnector());  // before parquet: a folder of that kind holds Parquet files
  registry.Add(parquet_store::MakeParquetConnector());
  registry.Add(MakePineconeConnector());
  registry.Add(MakePostgresqlConnector());
  registry.Add(MakeQdrantConnector());
  registry.Add(MakeQdrantLocalConnector());
  registry.Add(MakeSqliteVecConnector());
  registry.Add(MakeWeaviateConnector());
}

}  // namespace vecferry
