#include "base/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace vecferry {
namespace {

constexpr const char* kDetailType = "vecferry::ErrorFacts";

class FactsDetail : public arrow::StatusDetail {
 public:
  explicit FactsDetail(ErrorFacts facts) : facts_(std::move(facts)) {}
  const char* type_id() const override { return kDetailType; }
  std::string ToString() const override { return std::string(CategoryName(facts_.category)); }
  const ErrorFacts& facts() const { return facts_; }

 private:
  ErrorFacts facts_;
};

arrow::StatusCode CodeOf(Category category) {
  switch (category) {
    case Category::usage:
    case Category::bad_content: return arrow::StatusCode::Invalid;
    case Category::not_found: return arrow::StatusCode::KeyError;
    case Category::unsupported: return arrow::StatusCode::NotImplemented;
    case Category::cancelled: return arrow::StatusCode::Cancelled;
    case Category::internal: return arrow::StatusCode::UnknownError;
    default: return arrow::StatusCode::IOError;
  }
}

Category CategoryOfErrno(int err) {
  switch (err) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Category::no_space;
    case EACCES:
    case EPERM:
    case EROFS: return Category::permission;
    case ENOENT:
    case ENOTDIR: return Category::not_found;
    case EWOULDBLOCK: return Category::locked;
    case EINTR: return Category::transient;
    default: return Category::internal;
  }
}

std::string_view NextStepOfErrno(Category category) {
  switch (category) {
    case Category::no_space: return "free some space and run the same command again: it resumes";
    case Category::permission: return "give this user the right to it, or name another place";
    case Category::not_found: return "check the path";
    default: return "";
  }
}

}  // namespace

Status MakeError(ErrorFacts facts, std::string message) {
  const auto code = CodeOf(facts.category);
  return Status(code, std::move(message), std::make_shared<FactsDetail>(std::move(facts)));
}

Status MakeError(Category category, std::string message, std::string next_step) {
  ErrorFacts facts;
  facts.category = category;
  facts.next_step = std::move(next_step);
  if (category == Category::transient) facts.retry = Retry::after_delay;
  return MakeError(std::move(facts), std::move(message));
}

Status BadRecord(std::string_view code, std::string message) {
  ErrorFacts facts;
  facts.category = Category::bad_content;
  facts.code = code;
  return MakeError(std::move(facts), std::move(message));
}

ErrorFacts FactsOf(const Status& status) {
  if (status.detail() && std::strcmp(status.detail()->type_id(), kDetailType) == 0) {
    return static_cast<const FactsDetail&>(*status.detail()).facts();
  }
  ErrorFacts facts;
  if (status.IsCancelled()) facts.category = Category::cancelled;
  return facts;
}

bool IsCategory(const Status& status, Category category) {
  return !status.ok() && FactsOf(status).category == category;
}

Status At(const Status& status, Side side, std::string_view store, std::string_view dataset) {
  if (status.ok()) return status;
  ErrorFacts facts = FactsOf(status);
  if (facts.side == Side::none) facts.side = side;
  if (facts.store.empty()) facts.store = store;
  if (facts.dataset.empty()) facts.dataset = dataset;
  return MakeError(std::move(facts), status.message());
}

Status Prefixed(std::string_view prefix, const Status& status) {
  if (status.ok()) return status;
  return MakeError(FactsOf(status), fmt::format("{}: {}", prefix, status.message()));
}

Status ErrnoError(int err, std::string_view what, std::string_view path) {
  const Category category = CategoryOfErrno(err);
  return MakeError(category, fmt::format("{} {}: {}", what, path, std::strerror(err)),
                   std::string(NextStepOfErrno(category)));
}

std::string_view CategoryName(Category category) {
  switch (category) {
    case Category::internal: return "internal";
    case Category::usage: return "usage";
    case Category::not_found: return "not_found";
    case Category::unauthorized: return "unauthorized";
    case Category::permission: return "permission";
    case Category::refused: return "refused";
    case Category::unsupported: return "unsupported";
    case Category::transient: return "transient";
    case Category::too_large: return "too_large";
    case Category::bad_content: return "bad_content";
    case Category::corrupt: return "corrupt";
    case Category::locked: return "locked";
    case Category::no_space: return "no_space";
    case Category::limit: return "limit";
    case Category::cancelled: return "cancelled";
  }
  return "internal";
}

std::string_view SideName(Side side) {
  switch (side) {
    case Side::none: return "";
    case Side::source: return "source";
    case Side::sink: return "target";
  }
  return "";
}

int ExitCodeOf(const Status& status) {
  if (status.ok()) return exit_code::kOk;
  switch (FactsOf(status).category) {
    case Category::usage: return exit_code::kUsage;
    case Category::not_found: return exit_code::kNotFound;
    case Category::unauthorized:
    case Category::permission: return exit_code::kUnauthorized;
    case Category::refused:
    case Category::unsupported: return exit_code::kRefused;
    case Category::transient:
    case Category::no_space: return exit_code::kTransient;
    case Category::limit: return exit_code::kLimit;
    case Category::locked: return exit_code::kLocked;
    case Category::cancelled: return exit_code::kInterrupted;
    case Category::too_large:
    case Category::bad_content:
    case Category::corrupt:
    case Category::internal: return exit_code::kUnexpected;
  }
  return exit_code::kUnexpected;
}

std::string Describe(const Status& status) {
  const ErrorFacts facts = FactsOf(status);
  std::string place;
  if (facts.side != Side::none) place = SideName(facts.side);
  if (!facts.dataset.empty()) {
    place += fmt::format("{}{}", place.empty() ? "" : " ", facts.dataset);
  } else if (!facts.store.empty()) {
    place += fmt::format("{}{}", place.empty() ? "" : " ", facts.store);
  }
  std::string text = place.empty() ? status.message() : fmt::format("{}: {}", place, status.message());
  if (!facts.next_step.empty()) text += fmt::format("\n  next: {}", facts.next_step);
  return text;
}

}  // namespace vecferry
