#include "transform/filter.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "transform/filter_functions.h"
#include "transform/filter_names.h"
#include "transform/tree.h"

namespace vecferry {
namespace {

using sqlite::Expression;
using sqlite::Value;

constexpr const char* kGuide = "docs/guide/transforms.md has the language with examples";

struct Compiled {
  FilterNames names;
  std::unique_ptr<Expression> expression;
};

Status CheckUsed(const Compiled& compiled, const RecordSchema& schema) {
  for (const int used : compiled.expression->used()) {
    const FilterColumn& column = compiled.names.columns[static_cast<size_t>(used)];
    if (column.ambiguous) {
      return MakeError(Category::usage, fmt::format("'{}' stands there in several spellings, which SQL does not tell apart", Printable(column.name, 100)),
                       "write them as metadata.NAME");
    }
    if (column.field.kind != Field::Kind::vector) continue;
    std::vector<std::string> there;
    for (const auto& vector : schema.vectors) there.push_back(vector.column());
    if (std::find(there.begin(), there.end(), column.field.column) != there.end()) continue;
    return MakeError(Category::usage, fmt::format("the dataset has no {}{}", Printable(column.field.column, 100), Suggestion(column.field.column, there)),
                     there.empty() ? "it has no vectors" : fmt::format("it has {}", Printable(fmt::format("{}", fmt::join(there, ", ")), 300)));
  }
  return Status::OK();
}

/// One record of nothing: what a condition says to it is not asked, but what is wrong with its constants shows.
class NoRow final : public sqlite::ExpressionRows {
 public:
  int64_t count() const override { return 1; }
  Status MoveTo(int64_t) override { return Status::OK(); }
  Value At(int) override { return {}; }
};

Result<Compiled> CompileOne(const std::string& text, const RecordSchema& schema, MetadataTree& tree) {
  Compiled compiled;
  ARROW_ASSIGN_OR_RAISE(compiled.names, ScanNames(text));
  std::vector<std::string> columns;
  for (const auto& column : compiled.names.columns) columns.push_back(column.name);
  if (columns.empty()) columns.emplace_back("id");
  ARROW_ASSIGN_OR_RAISE(compiled.expression, Expression::Compile(compiled.names.sql, columns, FilterFunctions(tree)));
  if (compiled.names.columns.empty()) compiled.names.columns.push_back({"id", {Field::Kind::id, {}, ""}, false});
  ARROW_RETURN_NOT_OK(CheckUsed(compiled, schema));
  NoRow none;
  std::vector<sqlite::Verdict> verdicts;
  std::vector<Status> why;
  ARROW_RETURN_NOT_OK(tree.Parse(""));
  ARROW_RETURN_NOT_OK(compiled.expression->Evaluate(none, &verdicts, &why));
  for (const auto& status : why) {
    if (IsCategory(status, Category::usage)) return status;
  }
  return compiled;
}

/// The rows of a batch, each part looked up when it is asked for.
class BatchRows final : public sqlite::ExpressionRows {
 public:
  BatchRows(const RecordView& view, const std::vector<FilterColumn>& columns, MetadataTree& tree, bool parse, std::vector<Filter::Use>& uses, const std::vector<int>& use_of)
      : view_(view), columns_(columns), tree_(tree), parse_(parse), uses_(uses), use_of_(use_of) {
    for (const auto& column : columns) vectors_.push_back(VectorAt(column));
  }
  int64_t count() const override { return view_.rows(); }
  Status MoveTo(int64_t row) override {
    row_ = row;
    if (!parse_) return Status::OK();
    const Status read = tree_.Parse(view_.metadata(row).value_or(""));
    return read.ok() ? read : BadRecord("bad-metadata", Printable(read.message(), 300));
  }
  Value At(int column) override {
    const Field& field = columns_[static_cast<size_t>(column)].field;
    switch (field.kind) {
      case Field::Kind::id: return Value::Of(view_.id(row_));
      case Field::Kind::tenant: return Text(view_.tenant(row_));
      case Field::Kind::document: return Text(view_.document(row_));
      case Field::Kind::vector: {
        const VectorColumn* vector = vectors_[static_cast<size_t>(column)];
        return vector && !vector->IsNull(row_) ? Value::Of(int64_t{1}) : Value{};
      }
      case Field::Kind::metadata: break;
    }
    if (field.path.empty()) return Text(view_.metadata(row_).value_or("{}"));
    const int node = tree_.Find(field.path);
    if (const int use = use_of_[static_cast<size_t>(column)]; use >= 0) {
      ++uses_[static_cast<size_t>(use)].asked;
      uses_[static_cast<size_t>(use)].found += node != MetadataTree::kNone;
    }
    return ValueOf(tree_, node, &scratch_);
  }

