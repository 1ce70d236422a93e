// SPDX-License-Identifier: Apache-2.0
#include "tools/common/npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace leet::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::read_bytes;
using tests::TemporaryDirectory;

// A .npy file of version `major`.0 around a header as given; the length is the header's own.
std::string npy(const std::string& header, const std::string& data, int major = 1) {
  std::string file = "\x93NUMPY";
  file += {static_cast<char>(major), '\0'};
  for (int byte = 0; byte < (major == 1 ? 2 : 4); ++byte) {
    file += static_cast<char>(header.size() >> (8 * byte) & 0xff);
  }
  return file + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& fortran_order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran_order + ", 'shape': " + shape +
         ", }\n";
}

core::Result<Array> read_text(const std::string& content) {
  const TemporaryDirectory directory;
  return read_npy(directory.write("a.npy", content));
}

std::string error_of(const std::string& content) {
  const core::Result<Array> array = read_text(content);
  EXPECT_FALSE(array.ok());
  if (array) return "";
  EXPECT_EQ(array.error().code, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(array.error().message, HasSubstr("a.npy: "));
  return array.error().message;
}

template <class T>
Array array_of(leet_dtype dtype, std::vector<std::int64_t> extents, const std::vector<T>& values) {
  Array array = Array::zeros(dtype, std::move(extents));
  EXPECT_EQ(array.data.size(), values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

void expect_round_trip(const Array& array) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "a.npy";
  ASSERT_TRUE(write_npy(file, array));
  const core::Result<Array> read = read_npy(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(sdk::same(read->dtype, array.dtype));
  EXPECT_EQ(read->extents, array.extents);
  EXPECT_EQ(read->data, array.data);
}

TEST(Npy, RoundTripsEveryTypeAndRank) {
  expect_round_trip(array_of<float>(sdk::kF32, {2, 3}, {1, 2, 3, 4, 5, -6}));
  expect_round_trip(array_of<double>(sdk::kF64, {}, {0.1}));
  expect_round_trip(array_of<std::int64_t>(sdk::kI64, {3}, {0, -1, std::int64_t{1} << 40}));
  expect_round_trip(array_of<std::uint16_t>(sdk::kF16, {1, 2}, {0x3c00, 0x8001}));
  expect_round_trip(array_of<std::uint16_t>(sdk::kBf16, {2, 1, 1}, {0x3f80, 0xff80}));
  expect_round_trip(array_of<float>(sdk::kF32, {2, 0, 3}, {}));
  expect_round_trip(Array::zeros(sdk::kF32, std::vector<std::int64_t>(40, 1)));
}

TEST(Npy, WidensToDouble) {
  EXPECT_THAT(array_of<std::uint16_t>(sdk::kBf16, {2}, {0x3f80, 0xc000}).to_doubles(),
              ElementsAre(1, -2));
  EXPECT_THAT(array_of<std::uint16_t>(sdk::kF16, {1}, {0x3c00}).to_doubles(), ElementsAre(1));
  EXPECT_THAT(array_of<float>(sdk::kF32, {1}, {0.5}).to_doubles(), ElementsAre(0.5));
}

// The expected bytes are numpy.save's own (NumPy 2.4 and 1.24).
TEST(Npy, WritesWhatNumPyWrites) {
  const TemporaryDirectory directory;
  const auto preamble = [&](leet_dtype dtype, std::vector<std::int64_t> extents) {
    const std::filesystem::path file = directory / "a.npy";
    EXPECT_TRUE(write_npy(file, Array::zeros(dtype, std::move(extents))));
    return read_bytes(file).substr(0, 128);
  };
  const auto numpy = [](std::string text) {
    text.resize(117, ' ');
    return std::string("\x93NUMPY\x01\0v\0", 10) + text + '\n';
  };
  EXPECT_EQ(preamble(sdk::kF32, {3, 4}),
            numpy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"));
  EXPECT_EQ(preamble(sdk::kF64, {}),
            numpy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"));
  EXPECT_EQ(preamble(sdk::kI64, {3}),
            numpy("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"));
  EXPECT_EQ(preamble(sdk::kBf16, {0, 5}),
            numpy("{'descr': '<V2', 'fortran_order': False, 'shape': (0, 5), }"));
}

TEST(Npy, ReadsEitherOrderOfKeysAndAnySpacing) {
  for (const std::string& text : {
           std::string("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}\n"),
           std::string("{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,)}"),
           std::string("{ 'descr' : '<f4' , 'shape' : ( 2 , ) , 'fortran_order' : False , }   \n"),
       }) {
    const core::Result<Array> array = read_text(npy(text, std::string(8, '\0')));
    ASSERT_TRUE(array) << text << array.error().message;
    EXPECT_THAT(array->extents, ElementsAre(2));
  }
}

TEST(Npy, ReadsVersionsOneToThree) {
  for (const int major : {1, 2, 3}) {
    EXPECT_TRUE(read_text(npy(header("<f4", "(2,)"), std::string(8, '\0'), major))) << major;
  }
}

TEST(Npy, ReadsOpaquePairsAsBf16) {
  for (const char* descr : {"<V2", "|V2"}) {
    const core::Result<Array> array = read_text(npy(header(descr, "()"), "\x80\x3f"));
    ASSERT_TRUE(array) << descr;
    EXPECT_TRUE(sdk::same(array->dtype, sdk::kBf16));
    EXPECT_THAT(array->to_doubles(), ElementsAre(1));
  }
}

TEST(Npy, TakesFortranOrderOnlyWhereItMakesNoDifference) {
  EXPECT_TRUE(read_text(npy(header("<f4", "(1, 2, 1)", "True"), std::string(8, '\0'))));
  EXPECT_TRUE(read_text(npy(header("<f4", "(3, 0, 2)", "True"), "")));
  EXPECT_THAT(error_of(npy(header("<f4", "(2, 2)", "True"), std::string(16, '\0'))),
              HasSubstr("np.ascontiguousarray"));
}

TEST(Npy, SaysWhichTypeWouldBeRight) {
  EXPECT_THAT(error_of(npy(header("<i4", "()"), "1234")), HasSubstr("astype('<i8')"));
  EXPECT_THAT(error_of(npy(header("|b1", "()"), "1")), HasSubstr("astype('<i8')"));
  EXPECT_THAT(error_of(npy(header(">f4", "()"), "1234")),
              HasSubstr("'>f4', big-endian; store a.astype('<f4')"));
  EXPECT_THAT(error_of(npy(header("<f16", "()"), "1234")), HasSubstr("astype('<f8')"));
  EXPECT_THAT(error_of(npy(header("<c8", "()"), "12345678")), HasSubstr("float32"));
  EXPECT_THAT(error_of(npy(header("", "()"), "")), HasSubstr("float32"));
  EXPECT_THAT(error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "")),
              HasSubstr("structured"));
}

TEST(Npy, RefusesEveryOtherHeader) {
  const std::string rest = ", 'fortran_order': False, 'shape': ()}";
  for (const auto& [text, wrong] : std::vector<std::pair<std::string, std::string>>{
           {"", "does not begin"},
           {"('descr')", "does not begin"},
           {"{'descr': '<f4', 'fortran_order': False}", "lacks 'shape'"},
           {"{'fortran_order': False, 'shape': ()}", "lacks 'descr'"},
           {"{'descr': '<f4', 'shape': ()}", "lacks 'fortran_order'"},
           {"{'descr': '<f4', 'descr': '<f4'" + rest, "'descr' twice"},
           {"{'descr': '<f4', 'shape': ()" + rest, "'shape' twice"},
           {"{'descr': '<f4', 'more': 1" + rest, "unknown key 'more'"},
           {"{'descr': '<f4'" + rest + "x", "after the closing"},
           {"{'descr': '<f4'" + rest + "\n\n", "after the closing"},
           {"{'descr': '<f4' 'fortran_order': False, 'shape': ()}", "lacks a ','"},
           {"{'descr': '<f4', 'fortran_order': False, 'shape': ()", "lacks a ','"},
           {"{'descr: '<f4'}", "dictionary of strings"},
           {"{'des\\x63r': '<f4'" + rest, "dictionary of strings"},
           {"{descr: '<f4'" + rest, "dictionary of strings"},
           {"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "neither True nor False"},
           {header("<f4", "(3)"), "'shape' is not a tuple"},
           {header("<f4", "[3]"), "'shape' is not a tuple"},
           {header("<f4", "(-1,)"), "'shape' is not a tuple"},
           {header("<f4", "(3L,)"), "'shape' is not a tuple"},
           {header("<f4", "(3 4)"), "'shape' is not a tuple"},
           {header("<f4", "(,)"), "'shape' is not a tuple"},
           {header("<f4", "(99999999999999999999,)"), "'shape' is not a tuple"},
           {header("<f4", "(4611686018427387904, 8)"), "more elements"},
           {header("<f4", "(2305843009213693952,)"), "more elements"},
       }) {
    EXPECT_THAT(error_of(npy(text, "1234")), HasSubstr(wrong)) << text;
  }
  std::string deep = "(";
  for (int axis = 0; axis < 65; ++axis) deep += "1, ";
  EXPECT_THAT(error_of(npy(header("<f4", deep + ")"), "1234")), HasSubstr("at most 64"));
}

TEST(Npy, RefusesAnyOtherLengthOfFile) {
  const std::string good = npy(header("<f4", "(2,)"), "12345678");
  ASSERT_TRUE(read_text(good));
  for (std::size_t length = 0; length < good.size(); ++length) {
    const std::string message = error_of(good.substr(0, length));
    EXPECT_THAT(message, testing::AnyOf(HasSubstr("truncated"), HasSubstr("magic"))) << length;
  }
  EXPECT_THAT(error_of(good.substr(0, good.size() - 3)),
              HasSubstr("2 f32 elements need 8 bytes after the header, and there are 5"));
  EXPECT_THAT(error_of(good + "x"), HasSubstr("and there are 9"));
  EXPECT_THAT(error_of(npy(header("<f4", "(1152921504606846976,)"), "")), HasSubstr("truncated"));
}

TEST(Npy, RefusesAHeaderLengthBeyondTheFile) {
  std::string file = npy(header("<f4", "()"), "1234", 2);
  file[11] = '\x7f';
  EXPECT_THAT(error_of(file), HasSubstr("truncated: its header needs"));
}

TEST(Npy, RefusesWhatIsNotOne) {
  EXPECT_THAT(error_of(""), HasSubstr("is not a .npy file"));
  EXPECT_THAT(error_of("PK\x03\x04 an .npz"), HasSubstr("is not a .npy file"));
  EXPECT_THAT(error_of(npy(header("<f4", "()"), "1234", 4)), HasSubstr("version 4.0"));
  const TemporaryDirectory directory;
  const core::Result<Array> missing = read_npy(directory / "none.npy");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("none.npy: No such file"));
  const core::Result<Array> folder = read_npy(directory.path());
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("is a directory"));
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(AtomicFile, LeavesNothingUnlessCommitted) {
  const TemporaryDirectory directory;
  {
    core::Result<AtomicFile> file = AtomicFile::create(directory / "a.npy");
    ASSERT_TRUE(file);
    ASSERT_TRUE(write_npy(*file, Array::zeros(sdk::kF32, {2})));
    EXPECT_EQ(names_in(directory.path()).size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(directory / "a.npy"));
  }
  EXPECT_THAT(names_in(directory.path()), IsEmpty());
  EXPECT_TRUE(check_writable(directory / "a.npy"));
  EXPECT_THAT(names_in(directory.path()), IsEmpty());
}

TEST(AtomicFile, ReplacesAFileAndKeepsALink) {
  const TemporaryDirectory directory;
  directory.write("a.npy", "old");
  std::filesystem::create_symlink("a.npy", directory / "link.npy");
  ASSERT_TRUE(write_npy(directory / "link.npy", Array::zeros(sdk::kF32, {2})));
  EXPECT_TRUE(read_npy(directory / "a.npy"));
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link.npy"));
}

TEST(AtomicFile, RefusesWhatCannotBeReplaced) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "folder");
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  for (const auto& [file, wrong] : std::vector<std::pair<std::filesystem::path, std::string>>{
           {directory / "folder", "is a directory"},
           {directory / "pipe", "a device, pipe or socket"},
           {directory / "none/a.npy", "No such file or directory"},
           {directory / "none/", "Is a directory"},
           {"", "Is a directory"},
       }) {
    const core::Status status = check_writable(file);
    ASSERT_FALSE(status) << file;
    EXPECT_EQ(status.error().code, LEET_STATUS_INVALID_ARGUMENT);
    EXPECT_THAT(status.error().message, HasSubstr(wrong));
  }
}

}  // namespace
}  // namespace leet::tools
