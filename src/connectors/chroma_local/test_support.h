#pragma once
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "connectors/chroma_local/hnsw.h"
#include "sqlite/db.h"

/// A segment and a database as Chroma leaves them, made by hand.
namespace vecferry::chroma_local::test {

struct TempFolder {
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "vf-chroma-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~TempFolder() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
  fs::path path;
};

template <class T>
void Put(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline void Write(const fs::path& file, std::string_view bytes) { std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size())); }

struct Element {
  uint64_t label;
  std::vector<float> vector;
  float norm = 1;
  bool deleted = false;
};

inline std::string HeaderOf(uint64_t elements, uint64_t dims, uint64_t max_elements = 100) {
  const uint64_t data = 4 + 4 * 32, label = data + 4 * dims;
  std::string out;
  Put<int32_t>(&out, 1);
  for (const uint64_t value : {uint64_t{0}, max_elements, elements, label + 8, label, data}) Put(&out, value);
  Put<int32_t>(&out, 0);
  Put<uint32_t>(&out, 0);
  for (const uint64_t value : {16, 32, 16}) Put(&out, value);
  Put<double>(&out, 0.36);
  Put<uint64_t>(&out, 100);
  return out;
}

inline std::string Level0Of(const std::vector<Element>& elements) {
  std::string out;
  for (const Element& element : elements) {
    Put<uint16_t>(&out, 0);
    Put<uint16_t>(&out, element.deleted ? 1 : 0);
    out.append(4 * 32, '\0');
    for (const float value : element.vector) Put(&out, value);
    Put(&out, element.label);
  }
  return out;
}

/// As 1.x writes it: protocol 3, a dict.
inline std::string LabelsOf(const std::vector<std::pair<std::string, int32_t>>& labels) {
  const auto text = [](std::string_view value) {
    std::string out = "X";
    Put<uint32_t>(&out, static_cast<uint32_t>(value.size()));
    return out + std::string(value);
  };
  std::string there, back;
  for (const auto& [id, label] : labels) {
    std::string number = "J";
    Put(&number, label);
    there += text(id) + number;
    back += number + text(id);
  }
  return "\x80\x03}(" + text("dimensionality") + "N" + text("total_elements_added") + std::string("J\x07\x00\x00\x00", 5) + text("max_seq_id") + "N" + text("id_to_label") +
         "}(" + there + "u" + text("label_to_id") + "}(" + back + "u" + text("id_to_seq_id") + "}u.";
}

inline void WriteSegment(const fs::path& folder, const std::vector<Element>& elements, const std::vector<std::pair<std::string, int32_t>>& labels) {
  fs::create_directories(folder);
  std::string norms;
  for (const Element& element : elements) Put(&norms, element.norm);
  Write(folder / kHeaderFile, HeaderOf(elements.size(), elements.empty() ? 2 : elements[0].vector.size()));
  Write(folder / kLevel0File, Level0Of(elements));
  Write(folder / kLengthFile, norms);
  Write(folder / kLabelsFile, LabelsOf(labels));
}

/// The tables of the queue and of what it is played into.
inline Result<sqlite::Db> MakeDatabase(const fs::path& file) {
  ARROW_ASSIGN_OR_RAISE(auto db, sqlite::Db::Open(file, {.mode = sqlite::OpenOptions::Mode::create}));
  ARROW_RETURN_NOT_OK(db.Exec("CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, operation INTEGER NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL, vector BLOB, "
                              "encoding TEXT, metadata TEXT);"
                              "CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id);"
                              "CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT, embedding_id TEXT, seq_id, UNIQUE (segment_id, embedding_id));"
                              "CREATE TABLE embedding_metadata (id INTEGER, key TEXT, string_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER, PRIMARY KEY (id, key));"
                              "CREATE TABLE embedding_metadata_array (id INTEGER, key TEXT, string_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER)"));
  return db;
}

/// The other tables, with one collection, `docs`, of two dimensions: segments aaaa (VECTOR) and m (METADATA), ids a and b in its tables.
inline Status AddCollection(sqlite::Db& db) {
  return db.Exec("CREATE TABLE databases (id TEXT, name TEXT, tenant_id TEXT); CREATE TABLE segments (id TEXT, type TEXT, scope TEXT, collection TEXT);"
                 "CREATE TABLE collections (id TEXT, name TEXT, dimension INTEGER, database_id TEXT, config_json_str TEXT);"
                 "CREATE TABLE collection_metadata (collection_id TEXT, key TEXT, str_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER);"
                 "CREATE TABLE segment_metadata (segment_id TEXT, key TEXT, str_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER);"
                 "INSERT INTO databases VALUES ('d','default_database','default_tenant'); INSERT INTO collections VALUES ('1111','docs',2,'d',NULL);"
                 "INSERT INTO segments VALUES ('aaaa','urn:chroma:segment/vector/hnsw-local-persisted','VECTOR','1111'), ('m','urn:chroma:segment/metadata/sqlite','METADATA','1111');"
                 "INSERT INTO embeddings VALUES (1,'m','a',1), (2,'m','b',2); INSERT INTO max_seq_id VALUES ('m',2), ('aaaa',2)");
}

}  // namespace vecferry::chroma_local::test
