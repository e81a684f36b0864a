#include "connectors/chroma/target.h"

#include <gtest/gtest.h>

namespace vecferry::chroma {
namespace {

Result<chroma_model::Address> Parsed(std::string_view uri) {
  ARROW_ASSIGN_OR_RAISE(const Location location, ParseLocation(uri));
  return ParseAddress(location);
}
bool IsUsage(std::string_view uri) { return IsCategory(Parsed(uri).status(), Category::usage); }

class Target : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"CHROMA_API_KEY", "VECFERRY_CHROMA_API_KEY", "CHROMA_CLIENT_AUTH_CREDENTIALS", "VECFERRY_CHROMA_CLIENT_AUTH_CREDENTIALS"}) unsetenv(name);
  }
};

TEST_F(Target, WhatIsNotSaidIsTheUsual) {
  const auto address = Parsed("chroma://h#docs").ValueOrDie();
  EXPECT_EQ(address.endpoint.Display(), "h:8000");
  EXPECT_FALSE(address.endpoint.tls);
  EXPECT_EQ(address.tenant, "default_tenant");
  EXPECT_EQ(address.database, "default_database");
  EXPECT_TRUE(address.headers.empty());
  EXPECT_EQ(IdentityOf(address), "chroma://h:8000/default_tenant/default_database");
  EXPECT_EQ(Parsed("chroma://h?tls=yes#docs")->endpoint.port, 443);
  EXPECT_EQ(Parsed("chroma://[::1]:9000#docs")->endpoint.Display(), "[::1]:9000");
}

TEST_F(Target, TenantAndDatabaseStandInTheAddressOrInOptions) {
  EXPECT_EQ(Parsed("chroma://h/t/d#docs")->tenant, "t");
  EXPECT_EQ(Parsed("chroma://h/t/d/#docs")->database, "d");
  const auto address = Parsed("chroma://h?tenant=a%20b&database=c%2Fd#docs").ValueOrDie();
  EXPECT_EQ(address.tenant, "a b");
  EXPECT_EQ(address.database, "c/d");
  EXPECT_EQ(IdentityOf(address), "chroma://h:8000/a%20b/c%2Fd");
  EXPECT_EQ(Parsed("chroma://h/t/d?base=x/y/#docs")->base, "/x/y");
  for (const char* uri : {"chroma://h/t#docs", "chroma://h/t/d/e#docs", "chroma://h//d#docs", "chroma://#docs", "chroma://h?tenent=x#docs", "chroma://h?auth=magic#docs"}) EXPECT_TRUE(IsUsage(uri)) << uri;
}

TEST_F(Target, TheKeyIsSentAsItIsTold) {
  using Headers = HttpHeaders;
  EXPECT_EQ(Parsed("chroma://h?api-key=k#d")->headers, (Headers{{"Authorization", "Bearer k"}, {"X-Chroma-Token", "k"}}));
  EXPECT_EQ(Parsed("chroma://h?api-key=k&auth=bearer#d")->headers, (Headers{{"Authorization", "Bearer k"}}));
  EXPECT_EQ(Parsed("chroma://h?api-key=k&auth=x-chroma-token#d")->headers, (Headers{{"X-Chroma-Token", "k"}}));
  EXPECT_EQ(Parsed("chroma://me:p%40w@h#d")->headers, (Headers{{"Authorization", "Basic bWU6cEB3"}}));
  setenv("CHROMA_CLIENT_AUTH_CREDENTIALS", "me:pw", 1);
  EXPECT_EQ(Parsed("chroma://h?auth=basic#d")->headers, (Headers{{"Authorization", "Basic bWU6cHc="}}));
  setenv("CHROMA_API_KEY", "first", 1);
  EXPECT_EQ(Parsed("chroma://h?auth=bearer#d")->headers, (Headers{{"Authorization", "Bearer first"}}));
}

}  // namespace
}  // namespace vecferry::chroma
