#include "connectors/parquet/parts.h"

#include <algorithm>

#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/text.h"

namespace vecferry::parquet_store {
namespace {

constexpr size_t kMaxOpen = 32;
constexpr size_t kMaxPartitions = 10000;

Status BadState() { return MakeError(Category::corrupt, "no state of a Parquet folder", "start again with --restart"); }

}  // namespace

fs::path Parts::Sidecars() const {
  fs::path path = folder_.root();
  path += "-meta";
  return path;
}

/// Names of partitions may be long and have folders in them: a side-car is named by a hash.
fs::path Parts::SidecarOf(const Part& part) const { return Sidecars() / (Sha256::Of(part.relative).substr(0, 32) + ".meta"); }

Status Parts::Write(const Key& key, const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(Part* part, PartFor(key));
  ARROW_RETURN_NOT_OK(OpenPart(*part));
  return part->writer->Write(batch);
}

Result<Parts::Part*> Parts::PartFor(const Key& key) {
  auto& [part, count] = current_[key];
  if (part && !part->sealed) return part;
  if (current_.size() > kMaxPartitions) {
    return MakeError(Category::limit, fmt::format("more than {} partitions", FormatCount(kMaxPartitions)), "partition by something with fewer values");
  }
  auto made = std::make_unique<Part>();
  made->key = key;
  // Two values may share a folder: none and an empty one do.
  do {
    made->relative = fmt::format("{}part-{:05}.parquet", setup_.folder(key), count++);
  } while (parts_.contains(made->relative));
  part = made.get();
  parts_[made->relative] = std::move(made);
  return part;
}

Status Parts::OpenPart(Part& part) {
  open_.remove(&part);
  open_.push_front(&part);
  if (part.writer) return Status::OK();
  if (open_.size() > kMaxOpen) {
    Part& oldest = *open_.back();
    ARROW_RETURN_NOT_OK(FlushPart(oldest));
    ClosePart(oldest);
  }
  std::error_code ec;
  fs::create_directories(Sidecars(), ec);
  if (ec) return ErrnoError(ec.value(), "cannot create", Sidecars().string());
  ARROW_RETURN_NOT_OK(folder_.MakeParents(part.relative));
  const fs::path path = folder_.root() / part.relative;
  const bool begun = part.size > 0;
  ARROW_ASSIGN_OR_RAISE(part.data, begun ? files::GrowingFile::Reopen(path) : files::GrowingFile::Create(path));
  if (begun) ARROW_RETURN_NOT_OK(part.data.CutTo(part.size));
  else ARROW_RETURN_NOT_OK(part.data.Append(columnar::TableWriter::kMagic));
  columnar::TableWriter::Data data = {[&part](std::string_view bytes) { return part.data.Append(bytes); }, [&part] { return part.data.size(); },
                                      [&part](int64_t size) { return part.data.CutTo(size); }};
  ARROW_ASSIGN_OR_RAISE(part.writer, columnar::TableWriter::Make(setup_.schema(part.key), setup_.table, std::move(data)));
  ARROW_RETURN_NOT_OK(part.writer->BeginSidecar(SidecarOf(part), begun));
  return part.writer->Resume(part.sidecar);
}

Status Parts::FlushPart(Part& part) {
  if (!part.writer) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(part.sidecar, part.writer->Flush());
  ARROW_RETURN_NOT_OK(part.data.Sync());
  part.size = part.data.size();
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, part.data.Stat());
  part.inode = stamp.inode;
  return Status::OK();
}

void Parts::ClosePart(Part& part) {
  open_.remove(&part);
  part.writer.reset();
  part.data.Close();
}

