#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "connector/capabilities.h"
#include "connector/layout.h"
#include "connector/location.h"
#include "options/option.h"
#include "record/batch.h"
#include "record/schema.h"

/// The contract between the engine and a kind of store: the page to read before writing a connector.
///
/// A connector is a folder of src/connectors/ with an options struct, a client or format reader, a
/// Source and/or a Sink, and one line in connectors/builtin.cc. It holds no retry loops, no
/// sleeps and no printing: it classifies its failures (base/error.h) and the engine decides.
namespace vecferry {

/// Where in its split the next batch begins. Opaque to all but the connector; "" is the beginning.
/// Serialisable: a cursor written by one process is read by another.
using Cursor = std::string;

/// An immutable, self-contained part of a source dataset: the unit of work, resume and scale-out.
struct Split {
  std::string payload;      ///< the connector's own description of it, text
  std::string label;        ///< for people: "rowid 1..50000"
  int64_t records = -1;     ///< estimate, -1 if unknown
  int64_t bytes = -1;
};

/// A record that could not be read or written, and why.
struct Reject {
  std::string id;           ///< as far as it is known
  std::string tenant;
  std::string code;         ///< stable, lower case with dashes: "invalid-utf8", "missing-vector"
  std::string message;      ///< for people, one line, printable
  std::string record;       ///< the record as one JSON line where it can be told, else ""
};

/// What one read gave.
struct SourceBatch {
  RecordView records;            ///< may have no rows
  std::vector<Reject> rejects;   ///< records met in the same stretch that cannot be represented
  Cursor next;                   ///< where the following batch begins
  /// Rows whose stored values were not exactly those of the schema's element type and were rounded as the
  /// store itself rounds them. Verification of a target counts such a row as altered.
  std::vector<int64_t> rounded;
  /// Of each record the low word of its key's hash as the source has it, where a transform gave it another key; else empty.
  std::vector<uint64_t> source_keys;
};

struct ReadOptions {
  int64_t batch_rows = 1000;
  int64_t batch_bytes = 8 << 20;  ///< a record that is larger travels alone
  /// A hint that only tenant and id are looked at: the rest may be left out, and a record that would be a Reject
  /// for its content may be yielded. Only given to sources whose ids are unique.
  bool keys_only = false;
};

/// Reads one split, one thread at a time.
class SplitReader {
 public:
  virtual ~SplitReader() = default;
  /// The next batch, or nothing at the end. After an error that says retry, call it again: it goes on
  /// where it was. A record that is odd is never an error: it is carried or it is a Reject.
  virtual Result<std::optional<SourceBatch>> Next() = 0;
};

/// Something about a dataset that a user should know before a copy.
struct Note {
  std::string code;      ///< stable: "not-carried", "soft-deleted", "orphan-vectors"
  std::string message;   ///< one line
  int64_t count = -1;    ///< records or fields it is about, -1 if that is no number
  bool warning = false;
};

struct DatasetInfo {
  std::string store;                 ///< kind, "mcp-memory"
  std::string dataset;
  std::string identity;              ///< the same for the same dataset however it was spelled; in the fingerprint
  RecordSchema schema;
  int64_t count = -1;                ///< records that a full read yields or rejects, -1 if unknown
  bool count_exact = false;
  int64_t bytes = -1;                ///< on disk, of the whole store where it cannot be told apart
  Consistency consistency = Consistency::live;
  std::string layout;                ///< the layout its records are in, "" if none is known
  std::map<std::string, std::string> settings;  ///< what a sink of the same kind can take over (JSON texts)
  std::map<std::string, std::string> facts;     ///< further lines for `inspect`: versions, indexes
  std::vector<Note> notes;
};

class Lookup;

/// One neighbour, as the store found it.
struct SearchHit {
  std::string tenant;       ///< "" where it has none
  std::string id;           ///< the source's id, mapped back by the store's layout
  double score = 0;         ///< in the store's own measure
};

struct SearchQuery {
  std::string vector;       ///< name of the vector column
  std::vector<float> values;   ///< as many as the column has dimensions; of a column of bits 0 or 1 each, the highest bit of the first byte first
  int k = 10;
  bool exact = false;       ///< compare with every record, without the index, where the store can; else its best effort
  std::string tenant;       ///< search among its records alone, where not ""
};

/// Nearest neighbours in a dataset, asked of the store's own search. Optional. Thread-safe.
class Searcher {
 public:
  virtual ~Searcher() = default;
  /// The nearest first, at most k. Category::unsupported for a column that the store does not search.
  virtual Result<std::vector<SearchHit>> Search(const SearchQuery& query) = 0;
  /// Whether a nearer record has a higher score (a similarity) or a lower one (a distance).
  virtual bool HigherIsNearer(std::string_view vector) const = 0;
  /// Whether `exact` is heeded.
  virtual bool CanBeExact() const { return false; }
  /// Whether what is stored is found: false while an index is being built or written records are not visible yet.
  virtual Result<bool> Ready() { return true; }
};

/// The reading half of a connector, on one dataset. Opened read-only: it never creates, changes or locks
/// out anything. Describe and Splits are called from one thread; Read from several.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<DatasetInfo> Describe() = 0;
  /// About `wanted` splits, fixed from now on: together they hold each record once. The empty dataset has
  /// no or empty splits. The answer is kept in the plan and given to Read by another process, maybe days later.
  virtual Result<std::vector<Split>> Splits(int wanted) = 0;
  virtual Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) = 0;
  /// The same dataset by key, where the store finds records faster so than by reading all. After Describe.
  virtual Lookup* lookup() { return nullptr; }
  /// The store's own search over the same dataset. After Describe.
  virtual Searcher* searcher() { return nullptr; }
  /// Of Consistency::snapshot: whether the one state was lost since the source was opened, so that what was read is of several.
  virtual bool Moved() const { return false; }
};

