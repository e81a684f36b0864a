#include <dlfcn.h>
#include <openssl/ssl.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "net/answering.h"
#include "net/do_once.h"
#include "net/endpoint.h"
#include "net/failure_facts.h"
#include "net/grpc_channel.h"

namespace vecferry {
namespace {

TEST(Authority, TakesApartWhatPeopleWrite) {
  struct Case {
    const char *text, *host;
    int port;
    const char *user, *password;
  };
  for (const Case& c : {Case{"//localhost:6334", "localhost", 6334, "", ""}, Case{"//h", "h", 0, "", ""}, Case{"//h/", "h", 0, "", ""},
                        Case{"//[::1]:7", "::1", 7, "", ""}, Case{"//[fe80::1%eth0]", "fe80::1%eth0", 0, "", ""},
                        Case{"//u:p%40w@h:1", "h", 1, "u", "p%40w"}, Case{"//k@10.0.0.1:65535", "10.0.0.1", 65535, "k", ""}}) {
    const auto got = ParseAuthority(c.text);
    ASSERT_TRUE(got.ok()) << c.text << " " << got.status().ToString();
    EXPECT_EQ(got->host, c.host) << c.text;
    EXPECT_EQ(got->port, c.port) << c.text;
    EXPECT_EQ(got->user, c.user) << c.text;
    EXPECT_EQ(got->password, c.password) << c.text;
  }
}

TEST(Authority, RefusesWhatNamesNoServer) {
  for (const char* text : {"//", "//:1", "//h:0", "//h:65536", "//h:x", "//h:", "//a:b:c", "//[::1", "//[::1]x", "//h/path", "//h h", "//h\n", "//\xff"}) {
    const auto got = ParseAuthority(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_TRUE(IsCategory(got.status(), Category::usage)) << got.status().ToString();
  }
}

TEST(Endpoint, ShowsIpv6InBrackets) {
  EXPECT_EQ((Endpoint{"::1", 6334, false, ""}.Display()), "[::1]:6334");
  EXPECT_EQ((Endpoint{"h", 1, false, ""}.Display()), "h:1");
}

class Folder : public testing::Test {
 protected:
  Folder() { fs::create_directories(dir_); }
  ~Folder() override { fs::remove_all(dir_); }
  const fs::path dir_ = fs::path(VECFERRY_BINARY_DIR) / "net_test";
};

TEST_F(Folder, ASecretComesFromItsFileBeforeTheEnvironment) {
  ASSERT_TRUE(WriteFileAtomic(dir_ / "key", "from-file\r\n").ok());
  setenv("VF_TEST_KEY", "from-environment", 1);
  EXPECT_EQ(*FindSecret((dir_ / "key").string(), {"VF_TEST_KEY"}), "from-file");
  EXPECT_EQ(*FindSecret("", {"VF_TEST_NONE", "VF_TEST_KEY"}), "from-environment");
  EXPECT_EQ(*FindSecret("", {"VF_TEST_NONE"}), "");
  EXPECT_TRUE(IsCategory(FindSecret((dir_ / "none").string(), {}).status(), Category::not_found));
  ASSERT_TRUE(WriteFileAtomic(dir_ / "key", "two\nlines\n").ok());
  EXPECT_TRUE(IsCategory(FindSecret((dir_ / "key").string(), {}).status(), Category::usage));
  unsetenv("VF_TEST_KEY");
}

TEST(Diagnose, SaysWhatIsInTheWay) {
  const Answering rest("HTTP/1.1 400 Bad Request\r\n\r\n"), grpc(std::string("\0\0\6\4\0\0\0\0\0\0\5\0\0@\0", 15)), tls(std::string("\x15\3\1\0\2\2\x46", 7));
  const Status http = Diagnose(rest.endpoint());
  EXPECT_TRUE(IsCategory(http, Category::usage));
  EXPECT_THAT(Describe(http), testing::HasSubstr("6334"));
  EXPECT_TRUE(Diagnose(grpc.endpoint()).ok());
  EXPECT_TRUE(IsCategory(Diagnose(tls.endpoint()), Category::refused));
  const Status plain = Diagnose(rest.endpoint(true));
  EXPECT_TRUE(IsCategory(plain, Category::refused)) << plain.ToString();
  EXPECT_THAT(plain.message(), testing::HasSubstr("does not speak TLS"));
  EXPECT_TRUE(IsCategory(Diagnose({"127.0.0.1", 1, false, ""}), Category::transient));
  EXPECT_TRUE(IsCategory(Diagnose({"no-such-host.invalid", 1, false, ""}), Category::not_found) ||
              IsCategory(Diagnose({"no-such-host.invalid", 1, false, ""}), Category::transient));
}

TEST(GrpcChannel, ACallToNobodyIsUnavailableAtOnce) {
  const auto channel = GrpcChannel::Make({"127.0.0.1", 1, false, ""}, {});
  ASSERT_TRUE(channel.ok());
  EXPECT_EQ((*channel)->Call({.method = "/a.B/C", .request = {}}).code, grpc_code::kUnavailable);
}

TEST(GrpcChannel, ASecondRequestToStopEndsACall) {
  const Answering silent("");
  GrpcChannel::Options options;
  options.deadline = std::chrono::seconds(120);
  const auto channel = GrpcChannel::Make(silent.endpoint(), options);
  CancelToken cancel;
  cancel.Request(), cancel.Request();
  const auto reply = (*channel)->Call({.method = "/a.B/C", .request = {}}, &cancel);
  EXPECT_NE(reply.code, grpc_code::kOk);
  EXPECT_NE(reply.code, grpc_code::kDeadlineExceeded);
}

TEST(DoOnce, DoesAgainOnlyWhatMayAndDidNotHappen) {
  const auto acts = [](std::vector<Status> outcomes, Result<bool> carried_out) {
    size_t calls = 0;
    const Status status = DoOnce([&] { return outcomes[calls++]; }, [&] { return carried_out; });
    return std::pair(calls, status.ok());
  };
  const Status unknown = MakeError(PassingFailure(Delivery::unknown, ""), "broken"), refused = MakeError(LastingFailure(Category::refused, ""), "no"),
               busy = MakeError(PassingFailure(Delivery::not_applied, ""), "later");
  EXPECT_EQ(acts({Status::OK()}, false), std::pair(size_t{1}, true));
  EXPECT_EQ(acts({unknown, Status::OK()}, false), std::pair(size_t{2}, true));
  EXPECT_EQ(acts({unknown}, true), std::pair(size_t{1}, true));
  EXPECT_EQ(acts({unknown}, unknown), std::pair(size_t{1}, false));
  EXPECT_EQ(acts({unknown, unknown}, false), std::pair(size_t{2}, false));
  EXPECT_EQ(acts({refused}, true), std::pair(size_t{1}, false));
  EXPECT_EQ(acts({busy}, true), std::pair(size_t{1}, false));
}

/// Arrow's wheel brings an OpenSSL of its own: TLS must stay on the system's, which gets security updates.
TEST(Tls, IsTheSystemsLibrary) {
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&SSL_CTX_new), &info), 0);
  EXPECT_THAT(info.dli_fname, testing::HasSubstr("libssl.so"));
}

}  // namespace
}  // namespace vecferry
