#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "files/file.h"
#include "pickle/reader.h"
#include "pickle/writer.h"
#include "sidecar/census.h"
#include "sidecar/open.h"
#include "sidecar/splitter.h"

namespace vecferry::sidecar {

using files::File;
namespace {

using pickle::Fault;
using pickle::PickleReader;
using pickle::PyClass;
using pickle::PyType;
using pickle::PyValue;

Status Corrupt(const fs::path& path, std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("{}: {}", Printable(path.string()), what), "check that it is the side-car that belongs to the index");
}

Status BadEntry(const Fault& fault) { return BadRecord(fault.code, fault.message); }

/// A pickle in memory and where each row's value is in it.
class PickleSideCar : public SideCar {
 public:
  Status Load(const fs::path& path) {
    path_ = path;
    ARROW_ASSIGN_OR_RAISE(bytes_, ReadFile(path, kMaxWhole));
    const Status status = reader_.Parse(bytes_);
    if (!status.ok()) {
      return MakeError(Category::unsupported, fmt::format("{}: {}", Printable(path.string()), status.message()),
                       "only lists of dicts and LangChain's docstore are read; nothing of a pickle is ever executed");
    }
    ARROW_RETURN_NOT_OK(Index());
    Census census;
    Entry entry;
    for (int64_t row = 0; row < count(); ++row) {
      census.Count();
      if (Read(row, &entry).ok()) census.Add(entry);
    }
    census.Fill(&facts_);
    return Status::OK();
  }
  const Facts& facts() const override { return facts_; }
  Result<std::unique_ptr<Entries>> From(int64_t row) const override;

  virtual Status Index() = 0;
  virtual int64_t count() const = 0;
  virtual Status Read(int64_t row, Entry* entry) const = 0;

 protected:
  fs::path path_;
  std::string bytes_;
  PickleReader reader_;
  Facts facts_;
};

class PickleEntries final : public Entries {
 public:
  PickleEntries(const PickleSideCar& side, int64_t row) : side_(side), row_(row) {}
  Result<bool> Next(Entry* entry) override {
    if (row_ >= side_.count()) return false;
    ARROW_RETURN_NOT_OK(side_.Read(row_++, entry));
    return true;
  }

 private:
  const PickleSideCar& side_;
  int64_t row_;
};

Result<std::unique_ptr<Entries>> PickleSideCar::From(int64_t row) const { return std::make_unique<PickleEntries>(*this, row); }

/// [{"id": ..., "properties": {...}}, ...] or a list of plain dicts.
class ListSideCar final : public PickleSideCar {
 public:
  explicit ListSideCar(Fields fields) : fields_(std::move(fields)) { facts_.format = Format::pickle; }
  Status Index() override {
    const PyValue& root = reader_.root();
    if (!root.is(PyType::list) && !root.is(PyType::tuple)) return Corrupt(path_, "a list of dicts is expected");
    rows_.reserve(reader_.Count(root));
    (void)reader_.Each(root, [&](const PyValue& item) -> Fault { return rows_.push_back(item), Fault{}; });
    return Status::OK();
  }
  int64_t count() const override { return static_cast<int64_t>(rows_.size()); }
  Status Read(int64_t row, Entry* entry) const override {
    Splitter splitter(Splitter::Shape::foreign, fields_);
    splitter.Begin();
    if (const Fault fault = reader_.Visit(rows_[static_cast<size_t>(row)], splitter)) return BadEntry(fault);
    return splitter.End(entry);
  }

