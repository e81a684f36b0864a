#include "connectors/postgresql/sink.h"

namespace vecferry::postgresql {
namespace {

using OptKind = OptionSpec::Kind;

OptionSpec Option(std::string name, OptKind kind, std::string value_name, std::string help, std::string example = {}) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.value_name = std::move(value_name);
  spec.help = std::move(help);
  spec.example = std::move(example);
  return spec;
}

}  // namespace

void AddWriteOptions(std::vector<OptionSpec>* specs) {
  OptionSpec index = Option("index", OptKind::choice, "METHOD", "The vector index of a table that is made: built after the load, for the metric of the vectors.", "index=ivfflat");
  index.choices = {"hnsw", "ivfflat", "none"};
  index.default_value = "hnsw";
  specs->push_back(std::move(index));
  specs->push_back(Option("m", OptKind::integer, "N", "Edges of a node of an hnsw index; the source's where it has one, else 16.", "m=24"));
  specs->push_back(Option("ef-construction", OptKind::integer, "N", "Candidates while an hnsw index is built; the source's where it has one, else 64.", "ef-construction=128"));
  specs->push_back(Option("lists", OptKind::integer, "N", "Lists of an ivfflat index; a thousandth of the rows, above a million their square root.", "lists=200"));
  specs->push_back(Option("halfvec-index", OptKind::boolean, "", "Index vectors of more than 2000 dimensions in half precision; without it they get no index."));
  specs->push_back(Option("sparse-index", OptKind::boolean, "", "Index sparse vectors too; a record with more than 1000 entries is refused then."));
  specs->push_back(Option("metadata-index", OptKind::boolean, "", "A GIN index over the metadata of a table that is made."));
  specs->push_back(Option("maintenance-work-mem", OptKind::text, "SIZE", "maintenance_work_mem while indexes are built.", "maintenance-work-mem=2GB"));
  OptionSpec id_type = Option("id-type", OptKind::choice, "TYPE", "The type of the id column of a table that is made. auto: bigint, uuid, numeric(20,0) for unsigned 64-bit numbers, text.", "id-type=bigint");
  id_type.choices = {"auto", "text", "bigint", "uuid", "numeric"};
  id_type.default_value = "auto";
  specs->push_back(std::move(id_type));
  specs->push_back(Option("sparse-dims", OptKind::integer, "N", "The dimension of sparse vectors in a table that is made; indices beyond it are refused.", "sparse-dims=30522"));
  specs->push_back(Option("fields", OptKind::text, "FIELD:TYPE;...", "Metadata fields that get a column of their own in a table that is made.", "fields=year:integer;seen:timestamptz"));
}

}  // namespace vecferry::postgresql
