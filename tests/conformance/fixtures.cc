#include "conformance/fixture.h"

namespace vecferry::conformance {
namespace {

Fixture Memory() {
  Fixture fixture;
  fixture.scheme = "memory";
  fixture.empty = [](const fs::path& dir) { return "memory:" + dir.filename().string() + "#docs"; };
  return fixture;
}

Fixture Jsonl() {
  Fixture fixture;
  fixture.scheme = "jsonl";
  fixture.empty = [](const fs::path& dir) { return "jsonl:" + (dir / "docs.jsonl").string(); };
  return fixture;
}

}  // namespace

const std::vector<Fixture>& Fixtures() {
  static const std::vector<Fixture> fixtures = {Memory(), Jsonl()};
  return fixtures;
}

}  // namespace vecferry::conformance
