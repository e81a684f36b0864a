#include "sidecar/census.h"

#include <charconv>

#include "base/uuid.h"

namespace vecferry::sidecar {
namespace {

template <class T>
bool IsCanonical(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(number) == text;
}

}  // namespace

void Census::Add(const Entry& entry) {
  documents_ += entry.document ? 1 : 0;
  tenants_ += entry.tenant ? 1 : 0;
  if (!entry.id) return;
  ++ids_;
  if (IsCanonical<uint64_t>(*entry.id)) ++naturals_;
  if (IsCanonical<int64_t>(*entry.id)) ++integers_;
  const auto uuid = entry.id->size() == 36 ? ParseUuid(*entry.id) : std::nullopt;
  if (uuid && FormatUuid(*uuid) == *entry.id) ++uuids_;
}

void Census::Fill(Facts* facts) const {
  facts->count = count_;
  facts->has_ids = ids_ > 0;
  facts->has_document = documents_ > 0;
  facts->has_tenant = tenants_ > 0;
  if (ids_ == 0) return;
  if (uuids_ == ids_) facts->id_kind = IdKind::uuid;
  else if (naturals_ == ids_) facts->id_kind = IdKind::u64;
  else if (integers_ == ids_) facts->id_kind = IdKind::i64;
}

}  // namespace vecferry::sidecar
