#include "files/s3.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <arrow/filesystem/s3fs.h>
#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::files {
namespace {

constexpr int kAttempts = 3;

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Learns the server's error code, which the library's own failures do not carry.
class Watching final : public arrow::fs::S3RetryStrategy {
 public:
  explicit Watching(std::shared_ptr<S3::LastError> last) : last_(std::move(last)) {}
  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted) override {
    const std::lock_guard lock(last_->mutex);
    last_->code = error.exception_name;
    last_->retryable = error.should_retry;
    last_->type = error.error_type;
    return error.should_retry && attempted < kAttempts;
  }
  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail&, int64_t attempted) override { return int64_t{100} << attempted; }

 private:
  const std::shared_ptr<S3::LastError> last_;
};

Status StartLibrary() {
  static const arrow::Status started = [] {
    arrow::fs::S3GlobalOptions options = arrow::fs::S3GlobalOptions::Defaults();
    options.log_level = arrow::fs::S3LogLevel::Off;  // its log would print what servers say, credentials' names too
    return arrow::fs::InitializeS3(options);
  }();
  return started;
}

/// The library must be ended before the process is, and before what its first client leaves to be destroyed at the end.
void EndLibraryAtExit() {
  static const int registered = std::atexit([] { (void)arrow::fs::EnsureS3Finalized(); });
  (void)registered;
}

struct CodeFacts {
  std::string_view code;
  Category category;
  std::string_view next_step;
};
constexpr std::string_view kCredentials = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
constexpr std::array kCodes = {
    CodeFacts{"NoSuchBucket", Category::not_found, "check the bucket's name; Vecferry creates none"},
    CodeFacts{"NoSuchKey", Category::not_found, "check the key"},
    CodeFacts{"InvalidAccessKeyId", Category::unauthorized, kCredentials},
    CodeFacts{"SignatureDoesNotMatch", Category::unauthorized, kCredentials},
    CodeFacts{"InvalidSecurity", Category::unauthorized, kCredentials},
    CodeFacts{"InvalidToken", Category::unauthorized, kCredentials},
    CodeFacts{"ExpiredToken", Category::unauthorized, "renew the session's credentials"},
    CodeFacts{"TokenRefreshRequired", Category::unauthorized, "renew the session's credentials"},
    CodeFacts{"AuthorizationHeaderMalformed", Category::unauthorized, "check the region: AWS_REGION or ?s3-region="},
    CodeFacts{"RequestTimeTooSkewed", Category::unauthorized, "set this machine's clock"},
    CodeFacts{"AccessDenied", Category::unauthorized, "use credentials that may do this"},
    CodeFacts{"AllAccessDisabled", Category::unauthorized, "use credentials that may do this"},
    CodeFacts{"PermanentRedirect", Category::usage, "name the bucket's region: AWS_REGION or ?s3-region="},
    CodeFacts{"InvalidBucketName", Category::usage, "check the bucket's name"},
    CodeFacts{"EntityTooLarge", Category::too_large, "write a folder of smaller files (?file-size=)"},
    CodeFacts{"QuotaExceeded", Category::no_space, "free space in the bucket"},
    CodeFacts{"XMinioStorageFull", Category::no_space, "free space at the server"},
    CodeFacts{"SlowDown", Category::transient, "run the same command again"},
    CodeFacts{"ServiceUnavailable", Category::transient, "run the same command again"},
    CodeFacts{"InternalError", Category::transient, "run the same command again"},
    CodeFacts{"InternalFailure", Category::transient, "run the same command again"},
    CodeFacts{"RequestTimeout", Category::transient, "run the same command again"},
};
/// Of Aws::Client::CoreErrors: NETWORK_CONNECTION and REQUEST_TIMEOUT, where the request met no answer.
constexpr int kNoConnection = 99, kTimeout = 24;

