// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_SHARED_ARENA_HPP
#define LEET_EMULATOR_SHARED_ARENA_HPP

#include <cstddef>
#include <memory>
#include <vector>

namespace leet::emulator {

// The shared memory of a block: named arrays with nobody's memory between them, filled with NaNs.
class SharedArena {
 public:
  struct Array {
    const void* key;  // null: a piece of the dynamic shared memory
    char* data;
    std::size_t bytes;
    const char* name;
  };

  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // For a new block.
  void clear();

  const Array* find(const void* key) const;
  const Array* piece(std::size_t index) const {
    return index < pieces_.size() ? &pieces_[index] : nullptr;
  }
  // Null: the arena is full.
  const Array* add(const void* key, std::size_t bytes, std::size_t alignment, const char* name);

  // Bytes that the program sees itself use, without what lies between the arrays.
  std::size_t static_bytes() const { return static_bytes_; }
  std::size_t dynamic_bytes() const { return dynamic_bytes_; }

  bool contains(const void* address, std::size_t bytes) const;

 private:
  std::unique_ptr<char, void (*)(char*)> memory_;
  std::size_t used_ = 0;
  std::size_t static_bytes_ = 0;
  std::size_t dynamic_bytes_ = 0;
  std::vector<Array> statics_;
  std::vector<Array> pieces_;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_SHARED_ARENA_HPP