 private:
  Fields fields_;
  std::vector<PyValue> rows_;
};

/// (InMemoryDocstore, {row: id}).
class LangChainSideCar final : public PickleSideCar {
 public:
  LangChainSideCar() { facts_.format = Format::langchain; }
  Status Index() override {
    std::vector<PyValue> pair;
    if (reader_.root().is(PyType::tuple)) (void)reader_.Each(reader_.root(), [&](const PyValue& item) -> Fault { return pair.push_back(item), Fault{}; });
    if (pair.size() != 2 || !pair[0].is(PyType::object) || pair[0].cls != PyClass::docstore || !pair[1].is(PyType::dict)) {
      return Corrupt(path_, "the pair of a docstore and a dict of rows is expected");
    }
    const PyValue* state = reader_.State(pair[0]);
    const PyValue* documents = state ? reader_.Find(*state, "_dict") : nullptr;
    if (!documents || !documents->is(PyType::dict)) return Corrupt(path_, "the docstore has no documents");
    (void)reader_.EachPair(*documents, [&](const PyValue& key, const PyValue& document) -> Fault {
      if (key.is(PyType::text)) documents_.insert_or_assign(key.view(), document);
      return {};
    });
    return IndexRows(pair[1]);
  }
  int64_t count() const override { return static_cast<int64_t>(ids_.size()); }

  Status Read(int64_t row, Entry* entry) const override {
    const std::string_view id = ids_[static_cast<size_t>(row)];
    if (!IsValidUtf8(id)) return BadRecord("invalid-utf8", "an id is not valid UTF-8");
    const auto found = documents_.find(id);
    if (found == documents_.end()) return BadRecord("missing-document", fmt::format("the docstore has no document '{}'", Printable(id, 100)));
    const PyValue* fields = nullptr;
    if (found->second.is(PyType::object) && found->second.cls == PyClass::document) {
      const PyValue* state = reader_.State(found->second);
      fields = state ? reader_.Find(*state, "__dict__") : nullptr;
    }
    const PyValue* text = fields && fields->is(PyType::dict) ? reader_.Find(*fields, "page_content") : nullptr;
    if (!text || !text->is(PyType::text) || !IsValidUtf8(text->view())) return BadRecord("bad-entry", "a document without its text");
    entry->id = std::string(id);
    entry->tenant.reset();
    entry->document = std::string(text->view());
    entry->metadata = "{}";
    const PyValue* metadata = reader_.Find(*fields, "metadata");
    if (!metadata || metadata->is(PyType::none)) return Status::OK();
    if (!metadata->is(PyType::dict)) return BadRecord("metadata-not-an-object", "the metadata is not a dict");
    entry->metadata.clear();
    JsonWriter writer(&entry->metadata);
    if (const Fault fault = reader_.Visit(*metadata, writer)) return BadEntry(fault);
    return Status::OK();
  }

 private:
  /// Rows are 0..n-1, in any order.
  Status IndexRows(const PyValue& rows) {
    const size_t n = reader_.Count(rows) / 2;
    ids_.resize(n);
    size_t seen = 0;
    const Fault fault = reader_.EachPair(rows, [&](const PyValue& key, const PyValue& id) -> Fault {
      if (!key.is(PyType::integer) || key.integer < 0 || static_cast<size_t>(key.integer) >= n || !id.is(PyType::text)) return {"rows", "rows"};
      std::string_view& place = ids_[static_cast<size_t>(key.integer)];
      if (!place.data()) ++seen;
      place = id.view();
      return {};
    });
    if (fault || seen != n) return Corrupt(path_, "its rows are not numbered from 0 on, each with the id of a document");
    return Status::OK();
  }

  std::unordered_map<std::string_view, PyValue> documents_;
  std::vector<std::string_view> ids_;
};

/// Appends to a file, in pieces of a megabyte.
class Out {
 public:
  explicit Out(File file) : file_(std::move(file)) {}
  std::string text;
  Status Spill(size_t least = size_t{1} << 20) {
    if (text.size() < least) return Status::OK();
    ARROW_RETURN_NOT_OK(file_.WriteAt(size_, text));
    size_ += static_cast<int64_t>(text.size());
    text.clear();
    return Status::OK();
  }
  Status End() {
    ARROW_RETURN_NOT_OK(Spill(0));
    return file_.Sync();
  }

