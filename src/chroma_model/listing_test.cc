#include "chroma_model/listing.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "net/answering.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::json;

/// A server with ids, at most so many a page.
class Ids {
 public:
  explicit Ids(int n, size_t most = 1'000'000) : most_(most) {
    for (int i = 0; i < n; ++i) ids_.push_back("id" + std::to_string(i));
  }
  std::shared_ptr<Client> client() {
    Address address;
    address.endpoint = server_.endpoint();
    return Client::Connect(std::move(address), nullptr).ValueOrDie();
  }
  void Delete(const std::string& id) {
    const std::lock_guard lock(mutex_);
    std::erase(ids_, id);
  }

 private:
  std::string Answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    int status = 200;
    std::string body = "\"1.0.0\"";
    if (request.find("pre-flight-checks") != request.npos) body = R"({"max_batch_size":5461})";
    if (request.find("/count") != request.npos) body = std::to_string(ids_.size());
    if (request.find("/get ") != request.npos) {
      const Json asked = Json::parse(request.substr(request.find("\r\n\r\n") + 4), nullptr, false);
      const size_t offset = std::min(asked["offset"].get<size_t>(), ids_.size()), limit = asked["limit"];
      if (limit > most_) status = 422, body = R"({"error":"ChromaError","message":"quota exceeded"})";
      else body = Json{{"ids", std::vector(ids_.begin() + static_cast<ptrdiff_t>(offset), ids_.begin() + static_cast<ptrdiff_t>(std::min(offset + limit, ids_.size())))}}.dump();
    }
    return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
  }
  std::mutex mutex_;
  std::vector<std::string> ids_;
  const size_t most_;
  const Answering server_{[this](const std::string& request) { return Answer(request); }};
};

std::vector<std::string> All(IdWalk& walk, size_t most) {
  std::vector<std::string> ids;
  while (true) {
    const IdRun run = walk.Take(most).ValueOrDie();
    if (run.ids.empty()) return ids;
    ids.insert(ids.end(), run.ids.begin(), run.ids.end());
  }
}

TEST(Splits, HoldEachIdOnceHoweverSmallTheServersPages) {
  for (const size_t most : {1'000'000, 300}) {
    Ids server(5'000, most);
    const auto client = server.client();
    const auto splits = SplitsOf(*client, "uuid", 4).ValueOrDie();
    ASSERT_EQ(splits.size(), 2u);
    std::vector<std::string> ids;
    for (const Split& split : splits) {
      IdWalk walk = IdWalk::Of(client, split.payload, "").ValueOrDie();
      EXPECT_EQ(walk.collection(), "uuid");
      const auto some = All(walk, 700);
      ids.insert(ids.end(), some.begin(), some.end());
    }
    EXPECT_EQ(ids.size(), 5'000u);
    EXPECT_EQ(ids[2'500], "id2500");
  }
}

TEST(Splits, OfNothingAreNone) {
  Ids server(0);
  EXPECT_TRUE(SplitsOf(*server.client(), "uuid", 4)->empty());
}

TEST(Walk, GoesOnBehindACursorAndBackToARun) {
  Ids server(0);
  const auto client = server.client();
  IdWalk walk = IdWalk::Of(client, R"({"collection":"uuid","ids":["a","b","c","d"]})", "1").ValueOrDie();
  const IdRun run = walk.Take(2).ValueOrDie();
  EXPECT_EQ(run.ids, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(run.CursorBehind(0), "1");
  EXPECT_EQ(run.CursorBehind(2), "3");
  walk.GoBack(run);
  EXPECT_EQ(All(walk, 9), (std::vector<std::string>{"b", "c", "d"}));
}

TEST(Walk, AlongOffsetsIsCheckedAgainstWhatWasThere) {
  Ids server(1'000);
  const auto client = server.client();
  const std::string split = R"({"collection":"uuid","offset":100,"count":500,"before":"id99"})";
  IdWalk walk = IdWalk::Of(client, split, "").ValueOrDie();
  EXPECT_EQ(All(walk, 64).size(), 500u);
  IdWalk first = IdWalk::Of(client, split, "").ValueOrDie();
  const IdRun run = first.Take(10).ValueOrDie();
  EXPECT_EQ(run.ids.front(), "id100");
  const Cursor cursor = run.CursorBehind(10);
  EXPECT_EQ(cursor, "10:id109");
  IdWalk again = IdWalk::Of(client, split, cursor).ValueOrDie();
  const auto rest = All(again, 1'000);
  EXPECT_EQ(rest.size(), 490u);
  EXPECT_EQ(rest.front(), "id110");
  EXPECT_EQ(rest.back(), "id599");
  // Rows that are deleted before the cursor shift the others: that is an error and no gap.
  server.Delete("id5");
  IdWalk shifted = IdWalk::Of(client, split, cursor).ValueOrDie();
  EXPECT_TRUE(IsCategory(shifted.Take(10).status(), Category::refused));
  IdWalk from_start = IdWalk::Of(client, split, "").ValueOrDie();
  EXPECT_TRUE(IsCategory(from_start.Take(10).status(), Category::refused));
}

TEST(Walk, TheLastSplitOfOffsetsGoesOnToTheEnd) {
  Ids server(1'000);
  IdWalk walk = IdWalk::Of(server.client(), R"({"collection":"uuid","offset":900,"count":-1})", "").ValueOrDie();
  EXPECT_EQ(All(walk, 7).size(), 100u);
}

TEST(Walk, WhatIsNoSplitOrCursorIsRefused) {
  Ids server(0);
  const auto client = server.client();
  for (const char* text : {"", "[]", "{}", R"({"collection":1,"ids":[]})", R"({"collection":"c","ids":{}})", R"({"collection":"c","ids":[1]})", R"({"collection":"c","offset":-1,"count":1})"}) {
    EXPECT_TRUE(IsCategory(IdWalk::Of(client, text, "").status(), Category::corrupt)) << text;
  }
  for (const char* cursor : {"-1", "1:a"}) EXPECT_TRUE(IsCategory(IdWalk::Of(client, R"({"collection":"c","ids":["a"]})", cursor).status(), Category::corrupt)) << cursor;
  EXPECT_FALSE(IdWalk::Of(client, R"({"collection":"c","ids":["a"]})", "x").ok());
}

}  // namespace
}  // namespace vecferry::chroma_model
