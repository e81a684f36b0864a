#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"

namespace arrow::fs {
class S3FileSystem;
}

namespace vecferry::files {

/// One way to reach a server of S3's protocol. Connects at the first use: a program that names no bucket never starts the
/// library behind it. Thread-safe.
class S3 {
 public:
  /// Options without their "s3-". Those not given come from AWS_* variables and ~/.aws, as every tool reads them.
  explicit S3(std::map<std::string, std::string> options) : options_(std::move(options)) {}
  Result<std::shared_ptr<arrow::fs::S3FileSystem>> Get(const std::string& bucket);
  /// A failure of the library, classified by the server's error code. `text` is the place that was asked.
  Status Classify(const arrow::Status& status, std::string_view what, std::string_view text) const;
  std::string endpoint() const;

  /// What the server last answered with.
  struct LastError {
    std::mutex mutex;
    std::string code;
    int type = 0;  ///< Aws::Client::CoreErrors
    bool retryable = false;
  };

 private:
  std::map<std::string, std::string> options_;
  std::mutex mutex_;
  std::shared_ptr<arrow::fs::S3FileSystem> opened_;
  std::shared_ptr<LastError> last_ = std::make_shared<LastError>();
};

/// How an S3 error code is classified: category and whether it may pass.
ErrorFacts FactsOfS3Code(std::string_view code);

}  // namespace vecferry::files
