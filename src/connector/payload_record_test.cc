#include "connector/payload_record.h"

#include <gtest/gtest.h>

namespace vecferry {
namespace {

struct Kept {
  std::string code, metadata;
  bool document, tenant;
};

Kept Keep(const std::string& metadata, bool document_column, bool tenant_column) {
  Layout layout;
  layout.name = "default";
  DecodedPayload payload{.original_id = {}, .document = "a \"text\"", .tenant = "t", .metadata = metadata};
  const Status status = KeepAsMetadata(layout, document_column, tenant_column, &payload);
  return {FactsOf(status).code, payload.metadata, payload.document.has_value(), payload.tenant.has_value()};
}

TEST(KeepAsMetadata, WhatHasNoColumnIsAField) {
  EXPECT_EQ(Keep("{}", true, true).metadata, "{}");
  const Kept both = Keep("{}", false, false);
  EXPECT_EQ(both.metadata, R"({"tenant":"t","document":"a \"text\""})");
  EXPECT_FALSE(both.document || both.tenant);
  const Kept one = Keep(R"({"a":1})", true, false);
  EXPECT_EQ(one.metadata, R"({"tenant":"t","a":1})");
  EXPECT_TRUE(one.document);
  EXPECT_FALSE(one.tenant);
}

TEST(KeepAsMetadata, AKeyOfThatNameIsAmbiguousAtTheTopAlone) {
  EXPECT_EQ(Keep(R"({"document":1})", false, true).code, "ambiguous-key");
  EXPECT_EQ(Keep(R"({"a":{"document":1},"b":["document"]})", false, true).metadata, R"({"document":"a \"text\"","a":{"document":1},"b":["document"]})");
}

TEST(KeepAsMetadata, AWrappedObjectStaysOne) {
  EXPECT_EQ(Keep(R"({"$vf":"object","v":{"$vf":1}})", true, false).metadata, R"({"$vf":"object","v":{"tenant":"t","$vf":1}})");
  EXPECT_EQ(Keep(R"({"$vf":"object","v":{"$vf":1,"tenant":2}})", true, false).code, "ambiguous-key");
}

}  // namespace
}  // namespace vecferry
