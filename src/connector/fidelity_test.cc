#include "connector/fidelity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecferry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Capabilities Everything() {
  Capabilities can;
  can.source = can.sink = true;
  can.dense = {Element::f32, Element::f16, Element::bit};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = can.unknown_metric = can.extras = true;
  can.max_vectors = 8;
  can.metrics = {Metric::cosine, Metric::l2};
  can.json = AllJsonFeatures();
  return can;
}

std::vector<std::string> Refused(const PairFidelity& pair) {
  std::vector<std::string> data;
  for (const auto& fate : pair.fates) {
    if (fate.fidelity == Fidelity::refused) data.push_back(fate.data);
  }
  return data;
}

TEST(FidelityOf, WhatASinkHoldsIsExact) {
  const PairFidelity pair = FidelityOf(Everything(), Everything());
  EXPECT_TRUE(pair.possible);
  EXPECT_THAT(pair.fates, IsEmpty());
  EXPECT_EQ(pair.Summary(), "exact");
}

TEST(FidelityOf, WhatItDoesNotHoldIsNamedOnlyWhereTheSourceMayHaveIt) {
  Capabilities sink;
  sink.sink = true;
  sink.dense = {Element::f32};
  sink.metrics = {Metric::l2};
  sink.document = sink.tenant = sink.nul = false;
  sink.json = AllJsonFeatures();
  sink.json.erase(JsonFeature::nested_object);
  sink.json.erase(JsonFeature::geo);
  EXPECT_THAT(Refused(FidelityOf(Everything(), sink)),
              ElementsAre("elements f16, bit", "sparse vectors", "multi-vectors", "named vectors", "several vectors", "records without a vector", "datasets without vectors",
                          "metric cosine", "an unknown metric", "documents", "tenants", "verbatim bytes", "nested_object, geo in metadata", "U+0000 in texts"));
  Capabilities plain = sink;
  plain.source = true;
  EXPECT_THAT(FidelityOf(plain, sink).fates, IsEmpty());
}

TEST(FidelityOf, MetricsOfBitsStandApart) {
  Capabilities sink = Everything();
  sink.bit_metrics = {Metric::hamming};
  EXPECT_THAT(Refused(FidelityOf(Everything(), sink)), ElementsAre("metric cosine, l2 of bits"));
  Capabilities source = Everything();
  source.bit_metrics = {Metric::hamming};
  EXPECT_THAT(Refused(FidelityOf(source, sink)), IsEmpty());
  EXPECT_THAT(Refused(FidelityOf(source, Everything())), ElementsAre("metric hamming of bits"));
  source.dense = {Element::f32};
  EXPECT_THAT(Refused(FidelityOf(source, Everything())), IsEmpty()) << "it has no bits";
}

TEST(FidelityOf, IdsMetTwiceAreRefusedWhereOneIsKept) {
  Capabilities twice = Everything();
  twice.unique_ids = false;
  EXPECT_THAT(Refused(FidelityOf(twice, Everything())), ElementsAre("a second record of an id"));
  EXPECT_THAT(FidelityOf(twice, twice).fates, IsEmpty());
}

TEST(FidelityOf, ADeclaredChangeIsATolerance) {
  Capabilities sink = Everything();
  sink.vector_change = VectorChange::cosine_normalised;
  PairFidelity pair = FidelityOf(Everything(), sink);
  EXPECT_EQ(pair.carried(), Fidelity::tolerance);
  EXPECT_EQ(pair.Summary(), "exact; tolerance: vectors of metric cosine (normalised: compared by direction)");
  Capabilities other = Everything();
  other.metrics = {Metric::l2};
  EXPECT_EQ(FidelityOf(other, sink).carried(), Fidelity::exact);
  other = Everything();
  other.dense = {Element::bit};
  other.multi = false;
  EXPECT_EQ(FidelityOf(other, sink).carried(), Fidelity::exact) << "bits have no length";
  sink.vector_change = VectorChange::reduced_precision;
  EXPECT_EQ(FidelityOf(Everything(), sink).carried(), Fidelity::tolerance);
}

TEST(FidelityOf, NothingIsPromisedWhereOneSideIsLacking) {
  Capabilities written = Everything(), read = Everything();
  written.source = read.sink = false;
  EXPECT_TRUE(FidelityOf(read, written).possible);
  EXPECT_FALSE(FidelityOf(written, read).possible);
  EXPECT_EQ(FidelityOf(written, read).Summary(), "not possible");
}

TEST(DataOf, AgreesWithWhatRefusesASchemaAndARecord) {
  RecordSchema schema;
  schema.has_tenant = true;
  schema.vectors = {{"a", VectorKind::dense, Element::f16, 2, Metric::cosine, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  const Capabilities all = Everything();
  std::vector<Capabilities> sinks(6, all);
  sinks[1].tenant = false;
  sinks[2].sparse = false;
  sinks[3].max_vectors = 1;
  sinks[4].metrics = {Metric::l2};
  sinks[5].dense = {Element::f32};
  for (size_t i = 0; i < sinks.size(); ++i) {
    EXPECT_EQ(FidelityOf(DataOf(schema), sinks[i]).Has(Fidelity::refused), !SchemaMisfits(sinks[i], schema).empty()) << i;
    EXPECT_EQ(FidelityOf(DataOf(schema), sinks[i]).Has(Fidelity::refused), i > 0) << i;
  }
  BatchBuilder builder(schema);
  builder.Id("1");
  builder.Metadata(R"({"a":{"b":null},"a\u0000":null})");
  builder.EndRow();
  Capabilities data = DataOf(schema);
  ASSERT_TRUE(AddDataOf(*builder.Finish(), &data).ok());
  EXPECT_TRUE(data.missing_vectors);
  EXPECT_TRUE(data.nul);
  EXPECT_EQ(data.json, (std::set{JsonFeature::nested_object, JsonFeature::null, JsonFeature::any_key}));
}

}  // namespace
}  // namespace vecferry
