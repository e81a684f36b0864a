#include "connectors/chroma_local/hnsw.h"

#include <map>

#include <gtest/gtest.h>

#include "connectors/chroma_local/test_support.h"
#include "connectors/chroma_local/vector_map.h"

namespace vecferry::chroma_local {
namespace {

using std::string_literals::operator""s;
using test::Put;

TEST(HnswHeader, IsRead) {
  const auto header = ParseHnswHeader(test::HeaderOf(7, 3));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->elements, 7);
  EXPECT_EQ(header->dims(), 3);
  EXPECT_EQ(header->element_bytes, 4 + 128 + 12 + 8);
  EXPECT_EQ(header->max_neighbors, 16);
  EXPECT_EQ(header->ef_construction, 100);
}

/// A good header with one number replaced.
std::string With(size_t offset, uint64_t value) {
  std::string bytes = test::HeaderOf(7, 3);
  std::memcpy(bytes.data() + offset, &value, 8);
  return bytes;
}

TEST(HnswHeader, WhatContradictsItselfIsRefused) {
  std::string version = test::HeaderOf(7, 3);
  version[0] = 2;
  for (const std::string& bytes : {""s, test::HeaderOf(7, 3).substr(1), test::HeaderOf(7, 3) + "x", version, With(4, 1), With(20, 101), With(20, UINT64_MAX), With(12, uint64_t{1} << 63),
                                   With(28, 1), With(36, 0), With(36, UINT64_MAX), With(44, UINT64_MAX), With(44, 3), With(44, 131)}) {
    const auto header = ParseHnswHeader(bytes);
    EXPECT_TRUE(IsCategory(header.status(), Category::corrupt)) << header.status();
  }
}

std::map<std::string, uint64_t> LabelsIn(const std::string& pickle, LabelFacts* facts) {
  std::map<std::string, uint64_t> labels;
  const auto read = ReadLabels(pickle, [&](std::string_view id, uint64_t label) { labels[std::string(id)] = label; });
  EXPECT_TRUE(read.ok()) << read.status();
  if (read.ok()) *facts = *read;
  return labels;
}

TEST(Labels, OfTheCurrentGeneration) {
  LabelFacts facts;
  EXPECT_EQ(LabelsIn(test::LabelsOf({{"a", 1}, {"b", 5}}), &facts), (std::map<std::string, uint64_t>{{"a", 1}, {"b", 5}}));
  EXPECT_EQ(facts.added, 7);
  EXPECT_EQ(facts.labels, 2);
  EXPECT_FALSE(facts.max_seq_id);
  EXPECT_TRUE(LabelsIn(test::LabelsOf({}), &facts).empty());
}

TEST(Labels, OfTheClassOfOldGenerations) {
  const std::string module = "chromadb.segment.impl.vector.local_persistent_hnsw";
  const std::string pickle = "\x80\x04\x8c"s + static_cast<char>(module.size()) + module + "\x94\x8c\x0ePersistentData\x94\x93\x94)\x81\x94}\x94(" +
                             "\x8c\x0amax_seq_id\x94K\x4e\x8c\x0bid_to_label\x94}\x94\x8c\x01x\x94K\x03s\x8c\x0blabel_to_id\x94}\x94K\x03h\x08sub.";
  LabelFacts facts;
  EXPECT_EQ(LabelsIn(pickle, &facts), (std::map<std::string, uint64_t>{{"x", 3}}));
  EXPECT_EQ(facts.max_seq_id, 78);
}

TEST(Labels, WhatIsNoneIsRefused) {
  const std::string good = test::LabelsOf({{"a", 1}});
  for (const std::string& pickle : {""s, good.substr(0, good.size() - 3), "\x80\x03}."s, "\x80\x03N."s, "\x80\x03]."s, "\x80\x03""cos\nsystem\nX\x04\x00\x00\x00true\x85R."s,
                                    "\x80\x03}X\x0b\x00\x00\x00id_to_label}X\x01\x00\x00\x00""aNss."s, "\x80\x03}X\x0b\x00\x00\x00id_to_label}X\x01\x00\x00\x00""aJ\xff\xff\xff\xffss."s}) {
    const auto read = ReadLabels(pickle, [](std::string_view, uint64_t) {});
    EXPECT_TRUE(IsCategory(read.status(), Category::corrupt)) << read.status();
  }
}

std::vector<float> VectorOf(const FileVectors& files, std::string_view id) {
  const auto position = files.Find(IdHash::Of(id));
  if (!position) return {};
  std::vector<float> values(2);
  EXPECT_TRUE(files.Read(*position, reinterpret_cast<uint8_t*>(values.data())).ok());
  return values;
}

TEST(FileVectors, ByIdWhateverTheOrderOfLabels) {
  const test::TempFolder folder;
  test::WriteSegment(folder.path, {{9, {1, 2}, 10}, {2, {3, 4}, 2}, {5, {5, 6}, 1, true}, {7, {7, 8}, 0.5F}}, {{"two", 2}, {"nine", 9}, {"gone", 5}, {"seven", 7}, {"never", 44}});
  for (const bool norms : {false, true}) {
    const auto files = FileVectors::Load(folder.path, norms, 2, nullptr);
    ASSERT_TRUE(files.ok()) << files.status();
    EXPECT_EQ(VectorOf(**files, "nine"), norms ? (std::vector<float>{10, 20}) : (std::vector<float>{1, 2}));
    EXPECT_EQ(VectorOf(**files, "two"), norms ? (std::vector<float>{6, 8}) : (std::vector<float>{3, 4}));
    EXPECT_EQ(VectorOf(**files, "seven"), norms ? (std::vector<float>{3.5F, 4}) : (std::vector<float>{7, 8}));
    for (const char* id : {"gone", "never", "other", ""}) EXPECT_TRUE(VectorOf(**files, id).empty()) << id;
    EXPECT_EQ((*files)->deleted, 1);
    EXPECT_EQ((*files)->lost, 2);
  }
}

TEST(FileVectors, FilesThatAreCutOffAreRefused) {
  for (const char* name : kSegmentFiles) {
    const test::TempFolder folder;
    test::WriteSegment(folder.path, {{1, {1, 2}, 1}, {2, {3, 4}, 1}}, {{"a", 1}, {"b", 2}});
    fs::resize_file(folder.path / name, fs::file_size(folder.path / name) - 1);
    EXPECT_TRUE(IsCategory(FileVectors::Load(folder.path, true, 2, nullptr).status(), Category::corrupt)) << name;
  }
  const test::TempFolder folder;
  test::WriteSegment(folder.path, {{1, {1, 2}, 1}}, {{"a", 1}});
  EXPECT_TRUE(IsCategory(FileVectors::Load(folder.path, true, 3, nullptr).status(), Category::corrupt)) << "another dimension";
}

TEST(FileVectors, AFolderWithoutFilesHasNone) {
  const test::TempFolder folder;
  EXPECT_FALSE((*FileVectors::Load(folder.path, true, 2, nullptr))->header);
  test::WriteSegment(folder.path, {}, {});
  fs::remove(folder.path / kLabelsFile);  // as 1.x leaves a segment that was never flushed
  const auto files = FileVectors::Load(folder.path, true, 2, nullptr);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ((*files)->header->elements, 0);
}

}  // namespace
}  // namespace vecferry::chroma_local
