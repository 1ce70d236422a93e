// SPDX-License-Identifier: Apache-2.0
#include "tools/common/npy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <optional>
#include <utility>

namespace leet::tools {
namespace {

struct Descr {
  std::string_view text;
  leet_dtype dtype;
};
// The first of a dtype is the one that is written. ml_dtypes stores bfloat16 as two opaque bytes.
constexpr std::array kDescrs = {Descr{"<f2", sdk::kF16},  Descr{"<f4", sdk::kF32},
                                Descr{"<f8", sdk::kF64},  Descr{"<i8", sdk::kI64},
                                Descr{"<V2", sdk::kBf16}, Descr{"|V2", sdk::kBf16}};

// NumPy's own limit; keeps a hostile header from making a huge vector.
constexpr std::size_t kMaxRank = 64;

core::Error invalid(std::string message) {
  return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)};
}

// What the caller could do about a type that isn't read.
std::string refuse_descr(std::string_view descr) {
  const std::string_view type = descr.substr(std::min<std::size_t>(1, descr.size()));
  const char kind = type.empty() ? ' ' : type.front();
  const std::string seen = fmt::format("its elements are '{}'", descr);
  if (descr.starts_with('>')) {
    const auto little = std::find_if(kDescrs.begin(), kDescrs.end(), [&](const Descr& known) {
      return known.text.substr(1) == type;
    });
    if (little != kDescrs.end()) {
      return fmt::format("{}, big-endian; store a.astype('{}')", seen, little->text);
    }
  }
  if (kind == 'i' || kind == 'u' || kind == 'b') {
    return fmt::format("{}; store a.astype('<i8')", seen);
  }
  if (kind == 'f') return fmt::format("{}; store a.astype('<f8') or a smaller float", seen);
  return fmt::format("{}; it must be float16, float32, float64, int64 or ml_dtypes' bfloat16",
                     seen);
}

// A cursor over the literal. Each take_ function skips the spaces before what it takes.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool take(char expected) {
    skip_spaces();
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view expected) {
    skip_spaces();
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  // A string in single or double quotes, without escapes.
  std::optional<std::string_view> take_string() {
    skip_spaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const auto end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view content = rest_.substr(1, end - 1);
    if (content.find('\\') != std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end + 1);
    return content;
  }

  // Digits; nullopt also for a number that int64 can't hold.
  std::optional<std::int64_t> take_number() {
    skip_spaces();
    if (rest_.empty() || std::isdigit(static_cast<unsigned char>(rest_.front())) == 0) {
      return std::nullopt;
    }
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (failure != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }

  // Nothing but spaces and one newline is left.
  bool at_end() {
    skip_spaces();
    return rest_.empty() || rest_ == "\n";
  }

 private:
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  std::string_view rest_;
};

// "()", "(3,)", "(3, 4)" and "(3, 4,)". A lone "(3)" is a number, not a tuple.
std::optional<std::vector<std::int64_t>> take_tuple(Parser& parser) {
  std::vector<std::int64_t> extents;
  if (!parser.take('(')) return std::nullopt;
  bool comma = true;
  while (!parser.take(')')) {
    if (!comma || extents.size() == kMaxRank) return std::nullopt;
    const std::optional<std::int64_t> extent = parser.take_number();
    if (!extent) return std::nullopt;
    extents.push_back(*extent);
    comma = parser.take(',');
  }
  if (extents.size() == 1 && !comma) return std::nullopt;
  return extents;
}

// The three values as the file has them.
struct Literal {
  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> extents;
};

core::Status take_entry(Parser& parser, Literal& literal) {
  const std::optional<std::string_view> key = parser.take_string();
  if (!key || !parser.take(':')) return invalid("its header is not a dictionary of strings");
  const auto given_twice = [&] { return invalid(fmt::format("its header has '{}' twice", *key)); };
  if (*key == "descr") {
    if (literal.descr) return given_twice();
    literal.descr = parser.take_string();
    if (!literal.descr) {
      return invalid("its 'descr' is not a string: structured arrays are not read, a plain one is");
    }
  } else if (*key == "fortran_order") {
    if (literal.fortran_order) return given_twice();
    if (parser.take_word("True")) {
      literal.fortran_order = true;
    } else if (parser.take_word("False")) {
      literal.fortran_order = false;
    } else {
      return invalid("its 'fortran_order' is neither True nor False");
    }
  } else if (*key == "shape") {
    if (literal.extents) return given_twice();
    literal.extents = take_tuple(parser);
    if (!literal.extents) {
      return invalid("its 'shape' is not a tuple of at most 64 whole numbers, as in (2, 3)");
    }
  } else {
    return invalid(fmt::format(
        "its header has the unknown key '{}'; descr, fortran_order and shape are known", *key));
  }
  return {};
}

core::Result<Literal> parse_literal(std::string_view text) {
  Parser parser(text);
  Literal literal;
  if (!parser.take('{')) return invalid("its header does not begin with '{'");
  bool comma = true;
  while (!parser.take('}')) {
    if (!comma) return invalid("its header lacks a ',' or the closing '}'");
    if (const core::Status entry = take_entry(parser, literal); !entry) return entry.error();
    comma = parser.take(',');
  }
  if (!parser.at_end()) return invalid("its header goes on after the closing '}'");
  const char* missing = !literal.descr           ? "descr"
                        : !literal.fortran_order ? "fortran_order"
                        : !literal.extents       ? "shape"
                                                 : nullptr;
  if (missing != nullptr) return invalid(fmt::format("its header lacks '{}'", missing));
  return literal;
}

}  // namespace

