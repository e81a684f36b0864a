#include "connectors/weaviate/writer.h"

#include <algorithm>

#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/names.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

/// More than that are not made: keys that are data, one for each record, would be as many properties.
constexpr size_t kMostProperties = 1'000;
constexpr std::chrono::milliseconds kLookEvery{200};

Status Again(std::string message) {
  ErrorFacts facts;
  facts.category = Category::transient;
  facts.retry = Retry::after_delay;
  facts.delivery = Delivery::unknown;
  facts.next_step = "run the same command again: it resumes";
  return MakeError(std::move(facts), std::move(message));
}

}  // namespace

/// A batch as it is sent.
struct ClassWriter::Encoded {
  google::protobuf::Arena arena;
  pb::BatchObjectsRequest* request = nullptr;
  std::vector<int64_t> rows;           ///< of each object
  std::vector<RowReject> rejects;
  std::set<std::string> tenants;       ///< of the class
  bool unknown = false;                ///< some key has no property
};

/// A batch as it came, and as its objects' properties are made of.
struct ClassWriter::Batch {
  const RecordView& whole;
  RecordView properties;
};

ClassWriter::ClassWriter(Dataset dataset, ClassSchema schema, Shape shape, const Capabilities& can)
    : dataset_(std::move(dataset)), shape_(std::move(shape)), can_(can), table_(std::make_shared<PropertyTable>(schema)) {}
ClassWriter::~ClassWriter() = default;

std::shared_ptr<const PropertyTable> ClassWriter::table() {
  std::lock_guard guard(mutex_);
  return table_;
}

Result<WriteOutcome> ClassWriter::Write(const RecordView& whole) {
  ARROW_RETURN_NOT_OK(CheckClass());
  Batch batch{whole, whole};
  if (shape_.multi_tenant) {
    ARROW_ASSIGN_OR_RAISE(batch.properties, whole.WithoutTenant());
  }
  auto encoded = std::make_unique<Encoded>();
  {
    const auto encoder = encoders_.Take([&] { return ObjectEncoder(shape_, *dataset_.layout, can_); });
    auto known = table();
    ARROW_RETURN_NOT_OK(Encode(batch, *encoder, *known, encoded.get()));
    if (encoded->unknown) {
      ARROW_ASSIGN_OR_RAISE(const bool made, AddProperties(batch.properties, *encoder, known));
      if (made) {
        encoded = std::make_unique<Encoded>();
        known = table();
        ARROW_RETURN_NOT_OK(Encode(batch, *encoder, *known, encoded.get()));
      }
    }
  }
  WriteOutcome outcome;
  outcome.rejects = std::move(encoded->rejects);
  if (encoded->request->objects_size() > 0) ARROW_RETURN_NOT_OK(Send(*encoded, &outcome));
  return outcome;
}

Status ClassWriter::Encode(const Batch& batch, ObjectEncoder& encoder, const PropertyTable& table, Encoded* out) const {
  out->request = google::protobuf::Arena::CreateMessage<pb::BatchObjectsRequest>(&out->arena);
  if (const auto level = dataset_.client->target().level; level != Consistency::unspecified) out->request->set_consistency_level(static_cast<pb::ConsistencyLevel>(level));
  for (int64_t row = 0; row < batch.whole.rows(); ++row) {
    auto tenant = ClassTenantOf(shape_, batch.whole.tenant(row));
    pb::BatchObject* object = out->request->add_objects();
    std::optional<RowReject> reject;
    if (!tenant.ok()) reject = RowReject{row, FactsOf(tenant.status()).code, tenant.status().message()};
    else reject = encoder.Encode(batch.properties, row, dataset_.class_name, table, object, &out->unknown);
    if (reject) {
      out->rejects.push_back(std::move(*reject));
      out->request->mutable_objects()->RemoveLast();
      continue;
    }
    if (!tenant->empty()) out->tenants.insert(*tenant);
    object->set_tenant(std::move(*tenant));
    out->rows.push_back(row);
  }
  return Status::OK();
}

Result<bool> ClassWriter::AddProperties(const RecordView& batch, ObjectEncoder& encoder, const std::shared_ptr<const PropertyTable>& before) {
  std::lock_guard making(properties_mutex_);
  const auto now = table();
  TypeScout scout(*now);
  for (int64_t row = 0; row < batch.rows(); ++row) {
    // A record that is at fault is told of by the encoder.
    (void)encoder.Scout(batch, row, &scout);
  }
  PropertyTable next = *now;
  bool made = now != before;
  const Status status = MakeProperties(scout, &next, &made);
  {
    // Also those that were made before one failed: when the batch comes again they are not made anew.
    std::lock_guard guard(mutex_);
    if (made) table_ = std::make_shared<const PropertyTable>(std::move(next));
  }
  ARROW_RETURN_NOT_OK(status);
  return made;
}

