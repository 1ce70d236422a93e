// SPDX-License-Identifier: Apache-2.0
#include "tools/common/npy.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <leet/plugin/dtype.hpp>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "tools/common/npy_header.hpp"

namespace leet::tools {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& name) : name_(name) {}

  core::Result<Array> read();

 private:
  core::Error failure(std::string_view what) const {
    return {LEET_STATUS_INVALID_ARGUMENT, fmt::format("{}: {}", name_.string(), what)};
  }
  core::Error system_failure(int number) const {
    core::Error error = failure(std::generic_category().message(number));
    error.domain = LEET_DOMAIN_ERRNO;
    error.native_code = number;
    return error;
  }
  core::Status open();
  core::Status take(void* to, std::size_t bytes);
  core::Result<NpyHeader> read_header();

  const std::filesystem::path& name_;
  File file_;
  std::int64_t file_bytes_ = 0;
  std::int64_t taken_ = 0;
};

core::Status Reader::open() {
  file_.reset(std::fopen(name_.c_str(), "rbe"));
  if (!file_) return system_failure(errno);
  struct stat status {};
  if (::fstat(::fileno(file_.get()), &status) != 0) return system_failure(errno);
  if (!S_ISREG(status.st_mode)) {
    return failure(S_ISDIR(status.st_mode) ? "is a directory; name a .npy file"
                                           : "is not a regular file; name a .npy file");
  }
  file_bytes_ = status.st_size;
  return {};
}

core::Status Reader::take(void* to, std::size_t bytes) {
  if (bytes != 0 && std::fread(to, 1, bytes, file_.get()) != bytes) {
    return failure(std::ferror(file_.get()) != 0 ? "can't be read to its end"
                                                 : "became shorter while it was read");
  }
  taken_ += static_cast<std::int64_t>(bytes);
  return {};
}

core::Result<NpyHeader> Reader::read_header() {
  const auto truncated = [&](std::int64_t needed) {
    return failure(fmt::format("is truncated: its header needs {} bytes, and the file has {}",
                               needed, file_bytes_));
  };
  // Six characters of magic, the version's two numbers, and the shorter form of the length.
  unsigned char start[10] = {};
  const auto start_bytes =
      std::min<std::size_t>(sizeof start, static_cast<std::size_t>(file_bytes_));
  if (const core::Status status = take(start, start_bytes); !status) return status.error();
  const auto* text = reinterpret_cast<const char*>(start);
  if (!std::string_view(text, start_bytes).starts_with(kNpyMagic)) {
    return failure(
        "is not a .npy file: it does not begin with NumPy's magic; write it with "
        "np.save");
  }
  if (start_bytes < sizeof start) return truncated(sizeof start);
  const int major = start[6];
  const int minor = start[7];
  if (major < 1 || major > 3 || minor != 0) {
    return failure(
        fmt::format("has .npy version {}.{}; versions 1.0, 2.0 and 3.0 are read", major, minor));
  }
  std::int64_t length = start[8] | start[9] << 8;
  if (major > 1) {
    unsigned char upper[2] = {};
    if (file_bytes_ < taken_ + 2) return truncated(taken_ + 2);
    if (const core::Status status = take(upper, sizeof upper); !status) return status.error();
    length |= static_cast<std::int64_t>(upper[0]) << 16 | static_cast<std::int64_t>(upper[1]) << 24;
  }
  if (file_bytes_ - taken_ < length) return truncated(taken_ + length);
  std::string header(static_cast<std::size_t>(length), '\0');
  if (const core::Status status = take(header.data(), header.size()); !status) {
    return status.error();
  }
  core::Result<NpyHeader> parsed = parse_npy_header(header);
  if (!parsed) return failure(parsed.error().message);
  return parsed;
}

core::Result<Array> Reader::read() {
  if (const core::Status opened = open(); !opened) return opened.error();
  core::Result<NpyHeader> header = read_header();
  if (!header) return header.error();
  const std::int64_t bytes = header->elements * sdk::dtype_bytes(header->dtype);
  if (file_bytes_ - taken_ != bytes) {
    return failure(
        fmt::format("is {}: {} {} elements need {} bytes after the header, and there are {}",
                    file_bytes_ - taken_ < bytes ? "truncated" : "longer than its header says",
                    header->elements, sdk::dtype_name(header->dtype), bytes, file_bytes_ - taken_));
  }
  Array array{header->dtype, std::move(header->extents),
              std::vector<std::byte>(static_cast<std::size_t>(bytes))};
  if (const core::Status status = take(array.data.data(), array.data.size()); !status) {
    return status.error();
  }
  return array;
}

}  // namespace

Array Array::zeros(leet_dtype dtype, std::vector<std::int64_t> extents) {
  const std::optional<std::int64_t> elements = element_count(extents, sdk::dtype_bytes(dtype));
  if (!elements) throw std::bad_alloc();
  Array array{dtype, std::move(extents), {}};
  array.data.resize(static_cast<std::size_t>(*elements * sdk::dtype_bytes(dtype)));
  return array;
}

std::int64_t Array::size() const {
  return static_cast<std::int64_t>(data.size()) / sdk::dtype_bytes(dtype);
}

std::vector<double> Array::to_doubles() const {
  std::vector<double> values(static_cast<std::size_t>(size()));
  sdk::load_row(dtype, data.data(), values.data(), size());
  return values;
}

core::Result<Array> read_npy(const std::filesystem::path& file) { return Reader(file).read(); }

core::Status write_npy(AtomicFile& file, const Array& array) {
  const std::string preamble = npy_preamble(array.dtype, array.extents);
  if (const core::Status status = file.write(std::as_bytes(std::span(preamble))); !status) {
    return status;
  }
  return file.write(array.data);
}

core::Status write_npy(const std::filesystem::path& file, const Array& array) {
  core::Result<AtomicFile> output = AtomicFile::create(file);
  if (!output) return output.error();
  if (const core::Status status = write_npy(*output, array); !status) return status;
  return output->commit();
}

}  // namespace leet::tools
