#pragma once
#include <unistd.h>

#include <atomic>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace vecferry {

/// The running test's name, told from its other repetitions and from another process that runs it: memory stores and folders
/// under this name hold nothing when it begins.
inline std::string FreshTestName() {
  static std::atomic<int> repetition{0};
  return fmt::format("{}_{}_{}", testing::UnitTest::GetInstance()->current_test_info()->name(), ::getpid(), ++repetition);
}

}  // namespace vecferry