Status ClassWriter::MakeProperties(const TypeScout& scout, PropertyTable* table, bool* made) {
  if (!table->has_rest()) {
    PropertyType type;
    ARROW_ASSIGN_OR_RAISE(const bool there, AddProperty(std::string(kRestProperty), {}, &type));
    if (!there || type.Name() != "text") {
      return MakeError(Category::refused, fmt::format("the class '{}' can have no property '{}' of type text", dataset_.class_name, kRestProperty), "name another class");
    }
    table->SetRest();
    *made = true;
  }
  for (const auto& [key, type] : scout.Types()) {
    if (refused_.contains(key) || table->size() >= kMostProperties) continue;
    const auto name = table->NameFor(key);
    if (!name) continue;
    PropertyType held;
    ARROW_ASSIGN_OR_RAISE(const bool there, AddProperty(*name, type, &held));
    if (!there) {
      refused_.insert(key);
      continue;
    }
    table->Add(key, {*name, held});
    *made = true;
  }
  return Status::OK();
}

/// True where the property is there now, `made` its type: another may have made it meanwhile, or the first of two calls has.
Result<bool> ClassWriter::AddProperty(const std::string& name, const PropertyType& type, PropertyType* made) {
  VF_FAILPOINT("weaviate.property.before");
  const Status status = dataset_.client->AddProperty(dataset_.class_name, PropertyBody(name, type));
  *made = type;
  VF_FAILPOINT("weaviate.property.after");
  if (status.ok()) return true;
  if (!IsCategory(status, Category::refused)) return status;
  ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(dataset_.class_name));
  if (!found) return MakeError(Category::not_found, fmt::format("the class '{}' is gone", dataset_.class_name), "see what removed it");
  const auto at = found->properties.find(name);
  if (at == found->properties.end()) return false;
  *made = at->second;
  return true;
}

Status ClassWriter::CheckClass() {
  {
    std::lock_guard guard(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < kLookEvery) return Status::OK();
    looked_ = now;
  }
  ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(dataset_.class_name));
  const auto same = [&] {
    if (found->multi_tenant != shape_.multi_tenant) return false;
    return std::all_of(shape_.schema.vectors.begin(), shape_.schema.vectors.end(), [&](const VectorSpec& spec) {
      const VectorConfig* config = found->FindVector(VectorName(spec.name).value_or(spec.name));
      return config && config->metric == spec.metric && config->multi == (spec.kind == VectorKind::multi);
    });
  };
  if (found && same()) return Status::OK();
  return MakeError(Category::not_found, fmt::format("the class '{}' {}", dataset_.class_name, found ? "is another than the one that was being written" : "is gone"),
                   "see what removed it, then begin anew with --restart");
}

Status ClassWriter::Send(const Encoded& encoded, WriteOutcome* outcome) {
  const auto size = static_cast<int64_t>(encoded.request->ByteSizeLong());
  if (size > dataset_.client->most_bytes()) {
    return MakeError(Category::too_large, fmt::format("the batch is of {}, and the server takes {}", FormatBytes(static_cast<double>(size)), FormatBytes(static_cast<double>(dataset_.client->most_bytes()))),
                     "use a smaller --batch-size");
  }
  for (const auto& tenant : encoded.tenants) ARROW_RETURN_NOT_OK(dataset_.tenants->NeedOrMake(tenant));
  VF_FAILPOINT("weaviate.batch.before");
  pb::BatchObjectsReply reply;
  ARROW_RETURN_NOT_OK(dataset_.client->Ask("BatchObjects", *encoded.request, &reply, HttpAct::write, "writing objects", dataset_.class_name, ""));
  VF_FAILPOINT("weaviate.batch.after");
  return reply.errors_size() == 0 ? Status::OK() : Judge(encoded, reply, outcome);
}

/// An answer that is OK and tells of objects that were not taken, in words alone. What can be told otherwise is asked for: a class or tenant that
/// is gone or asleep, a server that takes no writes. What remains are objects at fault.
Status ClassWriter::Judge(const Encoded& encoded, const pb::BatchObjectsReply& reply, WriteOutcome* outcome) {
  ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(dataset_.class_name));
  if (!found) return MakeError(Category::not_found, fmt::format("the class '{}' is gone", dataset_.class_name), "see what removed it, then begin anew with --restart");
  for (const auto& tenant : encoded.tenants) {
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->FindTenant(dataset_.class_name, tenant));
    if (there && there->active()) continue;
    dataset_.tenants->Forget();
    return Again(fmt::format("writing objects: the tenant '{}' was {} meanwhile", Printable(tenant, 100), there ? "put to sleep" : "removed"));
  }
  const auto shards = dataset_.client->Shards(dataset_.class_name);
  if (shards.ok() && shards->read_only) {
    return MakeError(Category::no_space, "writing objects: the server has made the class read-only, as it does when its disk or memory is nearly full",
                     "make room at the server and set the shards to READY, then run the same command again: it resumes");
  }
  for (const auto& error : reply.errors()) {
    if (error.index() < 0 || static_cast<size_t>(error.index()) >= encoded.rows.size()) return BadGrpcAnswer("writing objects");
    outcome->rejects.push_back({encoded.rows[static_cast<size_t>(error.index())], "refused-by-store", Printable(error.error(), 1000)});
  }
  return Status::OK();
}

}  // namespace vecferry::weaviate
