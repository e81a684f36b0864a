#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "connectors/jsonl/shapes.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"

namespace vecferry::jsonl {

/// Where the points of a scroll's answers go: one file, or one after another. One thread at a time.
class ScrollOutput {
 public:
  virtual ~ScrollOutput() = default;
  /// `header` is the side-car's text.
  virtual Status Begin(const SinkSpec& spec, const std::string& header) = 0;
  /// The point's id is what an answer before it names as the next page.
  virtual Status Put(std::string_view point, std::string_view id) = 0;
  virtual Status EndBatch() = 0;
  virtual Result<std::string> Flush() = 0;
  virtual Status Resume(const std::string& state) = 0;
  virtual Status Finish() = 0;
  virtual void Close() = 0;
  virtual Status Drop() = 0;
  virtual files::Place Written() const = 0;
};
std::unique_ptr<ScrollOutput> MakeOutput(const files::Place& place, const Wishes& wishes);

/// What such files can hold, so that Qdrant takes them.
Capabilities ScrollCapabilities();

}  // namespace vecferry::jsonl