/// What a store itself is in charge of that the engine wants written down before it is done, so that a crash
/// in between is known to have been ours. Record returns when it is on disk.
class IntentLog {
 public:
  virtual ~IntentLog() = default;
  virtual Status Record(std::string_view kind, std::string_view payload) = 0;
  /// The payload of the last intent of that kind in this run, also of an earlier process.
  virtual Result<std::optional<std::string>> Find(std::string_view kind) = 0;
};

enum class OnExists { fail, append, upsert, replace };

/// What a sink shall become.
struct SinkSpec {
  RecordSchema schema;            ///< of the batches that will be written
  const Layout* layout = nullptr;
  OnExists on_exists = OnExists::fail;
  std::map<std::string, std::string> settings;  ///< DatasetInfo::settings of the source; a key that the sink does not know is not for it
  std::string run_id;
  std::string model;              ///< name of the embedding model, "" if not told
  int64_t expected_records = -1;
  bool existed = false;           ///< the dataset was there when the run was planned
  bool resumed = false;           ///< an earlier process of this run may have been here
  bool index = true;              ///< false: no search index is wanted (--index none), where the store can do without
  bool adopt = false;             ///< the user says that an unfinished dataset found there is ours, its journal lost
  IntentLog* intents = nullptr;   ///< outlives the sink's use
};

struct TargetInfo {
  bool exists = false;
  int64_t count = 0;              ///< records it holds, book-keeping left out
  RecordSchema schema;            ///< meaningful where it exists; a vector of 0 dimensions takes the first that is written
  std::string identity;
  std::optional<ReplaceMode> replace;  ///< how this dataset can be replaced, where it is not the kind's own way
  std::vector<Note> notes;
};

struct RowReject {
  int64_t row = 0;                ///< of the batch that was given
  std::string code;
  std::string message;
};
struct WriteOutcome {
  std::vector<RowReject> rejects; ///< every other row was accepted
};

/// Tells which rows of a batch a sink's Write would refuse, with the same codes, and asks the store nothing. Not for use by two threads at once.
using RowJudge = std::function<Result<std::vector<RowReject>>(const RecordView& batch)>;

/// The same dataset by key. Optional. `tenants` is empty or as long as `ids`, "" where a record has none.
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual Result<int64_t> Count() = 0;
  /// The records of those ids that exist, in any order; ids are those of the source (mapped and mapped back by
  /// the store's layout). Thread-safe where the sink takes several batches at once.
  virtual Result<RecordView> Get(const std::vector<std::string_view>& tenants,
                                 const std::vector<std::string_view>& ids) = 0;
  /// How many of those ids exist.
  virtual Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
    ARROW_ASSIGN_OR_RAISE(const RecordView found, Get(tenants, ids));
    return found.rows();
  }
};

