// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

namespace kjv_lm {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

std::string last_error() {
  return errno == 0 ? "input or output error" : std::generic_category().message(errno);
}

// Version 1.0 of the format: magic, header length, a Python literal padded to a multiple of 64.
std::string npy_header(std::span<const std::int64_t> extents) {
  std::string shape;
  for (const std::int64_t extent : extents) shape += std::to_string(extent) + ", ";
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       shape.substr(0, shape.size() - 1) + "), }";
  constexpr std::size_t kPreamble = 10;
  header.append(63 - (kPreamble + header.size()) % 64, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  std::string preamble = "\x93NUMPY\x01";
  preamble += '\0';
  preamble += static_cast<char>(length & 0xff);
  preamble += static_cast<char>(length >> 8);
  return preamble + header;
}

}  // namespace

Bytes read_file(const std::filesystem::path& file, std::size_t limit) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw FileError(file, "can't open it: " + last_error());
  Bytes content;
  constexpr std::size_t kPiece = 1 << 16;
  while (content.size() <= limit) {
    const std::size_t size = content.size();
    content.resize(size + kPiece);
    errno = 0;
    stream.read(reinterpret_cast<char*>(content.data() + size), kPiece);
    content.resize(size + static_cast<std::size_t>(stream.gcount()));
    if (stream.bad() || (stream.gcount() == 0 && errno != 0)) {
      throw FileError(file, "can't read it: " + last_error());
    }
    if (stream.eof()) break;
  }
  if (content.size() > limit) {
    throw FileError(file, "longer than " + std::to_string(limit) + " bytes, the most that is read");
  }
  return content;
}

void write_npy(const std::filesystem::path& file, std::span<const std::int64_t> extents,
               std::span<const float> values) {
  std::filesystem::path partial = file;
  partial += ".partial";
  const auto fail = [&](const std::string& reason) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw FileError(file, "can't write it: " + reason);
  };
  errno = 0;
  std::ofstream stream(partial, std::ios::binary | std::ios::trunc);
  if (!stream) fail(last_error());
  const std::string header = npy_header(extents);
  stream.write(header.data(), static_cast<std::streamsize>(header.size()));
  stream.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size_bytes()));
  stream.close();
  if (!stream) fail(last_error());
  std::error_code failure;
  std::filesystem::rename(partial, file, failure);
  if (failure) fail(failure.message());
}

}  // namespace kjv_lm
