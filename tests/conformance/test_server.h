#pragma once
#include <string>

#include "base/files.h"

namespace vecferry::conformance {

/// A server that tests/servers/NAME starts, in a folder of this process's own, and that ends with this object. Throws where it does not start.
class TestServer {
 public:
  /// `words` go to the launcher as they are: "--engine double".
  explicit TestServer(std::string name, std::string words = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  long port() const { return Number("port"); }
  /// A number out of what the launcher said of the server.
  long Number(const std::string& key) const;

 private:
  int Control(const std::string& verb, const std::string& words = {}) const;
  const std::string name_;
  const fs::path dir_;
  std::string state_;
};

/// A name for a dataset of a test, of letters and digits: folders of tests are longer than names of many stores may be.
std::string NameOf(const fs::path& dir);

}  // namespace vecferry::conformance