std::optional<std::int64_t> element_count(std::span<const std::int64_t> extents,
                                          std::int64_t element_bytes) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return 0;
  std::int64_t elements = 1;
  for (const std::int64_t extent : extents) {
    if (extent > std::numeric_limits<std::int64_t>::max() / element_bytes / elements) {
      return std::nullopt;
    }
    elements *= extent;
  }
  return elements;
}

core::Result<NpyHeader> parse_npy_header(std::string_view text) {
  core::Result<Literal> literal = parse_literal(text);
  if (!literal) return literal.error();
  const auto descr = std::find_if(kDescrs.begin(), kDescrs.end(), [&](const Descr& known) {
    return known.text == *literal->descr;
  });
  if (descr == kDescrs.end()) return invalid(refuse_descr(*literal->descr));

  NpyHeader header{descr->dtype, std::move(*literal->extents), 0};
  const std::optional<std::int64_t> elements =
      element_count(header.extents, sdk::dtype_bytes(header.dtype));
  if (!elements) return invalid("its 'shape' has more elements than a file can hold");
  header.elements = *elements;

  // With at most one axis longer than 1, both orders are the same.
  const auto long_axes = std::count_if(header.extents.begin(), header.extents.end(),
                                       [](std::int64_t extent) { return extent != 1; });
  if (*literal->fortran_order && long_axes > 1 && header.elements > 0) {
    return invalid("it is in Fortran order; store np.ascontiguousarray(a)");
  }
  return header;
}

std::string npy_preamble(leet_dtype dtype, std::span<const std::int64_t> extents) {
  const auto descr = std::find_if(kDescrs.begin(), kDescrs.end(), [&](const Descr& known) {
    return sdk::same(known.dtype, dtype);
  });
  std::string shape;
  for (const std::int64_t extent : extents) shape += fmt::format("{}, ", extent);
  if (extents.size() == 1) shape.resize(shape.size() - 1);  // "(3,)", but "(3, 4)"
  if (extents.size() > 1) shape.resize(shape.size() - 2);
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr->text, shape);
  // NumPy leaves room for the first extent to grow to 21 digits in place.
  if (!extents.empty()) text.append(21 - fmt::formatted_size("{}", extents.front()), ' ');

  constexpr std::size_t kAlignment = 64;
  // Magic, version, and a length of 2 bytes in version 1.0 or 4 bytes in version 2.0.
  const auto padded = [&](std::size_t prefix) {
    return (prefix + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - prefix;
  };
  const bool long_header = padded(kNpyMagic.size() + 4) > std::numeric_limits<std::uint16_t>::max();
  const std::size_t length_bytes = long_header ? 4 : 2;
  const std::size_t length = padded(kNpyMagic.size() + 2 + length_bytes);
  std::string preamble(kNpyMagic);
  preamble += {static_cast<char>(long_header ? 2 : 1), '\0'};
  for (std::size_t byte = 0; byte < length_bytes; ++byte) {
    preamble += static_cast<char>(length >> (8 * byte) & 0xff);
  }
  text.append(length - text.size() - 1, ' ');
  return preamble + text + '\n';
}

}  // namespace leet::tools