/// What rollback needs of a store. Optional.
class Undo {
 public:
  virtual ~Undo() = default;
  /// The stored form of each id, to be restored byte for byte; nothing where the id does not exist.
  virtual Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                                  const std::vector<std::string_view>& ids) = 0;
  /// Puts captured forms back, `images[i]` for ids[i]. May be called again after any error.
  virtual Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                         const std::vector<std::string_view>& images) = 0;
  virtual Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) = 0;
  /// Removes the dataset that this run created. OK where it is gone already.
  virtual Status DropDataset() = 0;
};

/// Building the search index of a dataset later, while it is loaded. Optional. Usable after Sink::Describe or Prepare; one
/// thread at a time. The engine keeps the settings in its journal before the first Defer and sees that they are put
/// back, also after a crash, and that of several runs into one dataset the last does it.
class IndexDeferral {
 public:
  virtual ~IndexDeferral() = default;
  struct State {
    bool ready = true;      ///< nothing is being built or waits to be, under the settings as they are
    int64_t indexed = -1;   ///< records that the index holds, -1 if unknown
    int64_t total = -1;
  };
  /// The dataset's settings about its index as they are now, opaque; nothing where there is nothing to be put off.
  virtual Result<std::optional<std::string>> Settings() = 0;
  /// Puts building off. Idempotent. Category::not_found where the dataset is gone.
  virtual Status Defer() = 0;
  /// Puts settings back and has the store begin. Idempotent; OK where the dataset is gone.
  virtual Status PutBack(std::string_view settings) = 0;
  virtual Result<State> Progress() = 0;
};

/// The writing half of a connector, on one dataset. Life: Describe* -> Prepare -> (Resume) -> Write*/Flush* ->
/// Finish | Abort. Any step may be cut short by the end of the process; Prepare of the next process finds what is there.
class Sink {
 public:
  virtual ~Sink() = default;
  /// No change of any kind. A dataset that does not exist is not an error: exists is false.
  virtual Result<TargetInfo> Describe() = 0;
  /// What a user should know of what Prepare of that spec would make, for the plan: an index that there will not be. After Describe;
  /// changes nothing, and asks the store nothing. The spec has schema, layout, on_exists, settings, index and, where
  /// it is known, expected_records: what filters leave may be fewer. The rest is as by default.
  virtual std::vector<Note> Foresee(const SinkSpec& spec) const { return (void)spec, std::vector<Note>{}; }
  /// What tells of single records for limits that capabilities have no word for: bytes of metadata, kinds of lists, the types of a table's columns;
  /// empty where there are none. As Foresee. Category::refused or unsupported where Prepare would refuse the whole for what is there.
  virtual Result<RowJudge> JudgeOf(const SinkSpec& spec) const { return (void)spec, RowJudge(); }
  /// Makes the dataset ready to be written: creates what is missing, checks what is there. Idempotent; called
  /// again by a process that resumes. Records an intent before each act that a rollback must know of.
  virtual Status Prepare(const SinkSpec& spec) = 0;
  /// Writes a batch; when it returns OK the accepted rows are durable (idempotent_upsert), or will be at the
  /// next Flush (others). Up to max_in_flight calls at once. After an error the same batch may be
  /// written again, also in other pieces. Category::bad_content: some row is at fault, the engine
  /// bisects; too_large: the engine halves.
  virtual Result<WriteOutcome> Write(const RecordView& batch) = 0;
  /// Makes durable what was written and says up to where, opaque; journalled with the cursors.
  virtual Result<std::string> Flush() { return std::string(); }
  /// Cuts off what lies beyond a state that Flush gave. "" is the beginning.
  virtual Status Resume(const std::string& state) { return (void)state, Status::OK(); }
  /// Makes the dataset whole and visible (list it, build its index, rename it). Idempotent.
  virtual Status Finish() = 0;
  /// Lets go of locks and temporary state after a failure. What was acknowledged stays, for a resume.
  virtual Status Abort() = 0;
  /// The store's own key of a record, in one spelling: records of equal keys would overwrite each other.
  /// Category::bad_content for an id that the store cannot hold. After Prepare; thread-safe.
  virtual Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const {
    return std::string(tenant) + '\x1f' + std::string(id);
  }
  /// Whether KeyOf gives each (tenant, id) of the spec's schema a key of its own. If not, the engine looks for two
  /// that become one before the first write.
  virtual bool InjectiveKeys(const RecordSchema& schema) const { return (void)schema, true; }
  virtual Lookup* lookup() { return nullptr; }
  virtual Undo* undo() { return nullptr; }
  virtual IndexDeferral* indexing() { return nullptr; }
  /// A source on the same dataset, sharing this sink's lock: what verification reads. After Prepare.
  virtual Result<std::unique_ptr<Source>> OpenReadBack() = 0;
};