Result<std::string> Parts::Flush() {
  // What the state before this one called ended is durable in the journal by now: it may leave this machine.
  for (auto& [name, part] : parts_) {
    if (part->sealed && !part->sent && !folder_.place().is_local()) {
      ARROW_RETURN_NOT_OK(EndPart(*part));
      ARROW_RETURN_NOT_OK(folder_.Publish(name));
      part->sent = true;
    }
  }
  auto state = nlohmann::json::array();
  for (auto& [name, part] : parts_) {
    ARROW_RETURN_NOT_OK(FlushPart(*part));
    if (part->size >= setup_.file_size && !part->sealed) {
      part->sealed = true;
      ClosePart(*part);
    }
    nlohmann::json item = {{"p", name}, {"s", part->size}, {"i", part->inode}, {"m", part->sidecar}, {"e", part->sealed}, {"x", part->sent}};
    if (part->key) item["k"] = *part->key;
    state.push_back(std::move(item));
  }
  return state.dump();
}

Status Parts::Resume(const std::string& text) {
  Close();
  parts_.clear();
  current_.clear();
  const auto state = text.empty() ? nlohmann::json::array() : nlohmann::json::parse(text, nullptr, false);
  if (!state.is_array()) return BadState();
  std::set<std::string> names;
  try {
    for (const auto& item : state) {
      auto part = std::make_unique<Part>();
      part->relative = item.at("p").get<std::string>();
      part->size = item.at("s").get<int64_t>();
      part->inode = item.at("i").get<uint64_t>();
      part->sidecar = item.at("m").get<int64_t>();
      part->sealed = item.at("e").get<bool>();
      part->sent = item.at("x").get<bool>();
      if (item.contains("k")) part->key = item["k"].get<std::string>();
      names.insert(part->relative);
      parts_[part->relative] = std::move(part);
    }
  } catch (const nlohmann::json::exception&) {
    return BadState();
  }
  ARROW_RETURN_NOT_OK(folder_.KeepOnly(names));
  for (auto& [name, part] : parts_) {
    ARROW_RETURN_NOT_OK(Check(*part));
    auto& [current, count] = current_[part->key];
    ++count;
    if (!part->sealed) current = part.get();
    else if (!current) current = part.get();
  }
  return Status::OK();
}

/// A file that is gone here was sent to the bucket, whole, after that state.
Status Parts::Check(Part& part) {
  if (part.sent) return Status::OK();
  const auto file = files::File::Open(folder_.root() / part.relative, files::File::Mode::read);
  if (!file.ok() && !folder_.place().is_local()) {
    part.sealed = part.sent = true;
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(file.status());
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file->Stat());
  if (stamp.inode == part.inode && stamp.size >= part.size) return Status::OK();
  return MakeError(Category::corrupt, fmt::format("{} is not the file that this run wrote", file->path().string()), "start again with --restart");
}

Status Parts::EndPart(Part& part) {
  ARROW_RETURN_NOT_OK(OpenPart(part));
  ARROW_ASSIGN_OR_RAISE(const std::string footer, part.writer->Footer());
  ARROW_RETURN_NOT_OK(FlushPart(part));
  const int64_t end = part.data.size();
  ARROW_RETURN_NOT_OK(part.data.Append(footer));
  const Status synced = part.data.Sync();
  if (!synced.ok()) (void)part.data.CutTo(end);
  ARROW_RETURN_NOT_OK(synced);
  ClosePart(part);
  return Status::OK();
}

Result<std::vector<std::string>> Parts::Finish() {
  if (parts_.empty()) ARROW_RETURN_NOT_OK(PartFor(Key()).status());
  std::vector<std::string> names;
  for (auto& [name, part] : parts_) {
    if (!part->sent) ARROW_RETURN_NOT_OK(EndPart(*part));
    names.push_back(name);
  }
  return names;
}

Status Parts::RemoveSidecars() {
  std::error_code ec;
  if (!folder_.root().empty()) fs::remove_all(Sidecars(), ec);
  return ec ? ErrnoError(ec.value(), "cannot remove", Sidecars().string()) : Status::OK();
}

void Parts::Close() {
  for (auto& [name, part] : parts_) {
    part->writer.reset();
    part->data.Close();
  }
  open_.clear();
}

}  // namespace vecferry::parquet_store
