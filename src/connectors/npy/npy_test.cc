#include <gtest/gtest.h>

#include "connectors/npy/header.h"

namespace vecferry::npy {
namespace {

using sidecar::Stored;

std::string File(const std::string& dict, int version = 1) {
  std::string out = std::string(kMagic) + static_cast<char>(version) + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(dict.size() >> (8 * i));
  return out + dict;
}

std::string Told(const std::string& bytes) {
  const auto header = ParseHeader(bytes);
  if (!header.ok()) return IsCategory(header.status(), Category::unsupported) ? "unsupported" : IsCategory(header.status(), Category::corrupt) ? "corrupt" : "?";
  return std::to_string(header->rows) + "x" + std::to_string(header->columns) + "@" + std::to_string(header->data_at);
}

TEST(NpyHeader, WhatNumpyWrites) {
  const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
  EXPECT_EQ(Told(File(dict)), "3x4@" + std::to_string(10 + dict.size()));
  EXPECT_EQ(Told(File(dict, 2)), "3x4@" + std::to_string(12 + dict.size()));
  EXPECT_EQ(Told(File(dict, 3)), "3x4@" + std::to_string(12 + dict.size()));
  EXPECT_EQ(Told(File("{'shape': (0L, 4L), 'fortran_order': False, 'descr': '|u1'}  \n")).substr(0, 4), "0x4@");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 4), }")).substr(0, 4), "1x4@") << "one row is in both orders";
}

TEST(NpyHeader, WhatIsNotRead) {
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '>f4', 'fortran_order': False, 'shape': (3, 4), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '|O', 'fortran_order': False, 'shape': (3, 4), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': False, 'shape': (), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 5), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }")), "unsupported");
  EXPECT_EQ(Told(File("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 99999999999), }")), "unsupported");
}

TEST(NpyHeader, WhatIsNoHeader) {
  for (const char* dict : {"", "{", "{}", "{'descr': '<f4'}", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 4), }", "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4), }",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } x", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}"}) {
    EXPECT_EQ(Told(File(dict)), "corrupt") << dict;
  }
  const std::string whole = File("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }");
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(Told(whole.substr(0, n)), "corrupt") << n;
  EXPECT_EQ(Told(File("{}", 4)), "unsupported");
}

TEST(NpyHeader, IsWrittenAtOneSize) {
  for (const Stored stored : {Stored::f32, Stored::f16, Stored::u8, Stored::i8}) {
    for (const int64_t rows : {int64_t{0}, int64_t{5}, int64_t{1} << 50}) {
      const std::string text = MakeHeader(stored, rows, 768);
      EXPECT_EQ(text.size(), static_cast<size_t>(kHeadSize));
      const auto header = ParseHeader(text);
      ASSERT_TRUE(header.ok());
      EXPECT_EQ(header->rows, rows);
      EXPECT_EQ(header->columns, 768);
      EXPECT_EQ(header->stored, stored);
      EXPECT_EQ(header->data_at, kHeadSize);
    }
  }
}

}  // namespace
}  // namespace vecferry::npy
