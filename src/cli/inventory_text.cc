#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/report_text.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

constexpr size_t kListedFields = 60;

std::string Share(int64_t part, int64_t whole) {
  if (whole <= 0) return "-";
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  // Nothing but all is 100 %, nothing but none 0 %.
  if (part == whole) return "100 %";
  return share > 99.9 ? ">99.9 %" : part > 0 && share < 0.1 ? "<0.1 %" : fmt::format("{:.1f} %", share);
}

std::string TallyText(const Tally& tally) { return (tally.exact ? "" : "about ") + FormatCount(tally.count); }

std::string Size(int64_t bytes) { return bytes < 0 ? "unknown" : FormatBytes(static_cast<double>(bytes)); }

std::string CountText(const DatasetInfo& info) { return info.count < 0 ? "unknown" : (info.count_exact ? "" : "about ") + FormatCount(info.count); }

void Sizes(const Inventory& inventory, std::vector<std::pair<std::string, std::string>>* facts) {
  const DatasetInfo& info = inventory.info;
  if (info.bytes >= 0) facts->emplace_back("on disk", Size(info.bytes));
  if (inventory.records == 0) return;
  facts->emplace_back("content", fmt::format("{}vectors {}, documents {}, metadata {}, ids {}", inventory.complete ? "" : "about ", Size(inventory.Whole(inventory.vector_bytes())),
                                             Size(inventory.Whole(inventory.document_bytes)), Size(inventory.Whole(inventory.metadata_bytes)), Size(inventory.Whole(inventory.id_bytes))));
}

std::string IdsText(const Inventory& inventory) {
  std::string text(Name(inventory.info.schema.id_kind));
  if (inventory.id_kinds.size() > 1) {
    text += ":";
    for (const auto& [kind, count] : inventory.id_kinds) text += fmt::format(" {} {}", FormatCount(count), kind);
  }
  return inventory.longest_id > 0 ? fmt::format("{}, {} bytes at most", text, FormatCount(inventory.longest_id)) : text;
}

std::string DocumentsText(const Inventory& inventory) {
  if (!inventory.info.schema.has_document) return "none";
  std::string text = fmt::format("{} of the records", Share(inventory.documents, inventory.records));
  if (inventory.empty_documents > 0) text += fmt::format(", {} empty", FormatCount(inventory.empty_documents));
  return inventory.documents > 0 ? fmt::format("{}, {} at most", text, Size(inventory.longest_document)) : text;
}

std::string TenantsText(const Inventory& inventory) {
  if (!inventory.info.schema.has_tenant) return "none";
  std::string text = TallyText(inventory.tenants);
  for (size_t i = 0; i < inventory.largest_tenants.size(); ++i) {
    const auto& [name, count] = inventory.largest_tenants[i];
    text += fmt::format("{}{} ({})", i ? ", " : "; largest ", Printable(name, 60), FormatCount(count));
  }
  return text;
}

std::string EqualText(const Inventory& inventory) {
  std::string text = TallyText(inventory.equal_ids) + " ids";
  if (inventory.documents > 0) text += fmt::format(", {} documents", TallyText(inventory.equal_documents));
  for (const auto& vector : inventory.vectors) {
    if (vector.present > 0) text += fmt::format(", {} of {}", TallyText(vector.equal), vector.spec.column() == "vector" ? "vectors" : Printable(vector.spec.column(), 60));
  }
  return text + " that an earlier record has as well";
}

void PrintVectors(std::ostream& out, const Inventory& inventory) {
  TextTable table({"column", "what", "present", "missing", "norm least", "mean", "greatest", "at 1", "at 0", "NaN, Inf"});
  table.Right({2, 3, 4, 5, 6, 7, 8, 9});
  bool odd = false;
  for (const auto& v : inventory.vectors) {
    RecordSchema alone;
    alone.vectors = {v.spec};
    alone.vectors[0].name.clear();
    std::vector<std::string> row = {v.spec.column(), DescribeVectors(alone), FormatCount(v.present), FormatCount(v.missing)};
    if (v.normed > 0) {
      row.insert(row.end(), {fmt::format("{:.6g}", v.least_norm), fmt::format("{:.6g}", v.mean_norm), fmt::format("{:.6g}", v.greatest_norm), Share(v.unit, v.normed), FormatCount(v.zero)});
    } else {
      row.insert(row.end(), {"-", "-", "-", "-", "-"});
    }
    row.push_back(v.spec.kind == VectorKind::dense ? FormatCount(v.non_finite) : "-");
    table.Add(std::move(row));
    odd |= v.spec.kind != VectorKind::dense && v.present > 0;
  }
  if (table.empty()) return;
  out << "\nVectors:\n";
  table.Print(out, "  ");
  for (const auto& v : inventory.vectors) {
    if (!odd || v.spec.kind == VectorKind::dense || v.present == 0) continue;
    out << fmt::format("  {}: {} to {} {} in one, {:.1f} on average\n", Printable(v.spec.column(), 200), FormatCount(v.least_entries), FormatCount(v.greatest_entries),
                       v.spec.kind == VectorKind::sparse ? "entries" : "rows", static_cast<double>(v.entries) / static_cast<double>(v.present));
  }
}

