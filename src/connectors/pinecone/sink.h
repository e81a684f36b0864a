#pragma once
#include <memory>
#include <string>

#include "connector/intentions.h"
#include "connector/keyed_undo.h"
#include "connectors/pinecone/dataset.h"
#include "connectors/pinecone/replacement.h"

namespace vecferry::pinecone {

/// Writes into an index or one of its namespaces. An index that does not exist is made where its name was given.
class IndexSink final : public Sink, public KeyedUndo {
 public:
  explicit IndexSink(Dataset dataset) : dataset_(std::move(dataset)) {}

  Result<TargetInfo> Describe() override;
  std::vector<Note> Foresee(const SinkSpec& spec) const override;
  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override;
  Status Prepare(const SinkSpec& spec) override;
  Result<WriteOutcome> Write(const RecordView& batch) override;
  Status Finish() override;
  Status Abort() override;
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override;
  /// Tenants that share a namespace have ids that become one.
  bool InjectiveKeys(const RecordSchema& schema) const override { return !schema.has_tenant || !dataset_.target.one_namespace; }
  Lookup* lookup() override;
  Undo* undo() override { return this; }
  /// Nothing is put off: it says whether what was written is visible.
  IndexDeferral* indexing() override { return visibility_.get(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override;

  Result<Undo*> Records() override;
  Status DropDataset() override;

 private:
  Status CheckPrepared() const;
  Status MakeIndex();
  Status AwaitReady();
  Status CheckExisting();
  Result<WriteOutcome> WriteSpace(const RecordView& batch, const std::vector<int64_t>& rows, const std::string& space);

  Dataset dataset_, active_;            ///< what is meant, and what is written: another while the one is to be replaced
  SinkSpec spec_;
  Intentions intents_;
  RecordForm form_, written_;           ///< of the records, and of the batches as they are encoded
  bool prepared_ = false;
  std::unique_ptr<Replacement> replacement_;
  std::unique_ptr<VectorsByKey> points_;
  std::unique_ptr<IndexDeferral> visibility_;
};

}  // namespace vecferry::pinecone
