#include "connectors/postgresql/postgresql.h"

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/sink.h"
#include "connectors/postgresql/source.h"
#include "layouts/layouts.h"

namespace vecferry::postgresql {
namespace {

Capabilities MakeCapabilities() {
  Capabilities can;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = Consistency::snapshot;
  can.order = Order::stable;
  can.ids = {IdKind::string, IdKind::i64, IdKind::u64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bit};
  can.sparse = can.named_vectors = can.missing_vectors = can.unknown_metric = can.no_vectors = true;
  can.max_vectors = 100;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.json = AllJsonFeatures();
  can.non_finite = can.nul = false;
  can.replay = Replay::idempotent_upsert;
  can.replace = ReplaceMode::atomic;
  can.defers_index = true;
  can.max_in_flight = 4;
  can.expansion = 3.0;
  can.batch_rows = 5000;
  can.batch_bytes = 8 << 20;
  return can;
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "postgresql";
  info.title = "PostgreSQL with the extension pgvector";
  info.example = "postgresql://user@host:5432/db#public.items";
  info.aliases = {"postgres", "pgvector"};
  info.capabilities = MakeCapabilities();
  info.options = OptionSpecs();
  info.notes =
      "What follows the '?' is libpq's where libpq knows the name (`sslmode`, `service`, `connect_timeout`, ...); `~/.pgpass`, `PGPASSWORD` and the other variables work "
      "as with psql. A dataset is a table, a view, or a query: `#TABLE`, `#SCHEMA.TABLE`, `#\"Quoted\".\"na.me\"`, `#SELECT ...`. docs/formats/postgresql.md says how rows become records.";
  return info;
}

/// "10 x 384 f32, ..." is the catalog's own spelling; whether it is a table or a view is told where it is no plain table.
std::string Described(const Listed& entry) {
  const char* kind = entry.kind == 'v' ? ", view" : entry.kind == 'm' ? ", materialised view" : entry.kind == 'p' ? ", partitioned" : entry.kind == 'f' ? ", foreign table" : "";
  return Printable(entry.vectors, 500) + kind;
}

class PostgresqlConnector final : public Connector {
 public:
  const Info& info() const override {
    static const Info info = MakeInfo();
    return info;
  }

  /// Whether the ids of a dataset are unique only the database knows; one that cannot be reached is told of when it is opened.
  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    Capabilities can = info().capabilities;
    ARROW_ASSIGN_OR_RAISE(const Options options, ParseOptions(location));
    const auto client = Client::Connect(ConnectSpecOf(options, nullptr));
    if (!client.ok()) return can;
    if (options.table) {
      const auto found = FindRelation(**client, *options.table);
      if (!found.ok() || !*found) return can;
    }
    Registry layouts;
    RegisterLayouts(layouts);
    ARROW_ASSIGN_OR_RAISE(const Layout* layout, layouts.FindLayout("default"));
    const auto opened = FindTable(**client, options, *layout);
    if (opened.ok()) can.unique_ids = opened->context->shape.mapping.unique_ids;
    return can;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Options options, ParseOptions(Bare(location)));
    ARROW_ASSIGN_OR_RAISE(const auto client, Client::Connect(ConnectSpecOf(options, context.cancel)));
    ARROW_ASSIGN_OR_RAISE(const auto listed, ListRelations(*client));
    std::vector<DatasetSummary> summaries;
    for (const Listed& entry : listed) {
      DatasetSummary summary;
      summary.name = entry.name.Display();
      summary.description = Described(entry);
      summary.count = CountOf(*client, entry);
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Options options, ParseOptions(location));
    return OpenTable(options, *context.layout, context.cancel);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Options options, ParseOptions(location));
    return MakeSink(std::move(options), location.options, context, info().capabilities);
  }

 private:
  /// A glob is no name of a table.
  static Location Bare(Location location) {
    location.dataset.clear();
    return location;
  }
  /// Counted where that takes a moment, else what the server believes.
  static int64_t CountOf(Client& client, const Listed& entry) {
    const bool quick = client.Exec("SET statement_timeout = '2s'", Act::read, "counting").ok();
    const auto count = client.Exec("SELECT pg_catalog.count(*) FROM " + entry.name.Sql(), Act::read, "counting");
    if (quick) (void)client.Exec("RESET statement_timeout", Act::read, "counting");
    return count.ok() ? count->Int(0, 0) : entry.estimated_rows;
  }
};

}  // namespace
}  // namespace vecferry::postgresql

namespace vecferry {

std::unique_ptr<Connector> MakePostgresqlConnector() { return std::make_unique<postgresql::PostgresqlConnector>(); }

}  // namespace vecferry
