#include <cmath>
#include <fstream>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <simdjson.h>

#include "columnar/decoder.h"
#include "columnar/table_file.h"
#include "columnar/table_writer.h"
#include "columnar/values.h"

namespace vecferry::columnar {
namespace {

class Columnar : public testing::Test {
 protected:
  Columnar() : dir_(fs::path(VECFERRY_BINARY_DIR) / "columnar_test") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  fs::path dir_;
};

std::string LibraryOf(const void* address) {
  Dl_info facts{};
  return dladdr(address, &facts) ? facts.dli_fname : "";
}

TEST_F(Columnar, LibrariesThatParquetAlsoExportsAreTheSystemsOwn) {
  parquet::arrow::FileReader* never = nullptr;
  ASSERT_EQ(never, nullptr);
  EXPECT_NE(LibraryOf(reinterpret_cast<void*>(&EVP_sha256)).find("libcrypto"), std::string::npos);
  EXPECT_NE(LibraryOf(dlsym(RTLD_DEFAULT, "EVP_sha256")).find("libcrypto"), std::string::npos);
  const simdjson::implementation* active = simdjson::get_active_implementation();
  EXPECT_NE(LibraryOf(active).find("libsimdjson"), std::string::npos) << LibraryOf(active);
}

struct File {
  files::GrowingFile data;
  std::unique_ptr<TableWriter> writer;
};

std::shared_ptr<arrow::Schema> Schema() { return arrow::schema({arrow::field("id", arrow::utf8(), false), arrow::field("v", arrow::fixed_size_list(arrow::float32(), 2))}); }

std::shared_ptr<arrow::RecordBatch> Rows(int first, int count) {
  arrow::StringBuilder ids;
  arrow::FixedSizeListBuilder vectors(arrow::default_memory_pool(), std::make_shared<arrow::FloatBuilder>(), 2);
  auto& values = static_cast<arrow::FloatBuilder&>(*vectors.value_builder());
  for (int i = first; i < first + count; ++i) {
    EXPECT_TRUE(ids.Append("id-" + std::to_string(i)).ok() && vectors.Append().ok() && values.Append(static_cast<float>(i)).ok() && values.Append(0.5f).ok());
  }
  return arrow::RecordBatch::Make(Schema(), count, {ids.Finish().ValueOrDie(), vectors.Finish().ValueOrDie()});
}

void Begin(File& file, const fs::path& path, bool resumed, const TableOptions& options = {}) {
  file.data = (resumed ? files::GrowingFile::Reopen(path) : files::GrowingFile::Create(path)).ValueOrDie();
  if (!resumed) {
    ASSERT_TRUE(file.data.Append(TableWriter::kMagic).ok());
  }
  TableWriter::Data data = {[&file](std::string_view bytes) { return file.data.Append(bytes); }, [&file] { return file.data.size(); }, [&file](int64_t size) { return file.data.CutTo(size); }};
  file.writer = TableWriter::Make(Schema(), options, std::move(data)).ValueOrDie();
  ASSERT_TRUE(file.writer->BeginSidecar(path.string() + ".meta", resumed).ok());
}

TEST_F(Columnar, AFileWrittenInPiecesIsOneFile) {
  const fs::path path = dir_ / "a.parquet";
  int64_t size = 0, sidecar = 0;
  {
    File file;
    Begin(file, path, false);
    ASSERT_TRUE(file.writer->Write(*Rows(0, 10)).ok());
    ASSERT_TRUE(file.writer->Flush().ok());
    ASSERT_TRUE(file.writer->Write(*Rows(10, 5)).ok());
    ASSERT_TRUE(file.writer->Write(*Rows(15, 5)).ok());
    sidecar = file.writer->Flush().ValueOrDie();
    size = file.data.size();
    ASSERT_TRUE(file.writer->Write(*Rows(90, 5)).ok());
    ASSERT_TRUE(file.writer->Flush().ok());
    ASSERT_TRUE(file.writer->Write(*Rows(95, 5)).ok());
    // The process ends here.
  }
  File file;
  Begin(file, path, true);
  ASSERT_TRUE(file.data.CutTo(size).ok());
  ASSERT_TRUE(file.writer->Resume(sidecar).ok());
  ASSERT_TRUE(file.writer->Write(*Rows(20, 7)).ok());
  const std::string footer = file.writer->Footer().ValueOrDie();
  ASSERT_TRUE(file.data.Append(footer).ok());
  ASSERT_TRUE(file.writer->RemoveSidecar().ok());
  const auto table = TableFile::Open(files::Place(path)).ValueOrDie();
  EXPECT_EQ(table->rows(), 27);
  ASSERT_EQ(table->row_groups().size(), 3u);
  int next = 0;
  for (int group = 0; group < 3; ++group) {
    auto reader = table->Read(group, {0, 1}, 0, 4, false).ValueOrDie();
    while (const auto batch = reader->Next().ValueOrDie()) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) EXPECT_EQ(*TextAt(*batch->column(0), row), "id-" + std::to_string(next++));
    }
  }
  EXPECT_EQ(next, 27);
  // From a row on.
  auto reader = table->Read(1, {0}, 7, 4, false).ValueOrDie();
  EXPECT_EQ(*TextAt(*reader->Next().ValueOrDie()->column(0), 0), "id-17");
  EXPECT_FALSE(fs::exists(path.string() + ".meta"));
}