/// What a connector is given to open a dataset.
struct OpenContext {
  const CancelToken* cancel = nullptr;
  const Layout* layout = nullptr;  ///< how to read and write payloads; never null for stores with payloads
  /// A folder of the run that the source may keep files in (a snapshot) and finds again on resume; empty
  /// where nothing may be written: inspect, plan, dry run.
  fs::path work_dir;
  std::map<std::string, std::string> settings;  ///< engine-wide: "missing_vector"="keep|reject"; "peek": leave no file behind
  /// Called with (done, total) during long preparations such as a snapshot.
  std::function<void(std::string_view what, int64_t done, int64_t total)> on_progress;
};

struct DatasetSummary {
  std::string name;
  int64_t count = -1;
  std::string description;  ///< "384 x f32, cosine"
};

/// A kind of store.
class Connector {
 public:
  virtual ~Connector() = default;
  struct Info {
    std::string scheme;                 ///< "qdrant-local"
    std::string title;                  ///< "Qdrant, the directory of qdrant-client's local mode"
    std::string example;                ///< "qdrant-local:./qdrant#memories"
    std::vector<std::string> aliases;   ///< other schemes understood
    bool has_users = true;              ///< "//USER@HOST" names one
    std::string default_layout;         ///< layout when none is named and the other side knows none
    Capabilities capabilities;
    std::vector<OptionSpec> options;
    /// Of the files that backups in this form are: ".jsonl"; "" where it is none. A store of such a form is one file, keeps every record
    /// exactly, and gives back the settings and the layout that its sink was given.
    std::string backup_ending;
    std::string notes;                  ///< Markdown, for the reference page
  };
  virtual const Info& info() const = 0;
  /// What this dataset can hold and do, where its URI says less than the kind as such; the engine asks here.
  virtual Result<Capabilities> CapabilitiesOf(const Location& location) const { return (void)location, info().capabilities; }
  /// The datasets of a store, for `inspect` without #DATASET and for globs.
  virtual Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) = 0;
  /// Category::not_found, with the nearest names, where the dataset does not exist.
  virtual Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context);
  virtual Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context);
  /// Whether a bare path is one of this kind, by its content.
  virtual bool Recognises(const fs::path& path) const { return (void)path, false; }
  /// Lines for `doctor`: what is held, by whom, what would be in the way.
  virtual std::vector<Note> Diagnose(const Location& location, const OpenContext& context) { return (void)location, (void)context, std::vector<Note>{}; }
};

/// The kinds of store that this program knows.
class Registry {
 public:
  /// A second connector of the same scheme ends the program: it is a defect.
  void Add(std::unique_ptr<Connector> connector);
  void AddLayout(Layout layout);
  /// Category::usage with the nearest names.
  Result<Connector*> Find(std::string_view scheme) const;
  Result<const Layout*> FindLayout(std::string_view name) const;
  const std::vector<std::unique_ptr<Connector>>& connectors() const { return connectors_; }
  const std::vector<std::unique_ptr<Layout>>& layouts() const { return layouts_; }
  /// A URI as people write it. A scheme's alias becomes the scheme; a path that exists becomes the first
  /// kind, in order of registration, that recognises it. Category::usage for an unknown scheme or content,
  /// not_found for a bare path that does not exist.
  Result<Location> Resolve(std::string_view text) const;

 private:
  Result<Location> ResolveBarePath(std::string_view text, const Status& unknown_scheme) const;

  std::vector<std::unique_ptr<Connector>> connectors_;
  std::vector<std::unique_ptr<Layout>> layouts_;
};

}  // namespace vecferry
