// SPDX-License-Identifier: Apache-2.0
#include "safetensors.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace kjv_lm {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 30;
constexpr std::size_t kLargestHeader = 100'000'000;  // the format's own limit
constexpr std::size_t kLengthBytes = 8;

std::size_t element_bytes(const std::string& dtype) {
  if (dtype == "F16") return 2;
  if (dtype == "F32") return 4;
  return 0;
}

// The size of a tensor in bytes; nothing when an extent is negative or the product is above
// `limit`.
std::optional<std::size_t> tensor_bytes(const std::vector<std::int64_t>& shape, std::size_t element,
                                        std::size_t limit) {
  std::size_t bytes = element;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    const auto factor = static_cast<std::size_t>(extent);
    if (factor != 0 && bytes > limit / factor) return std::nullopt;
    bytes *= factor;
  }
  return bytes;
}

std::string to_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

// nlohmann-json keeps the last of two members with one name; in this format that is damage.
nlohmann::json parse_without_duplicates(const std::string& text) {
  std::vector<std::set<std::string>> names;
  std::string duplicate;
  const auto watch = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.get<std::string>()).second) {
      duplicate = value.get<std::string>();
    }
    return true;
  };
  nlohmann::json header = nlohmann::json::parse(text, watch);
  if (!duplicate.empty()) throw std::runtime_error("'" + duplicate + "' is there twice");
  return header;
}

}  // namespace

Safetensors::Safetensors(const std::filesystem::path& file)
    : file_(file), content_(read_file(file, kLargestFile)) {
  if (content_.size() < kLengthBytes) {
    throw FileError(file_, "not a safetensors file: " + std::to_string(content_.size()) +
                               " bytes, needs at least 8");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, content_.data(), sizeof length);
  if (length > kLargestHeader || length > content_.size() - kLengthBytes) {
    throw FileError(file_, "damaged, or not a safetensors file: its header should have " +
                               std::to_string(length) + " bytes, but only " +
                               std::to_string(content_.size() - kLengthBytes) + " follow");
  }
  const auto text = content_.begin() + kLengthBytes;
  const std::size_t data_begin = kLengthBytes + static_cast<std::size_t>(length);
  try {
    read_header(std::string(text, text + static_cast<std::ptrdiff_t>(length)), data_begin);
  } catch (const FileError&) {
    throw;
  } catch (const std::exception& e) {
    throw FileError(file_, std::string("damaged header: ") + e.what());
  }
  check_coverage(data_begin);
}

// Lets exceptions of nlohmann-json through: wrong types of members are its to report.
void Safetensors::read_header(const std::string& text, std::size_t data_begin) {
  const nlohmann::json header = parse_without_duplicates(text);
  const std::size_t data_bytes = content_.size() - data_begin;
  for (const auto& [name, entry] : header.get<std::map<std::string, nlohmann::json>>()) {
    if (name == "__metadata__") {
      metadata_ = entry.get<std::map<std::string, std::string>>();
      continue;
    }
    Tensor tensor{entry.at("dtype"), entry.at("shape"), 0, 0};
    const auto [begin, end] =
        entry.at("data_offsets").get<std::pair<std::uint64_t, std::uint64_t>>();
    if (begin > end || end > data_bytes) {
      throw FileError(file_, "damaged or truncated: '" + name + "' lies at data bytes " +
                                 std::to_string(begin) + " to " + std::to_string(end) +
                                 ", but there are " + std::to_string(data_bytes));
    }
    const std::size_t element = element_bytes(tensor.dtype);
    if (element == 0) {
      throw FileError(file_, "'" + name + "' has dtype " + tensor.dtype + ", needs F16 or F32");
    }
    if (tensor_bytes(tensor.shape, element, data_bytes) != end - begin) {
      throw FileError(file_, "damaged: '" + name + "' of shape " + to_text(tensor.shape) + " has " +
                                 std::to_string(end - begin) + " bytes of data");
    }
    tensor.begin = data_begin + begin;
    tensor.end = data_begin + end;
    tensors_.emplace(name, std::move(tensor));
  }
}

// The format allows neither holes nor overlaps nor a tail.
void Safetensors::check_coverage(std::size_t data_begin) const {
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  for (const auto& [name, tensor] : tensors_) spans.emplace_back(tensor.begin, tensor.end);
  std::sort(spans.begin(), spans.end());
  std::size_t covered = data_begin;
  for (const auto& [begin, end] : spans) {
    if (begin != covered) break;
    covered = end;
  }
  if (covered != content_.size()) {
    throw FileError(file_, "damaged: its tensors end or overlap at byte " +
                               std::to_string(covered) + " of " + std::to_string(content_.size()));
  }
}

std::int64_t Safetensors::metadata(const std::string& name, std::int64_t highest) const {
  const auto found = metadata_.find(name);
  if (found == metadata_.end()) {
    throw FileError(file_, "not this kind of model: __metadata__ has no '" + name + "'");
  }
  const std::string& text = found->second;
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < 1 ||
      number > highest) {
    throw FileError(file_, "__metadata__ " + name + "='" + text +
                               "': needs a whole number from 1 to " + std::to_string(highest));
  }
  return number;
}

const Safetensors::Tensor& Safetensors::find(const std::string& name,
                                             const std::vector<std::int64_t>& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw FileError(file_, "has no tensor '" + name + "'");
  if (found->second.shape != shape) {
    throw FileError(file_, "'" + name + "' has shape " + to_text(found->second.shape) + ", needs " +
                               to_text(shape));
  }
  return found->second;
}

// Data may begin at any byte, so elements are copied out before they are looked at.
void Safetensors::widen(const Tensor& tensor, float* to) const {
  const std::size_t bytes = tensor.end - tensor.begin;
  if (bytes == 0) return;
  if (tensor.dtype == "F32") {
    std::memcpy(to, content_.data() + tensor.begin, bytes);
    return;
  }
  for (std::size_t i = 0; i < bytes / 2; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, content_.data() + tensor.begin + 2 * i, sizeof bits);
    to[i] = static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits));
  }
}

Matrix Safetensors::matrix(const std::string& name, std::int64_t rows, std::int64_t columns) const {
  const Tensor& tensor = find(name, {rows, columns});
  Matrix matrix(rows, columns);
  widen(tensor, matrix.data());
  return matrix;
}

RowVector Safetensors::vector(const std::string& name, std::int64_t size) const {
  const Tensor& tensor = find(name, {size});
  RowVector vector(size);
  widen(tensor, vector.data());
  return vector;
}

}  // namespace kjv_lm
