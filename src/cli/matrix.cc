#include "cli/matrix.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "cli/markdown_table.h"
#include "connector/fidelity.h"

namespace vecferry::cli {
namespace {

using Say = std::function<std::string(const Capabilities& can)>;

std::string Mark(bool yes) { return yes ? "yes" : "-"; }

/// The rows of the matrix in the order of its groups.
class Matrix {
 public:
  explicit Matrix(const Registry& registry) : registry_(registry) {
    std::vector<std::string> head = {"capability"};
    for (const auto& connector : registry.connectors()) head.push_back("`" + connector->info().scheme + "`");
    text_ = Row(head) + Rule(head.size());
  }

  void Add(const std::string& name, const Say& say) {
    std::vector<std::string> cells = {name};
    for (const auto& connector : registry_.connectors()) cells.push_back(say(connector->info().capabilities));
    text_ += Row(cells);
  }
  /// A property of sinks; kinds that are only read have none.
  void AddOfSink(const std::string& name, const Say& say) {
    Add(name, [&](const Capabilities& can) { return can.sink ? say(can) : std::string("-"); });
  }
  void AddFlag(const std::string& name, bool Capabilities::*flag) {
    Add(name, [flag](const Capabilities& can) { return Mark(can.*flag); });
  }

  std::string text() const { return text_; }

 private:
  const Registry& registry_;
  std::string text_;
};

void AddVectors(Matrix* matrix) {
  for (const Element element : {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit}) {
    matrix->Add(fmt::format("dense vectors of {}", Name(element)), [element](const Capabilities& can) { return Mark(can.dense.contains(element)); });
  }
  matrix->AddFlag("sparse vectors", &Capabilities::sparse);
  matrix->AddFlag("multi-vectors", &Capabilities::multi);
  matrix->AddFlag("named vectors", &Capabilities::named_vectors);
  matrix->Add("vectors at most", [](const Capabilities& can) { return std::to_string(can.max_vectors); });
  matrix->AddFlag("NaN and infinities in vectors", &Capabilities::non_finite);
  matrix->AddFlag("a record may lack a vector", &Capabilities::missing_vectors);
  matrix->AddFlag("a dataset may have no vectors", &Capabilities::no_vectors);
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard}) {
    matrix->Add(fmt::format("metric {}", Name(metric)), [metric](const Capabilities& can) {
      const bool numbers = can.metrics.contains(metric), bits = can.bit_metrics.empty() ? numbers : can.bit_metrics.contains(metric);
      return std::string(numbers == bits ? Mark(numbers) : numbers ? "numbers" : "bits");
    });
  }
  matrix->AddFlag("metric unknown", &Capabilities::unknown_metric);
  matrix->Add("changes vectors", [](const Capabilities& can) { return can.vector_change == VectorChange::none ? std::string("-") : std::string(Name(can.vector_change)); });
}

void AddRecords(Matrix* matrix) {
  for (const IdKind kind : {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed}) {
    matrix->Add(fmt::format("ids {}", Name(kind)), [kind](const Capabilities& can) { return std::string(can.ids.contains(kind) ? "yes" : can.sink ? "mapped" : "-"); });
  }
  matrix->AddFlag("unique ids", &Capabilities::unique_ids);
  matrix->AddFlag("document", &Capabilities::document);
  matrix->AddFlag("tenant", &Capabilities::tenant);
  matrix->AddFlag("extras", &Capabilities::extras);
  matrix->AddFlag("U+0000 in texts", &Capabilities::nul);
  for (const JsonFeature feature : AllJsonFeatures()) {
    matrix->Add(fmt::format("metadata: {}", Name(feature)), [feature](const Capabilities& can) { return Mark(can.json.contains(feature)); });
  }
}

void AddPromises(Matrix* matrix) {
  matrix->Add("consistency", [](const Capabilities& can) { return can.source ? std::string(Name(can.consistency)) : std::string("-"); });
  matrix->Add("order", [](const Capabilities& can) { return can.source ? std::string(Name(can.order)) : std::string("-"); });
  matrix->AddOfSink("resume", [](const Capabilities& can) { return std::string(Name(can.replay)); });
  matrix->AddOfSink("append and upsert", [](const Capabilities& can) { return Mark(can.appends); });
  matrix->AddOfSink("replace", [](const Capabilities& can) { return std::string(Name(can.replace)); });
  matrix->AddOfSink("undo", [](const Capabilities& can) { return Mark(can.undo); });
  matrix->AddOfSink("index after the load", [](const Capabilities& can) { return Mark(can.defers_index); });
}

/// What is not exact of a pair, without the word for what is.
std::string NoteOf(const PairFidelity& pair) {
  const std::string text = pair.Summary();
  const auto at = text.find("; ");
  return at == text.npos ? "" : text.substr(at + 2);
}

}  // namespace

std::string CapabilityMatrix(const Registry& registry) {
  Matrix matrix(registry);
  matrix.AddFlag("read", &Capabilities::source);
  matrix.AddFlag("write", &Capabilities::sink);
  AddVectors(&matrix);
  AddRecords(&matrix);
  AddPromises(&matrix);
  return matrix.text();
}

std::string FidelityTable(const Registry& registry, bool notes) {
  std::vector<std::string> head = {"from \\ to"}, listed;
  for (const auto& sink : registry.connectors()) {
    if (sink->info().capabilities.sink) head.push_back("`" + sink->info().scheme + "`");
  }
  std::string text = Row(head) + Rule(head.size());
  for (const auto& source : registry.connectors()) {
    if (!source->info().capabilities.source) continue;
    std::vector<std::string> cells = {"`" + source->info().scheme + "`"};
    for (const auto& sink : registry.connectors()) {
      if (!sink->info().capabilities.sink) continue;
      const PairFidelity pair = FidelityOf(source->info().capabilities, sink->info().capabilities);
      std::string cell = pair.carried() == Fidelity::exact ? "=" : "~";
      const std::string note = NoteOf(pair);
      if (!notes && pair.Has(Fidelity::refused)) cell += " r";
      if (notes && !note.empty()) {
        const auto at = std::find(listed.begin(), listed.end(), note);
        cell += fmt::format(" {}", at - listed.begin() + 1);
        if (at == listed.end()) listed.push_back(note);
      }
      cells.push_back(cell);
    }
    text += Row(cells);
  }
  for (size_t i = 0; i < listed.size(); ++i) text += fmt::format("{}{}. {}.\n", i == 0 ? "\n" : "", i + 1, listed[i]);
  return text;
}

}  // namespace vecferry::cli
