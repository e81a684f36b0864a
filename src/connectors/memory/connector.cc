#include <fmt/format.h>

#include "base/text.h"
#include "connectors/memory/dataset.h"
#include "connectors/memory/memory.h"
#include "options/make_option.h"

namespace vecferry::memory {
namespace {

std::vector<OptionSpec> Options() {
  return {MakeOption::Text("metrics", "", "Declare only these metrics, separated by commas."),
          MakeOption::Text("elements", "", "Declare only these element types of dense vectors."),
          MakeOption::Text("ids", "", "Declare only these kinds of id as native."),
          MakeOption::Text("json", "", "Declare only these kinds of metadata value, or `none`."),
          MakeOption::Flag("sparse", "Declare whether sparse vectors are held."),
          MakeOption::Flag("multi", "Declare whether multi-vectors are held."),
          MakeOption::Flag("named-vectors", "Declare whether vectors have names."),
          MakeOption::Flag("missing-vectors", "Declare whether a record may lack a vector."),
          MakeOption::Flag("no-vectors", "Declare whether a dataset may have no vectors."),
          MakeOption::Flag("unknown-metric", "Declare whether the metric may be unknown."),
          MakeOption::Flag("document", "Declare whether documents are held."),
          MakeOption::Flag("tenant", "Declare whether tenants are held."),
          MakeOption::Flag("extras", "Declare whether verbatim bytes are held."),
          MakeOption::Flag("appends", "Declare whether a dataset that holds records may be written."),
          MakeOption::Flag("lookup", "Declare whether records are found by key."),
          MakeOption::Flag("unordered", "Give the records of a split in another order each time."),
          MakeOption::Flag("unique-ids", "Declare whether ids are unique as a source."),
          MakeOption::Choice("normalises", {"exact", "single"}, "Keep vectors of metric cosine at length 1, as the engine expects it or by arithmetic of its own.").Default(""),
          MakeOption::Integer("max-vectors", "Declare how many vectors a dataset may have.").ValueName(""),
          MakeOption::Integer("in-flight", "Declare how many batches are taken at once.").ValueName(""),
          MakeOption::Choice("replay", {"idempotent_upsert", "truncate_and_replay", "restart_split"}, "Declare how a replay is survived.").Default(""),
          MakeOption::Choice("consistency", {"frozen", "snapshot", "live"}, "Declare how a source stands to writes by others.").Default("")};
}

/// The named subset of a set of enumerators; usage error for a name that is none of them.
template <class Enum>
Status Restrict(const std::map<std::string, std::string>& options, const std::string& name, std::set<Enum>* all) {
  const auto found = options.find(name);
  if (found == options.end()) return Status::OK();
  std::set<Enum> kept;
  std::string_view rest = found->second;
  while (!rest.empty() && rest != "none") {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const auto same = [&](Enum each) { return Name(each) == item; };
    const auto match = std::find_if(all->begin(), all->end(), same);
    if (match == all->end()) return MakeError(Category::usage, fmt::format("option of memory '{}' has no '{}'", name, Printable(item, 100)));
    kept.insert(*match);
  }
  *all = std::move(kept);
  return Status::OK();
}

void SetFlag(const std::map<std::string, std::string>& options, const std::string& name, bool* flag) {
  if (const auto found = options.find(name); found != options.end()) *flag = found->second == "true";
}

Status SetCount(const std::map<std::string, std::string>& options, const std::string& name, int* count) {
  const auto found = options.find(name);
  if (found == options.end()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const int64_t value, ParseInt(found->second));
  if (value < 1 || value > 1000) return MakeError(Category::usage, fmt::format("option of memory '{}' is 1 to 1000", name));
  *count = static_cast<int>(value);
  return Status::OK();
}

Capabilities AllCapabilities() {
  Capabilities can;
  can.source = can.sink = can.lookup = can.undo = true;
  can.consistency = Consistency::frozen;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = true;
  can.max_vectors = 64;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.unknown_metric = can.extras = true;
  can.json = AllJsonFeatures();
  can.replace = ReplaceMode::atomic;
  can.max_in_flight = 4;
  return can;
}

template <class Enum>
void Choose(const std::map<std::string, std::string>& options, const std::string& name, std::initializer_list<Enum> all, Enum* value) {
  const auto found = options.find(name);
  for (const Enum each : all) {
    if (found != options.end() && Name(each) == found->second) *value = each;
  }
}

Result<Capabilities> Declared(const std::map<std::string, std::string>& options) {
  Capabilities can = AllCapabilities();
  ARROW_RETURN_NOT_OK(Restrict(options, "metrics", &can.metrics));
  ARROW_RETURN_NOT_OK(Restrict(options, "elements", &can.dense));
  ARROW_RETURN_NOT_OK(Restrict(options, "ids", &can.ids));
  ARROW_RETURN_NOT_OK(Restrict(options, "json", &can.json));
  for (const auto& [name, flag] : std::map<std::string, bool*>{
           {"sparse", &can.sparse}, {"multi", &can.multi}, {"named-vectors", &can.named_vectors}, {"document", &can.document},
           {"missing-vectors", &can.missing_vectors}, {"no-vectors", &can.no_vectors}, {"unknown-metric", &can.unknown_metric},
           {"tenant", &can.tenant}, {"extras", &can.extras}, {"appends", &can.appends}, {"lookup", &can.lookup}, {"unique-ids", &can.unique_ids}}) {
    SetFlag(options, name, flag);
  }
  bool unordered = false;
  SetFlag(options, "unordered", &unordered);
  if (unordered) can.order = Order::unstable;
  ARROW_RETURN_NOT_OK(SetCount(options, "max-vectors", &can.max_vectors));
  ARROW_RETURN_NOT_OK(SetCount(options, "in-flight", &can.max_in_flight));
  Choose(options, "replay", {Replay::idempotent_upsert, Replay::truncate_and_replay, Replay::restart_split}, &can.replay);
  Choose(options, "consistency", {Consistency::frozen, Consistency::snapshot, Consistency::live}, &can.consistency);
  if (can.replay == Replay::truncate_and_replay) can.max_in_flight = 1;
  if (options.contains("normalises")) can.vector_change = VectorChange::cosine_normalised;
  return can;
}

class MemoryConnector final : public Connector {
 public:
  MemoryConnector() {
    info_.scheme = "memory";
    info_.title = "Datasets of this process";
    info_.example = "memory:store#docs";
    info_.capabilities = AllCapabilities();
    info_.options = Options();
    info_.notes = "For tests and as the reference of the contract: it holds every type of the record exactly, and is gone with the process.";
  }
  const Info& info() const override { return info_; }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info_.options, location.options, "option of memory"));
    return Declared(options);
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext&) override {
    std::vector<DatasetSummary> summaries;
    for (const std::string& name : Names(location.path)) {
      const auto dataset = memory::Find(location.path, name);
      if (!dataset) continue;
      const std::lock_guard lock(dataset->mutex);
      summaries.push_back({name, dataset->CountLocked(), fmt::format("{} vectors", dataset->schema.vectors.size())});
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const Capabilities can, CapabilitiesOf(location));
    if (!memory::Find(location.path, location.dataset)) {
      return MakeError(Category::not_found, fmt::format("{} does not exist{}", location.Display(), Suggestion(location.dataset, Names(location.path))),
                       "check the name of the dataset");
    }
    return memory::OpenSource(location, can);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const Capabilities can, CapabilitiesOf(location));
    const auto normalises = location.options.find("normalises");
    return memory::OpenSink(location, can, normalises != location.options.end() && normalises->second == "single");
  }

 private:
  Info info_;
};

}  // namespace

std::unique_ptr<Connector> MakeMemoryConnector() { return std::make_unique<MemoryConnector>(); }

}  // namespace vecferry::memory