 private:
  File file_;
  int64_t size_ = 0;
};

Status AppendJson(JsonReader& reader, const std::string& json, std::string* out) {
  pickle::ValueWriter writer(out, pickle::ValueWriter::Specials::python);
  writer.Begin();
  return reader.Visit(json, writer);
}

constexpr int64_t kChunk = 1000;  ///< items between a mark and the opcode that takes them

template <class Each>
Status ForEach(const SideCar& lines, char opcode, Out& out, Each each) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, lines.From(0));
  Entry entry;
  for (int64_t row = 0;; ++row) {
    ARROW_ASSIGN_OR_RAISE(const bool any, entries->Next(&entry));
    if (row > 0 && (!any || row % kChunk == 0)) out.text += opcode;
    if (!any) return Status::OK();
    if (row % kChunk == 0) out.text += '(';
    ARROW_RETURN_NOT_OK(each(row, entry));
    ARROW_RETURN_NOT_OK(out.Spill());
  }
}

/// [{"id": ..., "tenant": ..., "document": ..., "properties": {...}}, ...]
Status WriteList(const SideCar& lines, Out& out) {
  JsonReader reader;
  out.text = std::string(pickle::kProtocol) + "]";
  ARROW_RETURN_NOT_OK(ForEach(lines, 'e', out, [&](int64_t, const Entry& entry) {
    const auto add = [&](std::string_view key, const std::optional<std::string>& text) {
      if (!text) return;
      pickle::AppendText(key, &out.text);
      pickle::AppendText(*text, &out.text);
    };
    out.text += "}(";
    add("id", entry.id);
    add("tenant", entry.tenant);
    add("document", entry.document);
    pickle::AppendText("properties", &out.text);
    ARROW_RETURN_NOT_OK(AppendJson(reader, entry.metadata, &out.text));
    out.text += 'u';
    return Status::OK();
  }));
  out.text += '.';
  return out.End();
}

std::string Text(std::string_view text) {
  std::string out;
  pickle::AppendText(text, &out);
  return out;
}

Status WriteLangChain(const SideCar& lines, Out& out) {
  JsonReader reader;
  const std::string fields = "\x8f(" + Text("id") + Text("metadata") + Text("page_content") + "\x90";
  const std::string head = ")\x81}(" + Text("__dict__") + "}(" + Text("id");
  const std::string tail = Text("type") + Text("Document") + "u" + Text("__pydantic_extra__") + "N" + Text("__pydantic_fields_set__") + fields +
                           Text("__pydantic_private__") + "Nub";
  out.text = std::string(pickle::kProtocol) + Text("langchain_community.docstore.in_memory") + Text("InMemoryDocstore") + "\x93)\x81}" + Text("_dict") + "}";
  ARROW_RETURN_NOT_OK(ForEach(lines, 'u', out, [&](int64_t row, const Entry& entry) {
    pickle::AppendText(*entry.id, &out.text);
    // The class is remembered under the number 0.
    if (row == 0) out.text += Text("langchain_core.documents.base") + Text("Document") + "\x93q" + std::string(1, '\0');
    else out.text += "h" + std::string(1, '\0');
    out.text += head;
    pickle::AppendText(*entry.id, &out.text);
    out.text += Text("metadata");
    ARROW_RETURN_NOT_OK(AppendJson(reader, entry.metadata, &out.text));
    out.text += Text("page_content");
    pickle::AppendText(entry.document.value_or(""), &out.text);
    out.text += tail;
    return Status::OK();
  }));
  out.text += "sb}";
  ARROW_RETURN_NOT_OK(ForEach(lines, 'u', out, [&](int64_t row, const Entry& entry) {
    pickle::AppendSigned(row, &out.text);
    pickle::AppendText(*entry.id, &out.text);
    return Status::OK();
  }));
  out.text += "\x86.";
  return out.End();
}

}  // namespace

Result<std::shared_ptr<const SideCar>> OpenPickle(const fs::path& path, Format format, const Fields& fields) {
  std::shared_ptr<PickleSideCar> side;
  if (format == Format::langchain) side = std::make_shared<LangChainSideCar>();
  else side = std::make_shared<ListSideCar>(fields);
  ARROW_RETURN_NOT_OK(side->Load(path));
  return side;
}

Status WritePickle(const SideCar& lines, Format format, const fs::path& path) {
  ARROW_ASSIGN_OR_RAISE(File file, File::Open(path, File::Mode::create));
  Out out(std::move(file));
  return format == Format::langchain ? WriteLangChain(lines, out) : WriteList(lines, out);
}

}  // namespace vecferry::sidecar
