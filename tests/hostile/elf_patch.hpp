// SPDX-License-Identifier: Apache-2.0
//
// Damages a good ELF file in memory, one field at a time.
#ifndef LEET_TESTS_HOSTILE_ELF_PATCH_HPP
#define LEET_TESTS_HOSTILE_ELF_PATCH_HPP

#include <elf.h>
#include <leet/plugin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace leet::tests {

class ElfPatch {
 public:
  explicit ElfPatch(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }

  template <class T>
  T read(std::size_t offset) const {
    T value;
    if (offset + sizeof value > bytes_.size()) throw std::out_of_range("ElfPatch::read");
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  template <class T>
  ElfPatch& write(std::size_t offset, const T& value) {
    if (offset + sizeof value > bytes_.size()) throw std::out_of_range("ElfPatch::write");
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
    return *this;
  }
  // Reads a struct, lets `change` alter it, writes it back.
  template <class T>
  ElfPatch& edit(std::size_t offset, const std::function<void(T&)>& change) {
    T value = read<T>(offset);
    change(value);
    return write(offset, value);
  }

  ElfPatch& header(const std::function<void(Elf64_Ehdr&)>& change) {
    return edit<Elf64_Ehdr>(0, change);
  }
  // Where the `nth` program header of this type is.
  std::size_t segment_offset(std::uint32_t type, int nth = 0) const {
    const auto header = read<Elf64_Ehdr>(0);
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
      const std::size_t offset = header.e_phoff + i * sizeof(Elf64_Phdr);
      if (read<Elf64_Phdr>(offset).p_type == type && nth-- == 0) return offset;
    }
    throw std::runtime_error("no such segment");
  }
  ElfPatch& segment(std::uint32_t type, const std::function<void(Elf64_Phdr&)>& change,
                    int nth = 0) {
    return edit<Elf64_Phdr>(segment_offset(type, nth), change);
  }
  // Where the entry of PT_DYNAMIC with this tag is.
  std::size_t dynamic_offset(std::int64_t tag) const {
    const auto table = read<Elf64_Phdr>(segment_offset(PT_DYNAMIC));
    for (std::size_t at = table.p_offset; at < table.p_offset + table.p_filesz;
         at += sizeof(Elf64_Dyn)) {
      if (read<Elf64_Dyn>(at).d_tag == tag) return at;
    }
    throw std::runtime_error("no such dynamic entry");
  }
  ElfPatch& dynamic(std::int64_t tag, const std::function<void(Elf64_Dyn&)>& change) {
    return edit<Elf64_Dyn>(dynamic_offset(tag), change);
  }
  // Where in the file a table is whose address is the value of a dynamic entry. Of the tables in
  // question all are in the first segment, where address and offset agree.
  std::size_t table_offset(std::int64_t tag) const {
    return read<Elf64_Dyn>(dynamic_offset(tag)).d_un.d_ptr;
  }

  // Where the identity note is.
  std::size_t note_offset() const {
    const auto notes = read<Elf64_Phdr>(segment_offset(PT_NOTE));
    for (std::size_t at = notes.p_offset; at < notes.p_offset + notes.p_filesz;) {
      const auto note = read<Elf64_Nhdr>(at);
      if (note.n_type == LEET_NOTE_TYPE) return at;
      at += sizeof note + (note.n_namesz + 3) / 4 * 4 + (note.n_descsz + 3) / 4 * 4;
    }
    throw std::runtime_error("no identity note");
  }
  ElfPatch& note(const std::function<void(leet_note&)>& change) {
    return edit<leet_note>(note_offset(), change);
  }
  ElfPatch& identity(const std::function<void(leet_note_desc&)>& change) {
    return note([&](leet_note& note) { change(note.desc); });
  }

  // Every occurrence, by one of the same length: an id in the note and in the table.
  ElfPatch& replace(std::string_view from, std::string_view to) {
    if (from.size() != to.size()) throw std::invalid_argument("ElfPatch::replace: other length");
    std::size_t count = 0;
    for (std::size_t at = bytes_.find(from); at != std::string::npos;
         at = bytes_.find(from, at + to.size())) {
      bytes_.replace(at, to.size(), to);
      ++count;
    }
    if (count == 0) throw std::runtime_error("ElfPatch::replace: not found");
    return *this;
  }

 private:
  std::string bytes_;
};

}  // namespace leet::tests
#endif  // LEET_TESTS_HOSTILE_ELF_PATCH_HPP