TEST_F(Columnar, AnEmptyTableHasItsSchema) {
  const fs::path path = dir_ / "a.parquet";
  File file;
  Begin(file, path, false);
  const std::string footer = file.writer->Footer().ValueOrDie();
  ASSERT_TRUE(file.data.Append(footer).ok());
  const auto table = TableFile::Open(files::Place(path)).ValueOrDie();
  EXPECT_EQ(table->rows(), 0);
  EXPECT_EQ(table->schema().num_fields(), 2);
}

TEST_F(Columnar, BadFilesAreSaid) {
  const fs::path path = dir_ / "a.parquet";
  File file;
  Begin(file, path, false);
  ASSERT_TRUE(file.writer->Write(*Rows(0, 100)).ok());
  const std::string footer = file.writer->Footer().ValueOrDie();
  ASSERT_TRUE(file.data.Append(footer).ok());
  const std::string good = ReadFile(path).ValueOrDie();
  const auto category = [&](std::string bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return FactsOf(TableFile::Open(files::Place(path)).status()).category;
  };
  EXPECT_EQ(category(""), Category::unsupported);
  EXPECT_EQ(category(good.substr(0, good.size() - 1)), Category::unsupported);
  EXPECT_EQ(category("PAR1" + good.substr(good.size() - 8)), Category::corrupt);
  std::string huge = good;
  huge.replace(huge.size() - 8, 4, "\xff\xff\xff\x7f");
  EXPECT_EQ(category(huge), Category::corrupt);
  std::string encrypted = good;
  encrypted.replace(encrypted.size() - 4, 4, "PARE");
  EXPECT_EQ(category(encrypted), Category::unsupported);
  // Every byte of the footer turned over: an answer, never a crash.
  for (size_t at = good.size() - footer.size(); at < good.size(); at += 3) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bad;
    const auto table = TableFile::Open(files::Place(path));
    if (!table.ok()) continue;
    for (size_t group = 0; group < (*table)->row_groups().size() && group < 3; ++group) {
      std::vector<int> columns;
      for (int c = 0; c < (*table)->schema().num_fields(); ++c) columns.push_back(c);
      auto reader = (*table)->Read(static_cast<int>(group), columns, 0, 1000, false);
      while (reader.ok()) {
        const auto batch = (*reader)->Next();
        if (!batch.ok() || !*batch) break;
      }
    }
  }
}

std::string Json(const std::shared_ptr<arrow::Array>& array, int64_t row = 0) {
  std::string text;
  JsonWriter writer(&text);
  JsonReader reader;
  const Status status = EmitValue(*array, row, writer, reader);
  return status.ok() ? text : FactsOf(status).code;
}

template <class Builder, class Value>
std::shared_ptr<arrow::Array> One(Builder&& builder, const Value& value) {
  EXPECT_TRUE(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

TEST(Values, EveryTypeIsTold) {
  auto* pool = arrow::default_memory_pool();
  EXPECT_EQ(Json(One(arrow::Int64Builder(), int64_t{-5})), "-5");
  EXPECT_EQ(Json(One(arrow::UInt64Builder(), UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(Json(One(arrow::DoubleBuilder(), 1.0)), "1.0");
  EXPECT_EQ(Json(One(arrow::DoubleBuilder(), std::nan(""))), R"({"$vf":"f64","v":"NaN"})");
  EXPECT_EQ(Json(One(arrow::StringBuilder(), "x\"")), R"("x\"")");
  EXPECT_EQ(Json(One(arrow::StringBuilder(), "\xff")), "invalid-utf8");
  EXPECT_EQ(Json(One(arrow::BinaryBuilder(), "\x01\x02")), R"({"$vf":"bytes","v":"AQI="})");
  EXPECT_EQ(Json(One(arrow::Date32Builder(), 19849)), R"({"$vf":"date","v":"2024-05-06"})");
  EXPECT_EQ(Json(One(arrow::Date32Builder(), -1)), R"({"$vf":"date","v":"1969-12-31"})");
  const auto stamp = [&](arrow::TimeUnit::type unit, const std::string& zone, int64_t value) { return Json(One(arrow::TimestampBuilder(arrow::timestamp(unit, zone), pool), value)); };
  EXPECT_EQ(stamp(arrow::TimeUnit::MICRO, "", 1714979289123456), R"({"$vf":"datetime","v":"2024-05-06T07:08:09.123456"})");
  EXPECT_EQ(stamp(arrow::TimeUnit::SECOND, "Europe/Paris", 1714979289), R"({"$vf":"datetime","v":"2024-05-06T07:08:09Z"})");
  EXPECT_EQ(stamp(arrow::TimeUnit::NANO, "", -1), R"({"$vf":"datetime","v":"1969-12-31T23:59:59.999999999"})");
  EXPECT_EQ(Json(One(arrow::Decimal128Builder(arrow::decimal128(10, 2), pool), arrow::Decimal128(110))), R"({"$vf":"decimal","v":"1.10"})");
}

}  // namespace
}  // namespace vecferry::columnar
