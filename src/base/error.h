#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/result.h>
#include <arrow/status.h>

namespace vecferry {

using arrow::Result;
using arrow::Status;

/// What kind of failure it is. Decides the exit code and what the engine does.
enum class Category {
  internal,      ///< a defect of ours
  usage,         ///< command line, job file or URI is wrong
  not_found,     ///< the file, dataset or record does not exist
  unauthorized,  ///< credentials missing, wrong, or not allowed to do this
  permission,    ///< the operating system refused
  refused,       ///< a preflight or safety check said no
  unsupported,   ///< the store cannot hold or do this
  transient,     ///< may pass by itself: a network fault, a busy store
  too_large,     ///< the request is larger than the store takes: send less at once
  bad_content,   ///< one or more records are at fault, not the store
  corrupt,       ///< bytes read are not what their format allows
  locked,        ///< another process holds the store or the run
  no_space,      ///< a disk or quota is full
  limit,         ///< a limit the user asked for was reached
  cancelled,     ///< the user interrupted
};

enum class Side { none, source, sink };
enum class Retry { never, now, after_delay };
/// Whether the act that failed took effect all the same.
enum class Delivery { not_applied, applied, unknown };

/// The facts that travel with every failure. Connectors fill them by code, in one table per
/// store, never by message text; the engine decides on them.
struct ErrorFacts {
  Category category = Category::internal;
  Side side = Side::none;
  std::string store;    ///< the kind of store, "qdrant-local"
  std::string dataset;  ///< the dataset as the user would name it
  Retry retry = Retry::never;
  std::chrono::milliseconds retry_after{0};  ///< the store's own wish, 0 if it said none
  Delivery delivery = Delivery::not_applied;
  std::string next_step;  ///< what the user can do, one sentence
  std::string code;       ///< of bad_content: the stable code of the reject it becomes, "id-not-a-hash"
};

/// A failure with its facts. The message says what was wrong, the next step what to do.
Status MakeError(Category category, std::string message, std::string next_step = {});
Status MakeError(ErrorFacts facts, std::string message);
/// One record is at fault: Category::bad_content with the code of its reject.
Status BadRecord(std::string_view code, std::string message);

/// The facts of a failure; those of an error that carries none are Category::internal.
ErrorFacts FactsOf(const Status& status);
bool IsCategory(const Status& status, Category category);

/// The same failure with side, store and dataset set where they were empty.
Status At(const Status& status, Side side, std::string_view store, std::string_view dataset);
/// The same failure with "PREFIX: " before its message.
Status Prefixed(std::string_view prefix, const Status& status);

/// A failure from errno, classified (ENOSPC, EACCES, ENOENT, ...).
Status ErrnoError(int err, std::string_view what, std::string_view path);

std::string_view CategoryName(Category category);
std::string_view SideName(Side side);

/// The process exit code that documents a failure (docs/reference/exit-codes.md).
int ExitCodeOf(const Status& status);

namespace exit_code {
inline constexpr int kOk = 0, kUnexpected = 1, kUsage = 2, kRejects = 3, kDifference = 4, kNotFound = 5,
                     kUnauthorized = 6, kTransient = 7, kRefused = 8, kLimit = 9, kLocked = 11,
                     kInterrupted = 130;
}

/// "what (side, store, dataset): next step" in the form that is shown to a user.
std::string Describe(const Status& status);

}  // namespace vecferry