std::string RangeText(const FieldInventory& field) {
  std::string text;
  const auto add = [&](const std::string& least, const std::string& greatest) {
    if (!least.empty()) text += fmt::format("{}{} to {}", text.empty() ? "" : "; ", Printable(least, 40), Printable(greatest, 40));
  };
  add(field.least, field.greatest);
  add(field.first_time, field.last_time);
  if (text.empty() && field.longest > 0) text = fmt::format("{} bytes at most", FormatCount(field.longest));
  return text;
}

void PrintFields(std::ostream& out, const Inventory& inventory) {
  TextTable table({"field", "type", "records", "share", "distinct", "range"});
  table.Right({2, 3, 4});
  size_t listed = 0;
  for (const auto& [name, field] : inventory.fields) {
    if (++listed > kListedFields) break;
    const auto native = inventory.info.schema.field_types.find(name);
    bool first = true;
    for (const auto& [type, count] : field.types) {
      const std::string shown = first && native != inventory.info.schema.field_types.end() ? fmt::format("{} ({})", type, Printable(native->second, 60)) : type;
      table.Add({first ? Printable(name, 100) : "", shown, FormatCount(count), Share(count, inventory.records), first ? TallyText(field.distinct) : "", first ? RangeText(field) : ""});
      first = false;
    }
  }
  if (table.empty()) return;
  out << "\nMetadata:\n";
  table.Print(out, "  ");
  if (inventory.fields.size() > kListedFields) out << fmt::format("  and {}; --json has them\n", Counted(static_cast<int64_t>(inventory.fields.size() - kListedFields), "further field"));
  if (inventory.fields_left_out > 0) out << "  and more: of over 1,000 fields only the first are told\n";
}

}  // namespace

void PrintInventory(std::ostream& out, const Inventory& inventory) {
  const DatasetInfo& info = inventory.info;
  out << Printable(info.store, 100) << (info.dataset.empty() ? "" : " #" + Printable(info.dataset, 200)) << '\n';
  std::vector<std::pair<std::string, std::string>> facts = {{"records", CountText(info)}};
  if (!inventory.single) {
    facts.emplace_back("read", fmt::format("{}{}{}", inventory.complete ? "all " : "a sample of ", Counted(inventory.records, "record"),
                                           inventory.rejects ? fmt::format(", {} unreadable", FormatCount(inventory.rejects)) : "") +
                                   (inventory.complete ? "" : "; --full reads all"));
    facts.emplace_back("ids", IdsText(inventory));
  }
  facts.emplace_back("vectors", DescribeVectors(info.schema));
  if (!inventory.single) {
    facts.emplace_back("documents", DocumentsText(inventory));
    facts.emplace_back("tenants", TenantsText(inventory));
    Sizes(inventory, &facts);
    if (inventory.records > 0) facts.emplace_back("equal", EqualText(inventory));
  }
  if (!info.layout.empty()) facts.emplace_back("layout", info.layout);
  for (const auto& [name, value] : info.facts) facts.emplace_back(name, value);
  PrintFacts(out, facts);
  for (const auto& note : info.notes) {
    const std::string count = note.count >= 0 ? fmt::format(" ({})", FormatCount(note.count)) : "";
    out << (note.warning ? "  warning: " : "  note: ") << Printable(note.message, 500) << count << '\n';
  }
  if (!inventory.single) {
    PrintVectors(out, inventory);
    PrintFields(out, inventory);
  }
  if (!inventory.samples.empty()) out << "\nRecords:\n";
  for (const auto& sample : inventory.samples) out << "  " << Printable(sample, 2000) << '\n';
}

}  // namespace vecferry::cli