 private:
  static Value Text(std::optional<std::string_view> text) { return text ? Value::Of(*text) : Value{}; }
  const VectorColumn* VectorAt(const FilterColumn& column) const {
    for (const auto& vector : view_.vectors()) {
      if (column.field.kind == Field::Kind::vector && vector.spec.column() == column.field.column) return &vector;
    }
    return nullptr;
  }
  const RecordView& view_;
  const std::vector<FilterColumn>& columns_;
  MetadataTree& tree_;
  const bool parse_;
  std::vector<Filter::Use>& uses_;
  const std::vector<int>& use_of_;
  std::vector<const VectorColumn*> vectors_;
  int64_t row_ = 0;
  std::string scratch_;
};

}  // namespace

struct Filter::Impl {
  MetadataTree tree;
  Compiled compiled;
  bool parse = false;       ///< the metadata is taken apart
  bool keys_only = true;
  std::vector<Use> uses;
  std::vector<int> use_of;  ///< by column, -1 for none
};

Filter::Filter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Filter::~Filter() = default;

Result<std::unique_ptr<Filter>> Filter::Compile(const std::vector<std::string>& conditions, const RecordSchema& schema) {
  auto impl = std::make_unique<Impl>();
  std::string all;
  for (const auto& condition : conditions) {
    const auto one = CompileOne(condition, schema, impl->tree);
    if (!one.ok()) {
      const ErrorFacts facts = FactsOf(one.status());
      return MakeError(facts.category, fmt::format("--filter '{}': {}", Printable(condition, 300), one.status().message()),
                       facts.next_step.empty() ? kGuide : facts.next_step);
    }
    all += fmt::format("{}({}\n)", all.empty() ? "" : " AND ", condition);
  }
  ARROW_ASSIGN_OR_RAISE(impl->compiled, CompileOne(all, schema, impl->tree));
  impl->use_of.assign(impl->compiled.names.columns.size(), -1);
  for (const int used : impl->compiled.expression->used()) {
    const Field& field = impl->compiled.names.columns[static_cast<size_t>(used)].field;
    impl->keys_only = impl->keys_only && (field.kind == Field::Kind::id || field.kind == Field::Kind::tenant);
    if (field.kind == Field::Kind::metadata && !field.path.empty()) {
      impl->parse = true;
      impl->use_of[static_cast<size_t>(used)] = static_cast<int>(impl->uses.size());
      impl->uses.push_back({field, 0, 0});
    }
  }
  // Functions of a field's name look into the metadata without a column.
  for (const char* name : {"has", "type_of", "field"}) impl->parse = impl->parse || ToLower(all).find(name) != all.npos;
  impl->keys_only = impl->keys_only && !impl->parse;
  return std::unique_ptr<Filter>(new Filter(std::move(impl)));
}

bool Filter::keys_only() const { return impl_->keys_only; }
std::vector<Filter::Use>& Filter::uses() { return impl_->uses; }

Status Filter::Evaluate(const RecordView& view, std::vector<sqlite::Verdict>* verdicts, std::vector<Status>* why) {
  BatchRows rows(view, impl_->compiled.names.columns, impl_->tree, impl_->parse, impl_->uses, impl_->use_of);
  std::vector<Status> said;
  ARROW_RETURN_NOT_OK(impl_->compiled.expression->Evaluate(rows, verdicts, &said));
  for (const auto& status : said) {
    const ErrorFacts facts = FactsOf(status);
    // A pattern or name that is none is the fault of the condition, not of a record, unless it came from the record.
    why->push_back(facts.code.empty() ? BadRecord("filter-failed", status.message()) : status);
  }
  return Status::OK();
}

}  // namespace vecferry
