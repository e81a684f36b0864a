#include "net/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/answering.h"
#include "net/service.h"

namespace vecferry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::string Answer(int status, std::string_view body, std::string_view headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

HttpReply Call(const Answering& server, HttpClient::Options options = {}, HttpCall call = {.target = "/a"}, const CancelToken* cancel = nullptr) {
  auto client = HttpClient::Make(server.endpoint(), std::move(options));
  EXPECT_TRUE(client.ok()) << client.status().ToString();
  return (*client)->Call(std::move(call), cancel);
}

TEST(Http, SendsWhatIsAskedForOverOneConnection) {
  const Answering server([](const std::string&) { return Answer(200, "{}", "X-Thing:  a b \r\n"); });
  HttpClient::Options options;
  options.headers = {{"Api-Key", "secret"}};
  options.base = "/base";
  const auto client = HttpClient::Make(server.endpoint(), options);
  HttpReply reply;
  for (int i = 0; i < 3; ++i) reply = (*client)->Call({.method = "POST", .target = "/a%2Fb?q=1", .headers = {{"X-One", "1"}}, .body = "[1,2]"});
  EXPECT_TRUE(reply.ok()) << reply.message;
  EXPECT_EQ(reply.body, "{}");
  EXPECT_EQ(reply.header("x-thing"), "a b");
  EXPECT_EQ(reply.header("none"), "");
  EXPECT_EQ(server.connections(), 1);
  const std::string request = server.requests().back();
  EXPECT_THAT(request, HasSubstr("POST /base/a%2Fb?q=1 HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Api-Key: secret\r\n"));
  EXPECT_THAT(request, HasSubstr("X-One: 1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\n\r\n[1,2]"));
  EXPECT_THAT(request, Not(HasSubstr("Expect")));
}

TEST(Http, AKeptConnectionThatTheServerClosedIsMadeAnew) {
  const Answering server([](const std::string&) { return Answer(200, "x", "Connection: close\r\n"); });
  const auto client = HttpClient::Make(server.endpoint(), {});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((*client)->Call({.target = "/"}).ok());
  EXPECT_EQ(server.connections(), 3);
}

TEST(Http, AnEmptyBodyOfAPostHasALength) {
  const Answering server([](const std::string&) { return Answer(200, "x"); });
  EXPECT_TRUE(Call(server, {}, {.method = "POST", .target = "/"}).ok());
  EXPECT_THAT(server.requests()[0], HasSubstr("Content-Length: 0\r\n"));
  EXPECT_TRUE(Call(server, {}, {.method = "DELETE", .target = "/"}).ok());
  EXPECT_THAT(server.requests()[1], HasSubstr("DELETE / HTTP"));
}

TEST(Http, RetryAfterIsSecondsOrADate) {
  const Answering seconds([](const std::string&) { return Answer(429, "", "Retry-After: 7\r\n"); });
  EXPECT_EQ(Call(seconds).retry_after, 7s);
  const Answering past([](const std::string&) { return Answer(503, "", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n"); });
  EXPECT_EQ(Call(past).retry_after, 0s);
  for (const char* text : {"", "soon", "-1", "999999999"}) {
    const Answering odd([text](const std::string&) { return Answer(429, "", std::string("Retry-After: ") + text + "\r\n"); });
    EXPECT_FALSE(Call(odd).retry_after) << text;
  }
}

TEST(Http, ARedirectIsNotFollowed) {
  const Answering server([](const std::string&) { return Answer(302, "", "Location: /elsewhere\r\n"); });
  const HttpReply reply = Call(server);
  EXPECT_EQ(reply.status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_TRUE(IsCategory(Classify(reply, HttpAct::read, "reading"), Category::refused));
}

TEST(Http, WhatIsNoWholeAnswerIsAFault) {
  const Answering cut([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"a\":"); });
  EXPECT_EQ(Call(cut).fault, HttpFault::broken);
  const Answering chunk([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n12"); });
  EXPECT_EQ(Call(chunk).fault, HttpFault::broken);
  const Answering noise([](const std::string&) { return std::string("\x15\x03\x01\x00\x02\x02\x46 Connection: close"); });
  EXPECT_EQ(Call(noise).fault, HttpFault::broken);
  const Answering hung_up([](const std::string&) { return std::string(); });
  const HttpReply reply = Call(hung_up);
  EXPECT_EQ(reply.fault, HttpFault::broken);
  EXPECT_TRUE(reply.sent);
  const Answering bad_gzip([](const std::string&) { return Answer(200, "no gzip", "Content-Encoding: gzip\r\n"); });
  EXPECT_EQ(Call(bad_gzip).fault, HttpFault::broken);
}

TEST(Http, NobodyThereIsKnownAsSuch) {
  const auto client = HttpClient::Make({"127.0.0.1", 1, false, ""}, {});
  const HttpReply reply = (*client)->Call({.method = "POST", .target = "/", .body = "x"});
  EXPECT_EQ(reply.fault, HttpFault::connect);
  EXPECT_FALSE(reply.sent);
  const auto facts = FactsOf(Classify(reply, HttpAct::write, "writing"));
  EXPECT_EQ(facts.category, Category::transient);
  EXPECT_EQ(facts.delivery, Delivery::not_applied);
}

TEST(Http, APortThatSpeaksNoTls) {
  const Answering server("HTTP/1.1 400 Bad Request\r\n\r\n");
  const auto client = HttpClient::Make(server.endpoint(true), {});
  EXPECT_EQ((*client)->Call({.target = "/"}).fault, HttpFault::tls);
}

TEST(Http, TheDeadlineAndASecondRequestToStopEndACall) {
  const Answering silent([](const std::string&) { return std::this_thread::sleep_for(500ms), std::string(); });
  HttpClient::Options options;
  options.deadline = 100ms;
  EXPECT_EQ(Call(silent, options).fault, HttpFault::timeout);
  CancelToken cancel;
  cancel.Request(), cancel.Request();
  EXPECT_EQ(Call(silent, {}, {.target = "/"}, &cancel).fault, HttpFault::cancelled);
}

TEST(Http, AnAnswerHasABound) {
  const Answering server([](const std::string&) { return Answer(200, std::string(10'000, 'x')); });
  HttpClient::Options options;
  options.max_answer = 9'999;
  const HttpReply reply = Call(server, options);
  EXPECT_EQ(reply.fault, HttpFault::too_long);
  options.max_answer = 10'000;
  EXPECT_EQ(Call(server, options).body.size(), 10'000u);
}

TEST(Http, ASafeCallIsMadeOnceMoreAtOnce) {
  int asked = 0;
  const Answering server([&](const std::string&) { return ++asked % 2 ? Answer(503, "") : Answer(200, "x"); });
  EXPECT_TRUE(Call(server).ok());
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(Call(server, {}, {.method = "POST", .target = "/", .safe = true}).ok());
  EXPECT_EQ(Call(server, {}, {.method = "POST", .target = "/"}).status, 503);
  EXPECT_EQ(asked, 5);
  int refused = 0;
  const Answering busy([&](const std::string&) { return ++refused, Answer(503, "", "Retry-After: 1\r\n"); });
  EXPECT_EQ(Call(busy).status, 503);
  EXPECT_EQ(refused, 1) << "a time to wait is the engine's to keep";
}

TEST(Http, StatusesAreWhatTheyMean) {
  struct Case {
    int status;
    HttpAct act;
    Category category;
    Retry retry;
    Delivery delivery;
  };
  for (const Case& c : {Case{400, HttpAct::write, Category::bad_content, Retry::never, Delivery::unknown}, Case{422, HttpAct::look, Category::refused, Retry::never, Delivery::not_applied},
                        Case{401, HttpAct::read, Category::unauthorized, Retry::never, Delivery::not_applied}, Case{403, HttpAct::write, Category::unauthorized, Retry::never, Delivery::not_applied},
                        Case{404, HttpAct::read, Category::not_found, Retry::never, Delivery::not_applied}, Case{409, HttpAct::manage, Category::refused, Retry::never, Delivery::not_applied},
                        Case{413, HttpAct::write, Category::too_large, Retry::never, Delivery::not_applied}, Case{429, HttpAct::write, Category::transient, Retry::after_delay, Delivery::not_applied},
                        Case{500, HttpAct::write, Category::transient, Retry::after_delay, Delivery::unknown}, Case{503, HttpAct::read, Category::transient, Retry::after_delay, Delivery::not_applied},
                        Case{507, HttpAct::write, Category::no_space, Retry::never, Delivery::not_applied}, Case{501, HttpAct::manage, Category::unsupported, Retry::never, Delivery::not_applied}}) {
    HttpReply reply;
    reply.status = c.status;
    const auto facts = FactsOf(Classify(reply, c.act, "doing"));
    EXPECT_EQ(facts.category, c.category) << c.status;
    EXPECT_EQ(facts.retry, c.retry) << c.status;
    EXPECT_EQ(facts.delivery, c.delivery) << c.status;
  }
}

const ServiceKind kKind{.name = "thing", .port = 1000, .tls_port = 443, .variables = {"VF_TEST_THING_KEY"}};

Result<Service> Parsed(std::string_view path, std::map<std::string, std::string> options = {}, std::string_view alias = "thing") {
  ARROW_ASSIGN_OR_RAISE(auto checked, CheckOptions(ServiceOptions(kKind), options, "option of thing"));
  return ParseService(kKind, path, alias, checked);
}

TEST(Service, IsWhatTheAddressSays) {
  const Service plain = *Parsed("//h/a/b/");
  EXPECT_EQ(plain.endpoint.port, 1000);
  EXPECT_FALSE(plain.endpoint.tls);
  EXPECT_EQ(plain.path, "/a/b");
  EXPECT_EQ(plain.deadline, 60s);
  EXPECT_EQ(Parsed("//h", {}, "https")->endpoint.port, 443);
  EXPECT_TRUE(Parsed("//h:7", {{"ca", "file"}})->endpoint.tls);
  EXPECT_FALSE(Parsed("//h", {{"tls", "no"}}, "https")->endpoint.tls);
  EXPECT_TRUE(IsCategory(Parsed("//h", {{"connections", "0"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Parsed("///x").status(), Category::usage));
}

TEST(Service, ItsKeyIsNeverTheMask) {
  EXPECT_EQ(Parsed("//u:p%40w@h")->key, "p@w");
  EXPECT_EQ(Parsed("//u:p%40w@h")->user, "u");
  setenv("VF_TEST_THING_KEY", "from-environment", 1);
  EXPECT_EQ(Parsed("//h")->key, "from-environment");
  EXPECT_EQ(Parsed("//u:***@h", {{"api-key", "***"}})->key, "from-environment");
  EXPECT_EQ(Parsed("//h", {{"api-key", "told"}})->key, "told");
  unsetenv("VF_TEST_THING_KEY");
  EXPECT_TRUE(IsCategory(Parsed("//h", {{"api-key-env", "VF_TEST_NONE"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Parsed("//h", {{"api-key", "a\nb"}}).status(), Category::usage));
}

}  // namespace
}  // namespace vecferry
