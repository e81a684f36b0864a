#include "connectors/postgresql/sink.h"
#include "options/make_option.h"

namespace vecferry::postgresql {

void AddWriteOptions(std::vector<OptionSpec>* specs) {
  specs->push_back(MakeOption::Choice("index", {"hnsw", "ivfflat", "none"}, "The vector index of a table that is made: built after the load, for the metric of the vectors.")
                       .ValueName("METHOD")
                       .Example("index=ivfflat"));
  specs->push_back(MakeOption::Integer("m", "Edges of a node of an hnsw index; the source's where it has one, else 16.").Example("m=24"));
  specs->push_back(MakeOption::Integer("ef-construction", "Candidates while an hnsw index is built; the source's where it has one, else 64.").Example("ef-construction=128"));
  specs->push_back(MakeOption::Integer("lists", "Lists of an ivfflat index; a thousandth of the rows, above a million their square root.").Example("lists=200"));
  specs->push_back(MakeOption::Flag("halfvec-index", "Index vectors of more than 2000 dimensions in half precision; without it they get no index."));
  specs->push_back(MakeOption::Flag("sparse-index", "Index sparse vectors too; a record with more than 1000 entries is refused then."));
  specs->push_back(MakeOption::Flag("metadata-index", "A GIN index over the metadata of a table that is made."));
  specs->push_back(MakeOption::Text("maintenance-work-mem", "SIZE", "maintenance_work_mem while indexes are built.").Example("maintenance-work-mem=2GB"));
  specs->push_back(MakeOption::Choice("id-type", {"auto", "text", "bigint", "uuid", "numeric"},
                                      "The type of the id column of a table that is made. auto: bigint, uuid, numeric(20,0) for unsigned 64-bit numbers, text.")
                       .ValueName("TYPE")
                       .Example("id-type=bigint"));
  specs->push_back(MakeOption::Integer("sparse-dims", "The dimension of sparse vectors in a table that is made; indices beyond it are refused.").Example("sparse-dims=30522"));
  specs->push_back(MakeOption::Text("fields", "FIELD:TYPE;...", "Metadata fields that get a column of their own in a table that is made.").Example("fields=year:integer;seen:timestamptz"));
}

}  // namespace vecferry::postgresql
