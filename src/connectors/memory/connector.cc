#include <fmt/format.h>

#include "base/text.h"
#include "connectors/memory/dataset.h"
#include "connectors/memory/memory.h"

namespace vecferry::memory {
namespace {

OptionSpec Option(std::string name, OptionSpec::Kind kind, std::string help, std::vector<std::string> choices = {}) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.help = std::move(help);
  spec.choices = std::move(choices);
  return spec;
}

std::vector<OptionSpec> Options() {
  using Kind = OptionSpec::Kind;
  return {Option("metrics", Kind::text, "Declare only these metrics, separated by commas."),
          Option("elements", Kind::text, "Declare only these element types of dense vectors."),
          Option("ids", Kind::text, "Declare only these kinds of id as native."),
          Option("json", Kind::text, "Declare only these kinds of metadata value, or `none`."),
          Option("sparse", Kind::boolean, "Declare whether sparse vectors are held."),
          Option("multi", Kind::boolean, "Declare whether multi-vectors are held."),
          Option("named-vectors", Kind::boolean, "Declare whether vectors have names."),
          Option("missing-vectors", Kind::boolean, "Declare whether a record may lack a vector."),
          Option("no-vectors", Kind::boolean, "Declare whether a dataset may have no vectors."),
          Option("unknown-metric", Kind::boolean, "Declare whether the metric may be unknown."),
          Option("document", Kind::boolean, "Declare whether documents are held."),
          Option("tenant", Kind::boolean, "Declare whether tenants are held."),
          Option("extras", Kind::boolean, "Declare whether verbatim bytes are held."),
          Option("appends", Kind::boolean, "Declare whether a dataset that holds records may be written."),
          Option("lookup", Kind::boolean, "Declare whether records are found by key."),
          Option("unordered", Kind::boolean, "Give the records of a split in another order each time."),
          Option("unique-ids", Kind::boolean, "Declare whether ids are unique as a source."),
          Option("normalises", Kind::choice, "Keep vectors of metric cosine at length 1, as the engine expects it or by arithmetic of its own.", {"exact", "single"}),
          Option("max-vectors", Kind::integer, "Declare how many vectors a dataset may have."),
          Option("in-flight", Kind::integer, "Declare how many batches are taken at once."),
          Option("replay", Kind::choice, "Declare how a replay is survived.", {"idempotent_upsert", "truncate_and_replay", "restart_split"}),
          Option("consistency", Kind::choice, "Declare how a source stands to writes by others.", {"frozen", "snapshot", "live"})};
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
