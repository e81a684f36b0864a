#include "net/metrics_server.h"

#include <gtest/gtest.h>

namespace vecferry {
namespace {

TEST(MetricsAddress, IsOfThisMachineUnlessAHostIsGiven) {
  const std::pair<const char*, std::pair<std::string, int>> cases[] = {{"9464", {"127.0.0.1", 9464}},   {":9464", {"127.0.0.1", 9464}},         {"localhost:1", {"127.0.0.1", 1}},
                                                                       {"0.0.0.0:80", {"0.0.0.0", 80}}, {"[::1]:65535", {"::1", 65535}}, {"10.1.2.3:0", {"10.1.2.3", 0}}};
  for (const auto& [text, wanted] : cases) {
    const auto parsed = ParseMetricsAddress(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(*parsed, wanted) << text;
  }
}

TEST(MetricsAddress, WhatIsNoneIsRefused) {
  for (const char* text : {"", ":", "x", "host:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80s", "80,90", "127.0.0.1:80,[::]:90", "::1"}) {
    EXPECT_TRUE(IsCategory(ParseMetricsAddress(text).status(), Category::usage)) << text;
  }
}

}  // namespace
}  // namespace vecferry
