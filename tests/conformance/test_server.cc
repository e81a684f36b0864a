#include "conformance/test_server.h"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

namespace vecferry::conformance {

TestServer::TestServer(std::string name, std::string words)
    : name_(std::move(name)),
      dir_(fs::path(VECFERRY_BINARY_DIR) / "conformance_test" / (name_ + "-" + std::to_string(std::hash<std::string>{}(words) % 1000) + "-" + std::to_string(::getpid()))) {
  std::error_code ec;
  Control("stop");
  fs::remove_all(dir_, ec);
  if (Control("start", words) != 0) throw std::runtime_error("tests/servers/" + name_ + " does not start");
  std::stringstream text;
  text << std::ifstream(dir_ / "server.json").rdbuf();
  state_ = text.str();
}

TestServer::~TestServer() {
  Control("stop");
  std::error_code ec;
  fs::remove_all(dir_, ec);
}

long TestServer::Number(const std::string& key) const {
  const std::string quoted = "\"" + key + "\":";
  const auto at = state_.find(quoted);
  return at == state_.npos ? 0 : std::strtol(state_.c_str() + at + quoted.size(), nullptr, 10);
}

int TestServer::Control(const std::string& verb, const std::string& words) const {
  return std::system(("'" VECFERRY_SOURCE_DIR "/tests/servers/" + name_ + "' " + verb + " --dir '" + dir_.string() + "' " + words + " >/dev/null 2>&1").c_str());
}

std::string NameOf(const fs::path& dir) { return "t" + std::to_string(std::hash<std::string>{}(dir.string())); }

}  // namespace vecferry::conformance
