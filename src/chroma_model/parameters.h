#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "record/schema.h"

/// The parameters of a Chroma collection, as the server and the directory of every version tell them, all JSON.
/// Facts: chromadb 1.5.9's REST API, seen answering; directories that 0.4.24, 0.5.23 and 1.5.9 wrote.
namespace vecferry::chroma_model {

/// Settings that carry a collection's parameters from one store of the family to another.
inline constexpr const char* kConfigurationSetting = "chroma.configuration";  ///< `configuration` of POST collections
inline constexpr const char* kMetadataSetting = "chroma.metadata";            ///< the collection's own metadata, whole
inline constexpr const char* kSchemaSetting = "chroma.schema";                ///< where it says more than the configuration

/// What a store keeps about a collection; "" (or JSON's null) where it keeps none.
struct Kept {
  std::string configuration;  ///< `configuration_json` of the server, `config_json_str` of a directory
  std::string schema;         ///< `schema`, `schema_str`
  std::string metadata;       ///< of the collection: an object
};

/// The same, understood.
struct Parameters {
  Metric metric = Metric::l2;  ///< what the index goes by: l2 (Chroma's default), cosine or dot
  std::string configuration;   ///< {"hnsw": {"space", "ef_construction", ...}} or {"spann": {...}}, as POST collections takes it
  std::string metadata;        ///< "" where there is none
  std::string schema;          ///< "" where it says nothing beyond the configuration
  std::string function;        ///< name of the embedding function, "" if not told: "default", "openai"
  std::string model;           ///< its model, "" if not told
};

/// Where the metric stands, first found: the schema; the configuration of 1.x, unless it says no more than the default; the
/// metadata's `hnsw:space`; the configuration. One that is nowhere is l2. Category::unsupported for a space that is not known,
/// corrupt for text that is no JSON object.
Result<Parameters> ParametersOf(const Kept& kept);

/// As settings of DatasetInfo.
std::map<std::string, std::string> SettingsOf(const Parameters& parameters);

/// The one vector of its records. `dims` 0 where nothing was written yet: then there is none that could be described.
RecordSchema SchemaOf(const Parameters& parameters, int32_t dims);

/// How a collection is made.
struct Creation {
  std::string body;          ///< of POST collections, without get_or_create
  std::string put_metadata;  ///< to be set afterwards, "" where the body has it: a schema and `hnsw:space` in one body are refused
};
/// For records of that schema; what `settings` says beside its metric is taken over. Category::unsupported for a metric that Chroma lacks.
Result<Creation> CreationOf(std::string_view name, const RecordSchema& schema, const std::map<std::string, std::string>& settings);

/// The body of PUT collections/UUID that renames, or sets the metadata as a whole.
std::string RenameBody(std::string_view new_name);
std::string MetadataBody(std::string_view metadata);

/// "cosine", "ip", "l2"; nullptr for a metric that Chroma lacks.
const char* SpaceOf(Metric metric);
/// Category::usage for a name that the server would refuse: 3 to 512 of [a-zA-Z0-9._-], the ends letters or digits, no "..", no IPv4 address.
Status CheckCollectionName(std::string_view name);
/// OK where records of `wanted` can be written into a collection of `existing`; else Category::refused naming both.
Status CheckFits(const RecordSchema& existing, const RecordSchema& wanted);

}  // namespace vecferry::chroma_model