/// Answers to HEAD have no body and so no code; the library tells by their status. INVALID_CLIENT_TOKEN_ID, MISSING_AUTHENTICATION_TOKEN, ACCESS_DENIED,
/// UNRECOGNIZED_CLIENT, INVALID_SIGNATURE, SIGNATURE_DOES_NOT_MATCH, INVALID_ACCESS_KEY_ID of Aws::Client::CoreErrors.
bool IsDenied(int type) {
  constexpr std::array kDenied = {3, 8, 15, 17, 21, 22, 23};
  return std::find(kDenied.begin(), kDenied.end(), type) != kDenied.end();
}

}  // namespace

ErrorFacts FactsOfS3Code(std::string_view code) {
  ErrorFacts facts;
  for (const auto& known : kCodes) {
    if (known.code != code) continue;
    facts.category = known.category;
    facts.next_step = known.next_step;
    if (facts.category == Category::transient) facts.retry = Retry::after_delay;
  }
  return facts;
}

std::string S3::endpoint() const {
  const auto given = options_.find("endpoint");
  if (given != options_.end()) return given->second;
  const std::string own = Env("AWS_ENDPOINT_URL_S3");
  return own.empty() ? Env("AWS_ENDPOINT_URL") : own;
}

Result<std::shared_ptr<arrow::fs::S3FileSystem>> S3::Get(const std::string& bucket) {
  const std::lock_guard lock(mutex_);
  if (opened_) return opened_;
  ARROW_RETURN_NOT_OK(StartLibrary());
  const auto option = [this](const char* name) {
    const auto found = options_.find(name);
    return found == options_.end() ? std::string() : found->second;
  };
  arrow::fs::S3Options options;
  if (option("anonymous") == "true") options.ConfigureAnonymousCredentials();
  else if (!option("access-key").empty() || !option("secret-key").empty()) options.ConfigureAccessKey(option("access-key"), option("secret-key"), option("session-token"));
  else options.ConfigureDefaultCredentials();
  std::string endpoint = this->endpoint();
  if (const auto scheme = endpoint.find("://"); scheme != std::string::npos) {
    options.scheme = ToLower(endpoint.substr(0, scheme));
    endpoint.erase(0, scheme + 3);
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  options.endpoint_override = endpoint;
  options.region = option("region");
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (options.region.empty()) options.region = Env(name);
  }
  if (options.region.empty() && !endpoint.empty()) options.region = "us-east-1";
  if (options.region.empty()) {
    // Where the bucket itself cannot be asked, the library's own guess stands.
    options.region = arrow::fs::ResolveS3BucketRegion(bucket).ValueOr("");
  }
  options.connect_timeout = 10;
  options.request_timeout = 60;
  options.background_writes = false;
  options.retry_strategy = std::make_shared<Watching>(last_);
  auto made = arrow::fs::S3FileSystem::Make(options);
  EndLibraryAtExit();
  if (!made.ok()) return MakeError(Category::usage, fmt::format("S3: {}", Printable(made.status().message(), 300)), "check the s3-* options and the AWS_* variables");
  opened_ = std::move(made).ValueOrDie();
  return opened_;
}

Status S3::Classify(const arrow::Status& status, std::string_view what, std::string_view text) const {
  if (status.ok() || status.detail()) return status;
  std::string code;
  int type = 0;
  bool retryable = false;
  {
    const std::lock_guard lock(last_->mutex);
    code = std::exchange(last_->code, {});
    type = std::exchange(last_->type, 0);
    retryable = std::exchange(last_->retryable, false);
  }
  ErrorFacts facts = FactsOfS3Code(code);
  if (facts.category == Category::internal && IsDenied(type)) {
    facts.category = Category::unauthorized;
    facts.next_step = kCredentials;
  } else if (facts.category == Category::internal && (retryable || type == kNoConnection || type == kTimeout)) {
    facts.category = Category::transient;
    facts.retry = Retry::after_delay;
    facts.next_step = "see that the server is there and run the same command again";
  }
  const std::string reason = code.empty() ? Printable(status.message(), 300) : Printable(code, 100);
  return MakeError(std::move(facts), fmt::format("{} {}: {}", what, text, reason));
}

}  // namespace vecferry::files
