#pragma once
// Host memory, counted, of which there may be only so much.
#include <new>

#include "mango/backend/host.hpp"

namespace support {

struct counting : mango::host {
  std::size_t *total, most;
  explicit counting(std::size_t& bytes, std::size_t limit = SIZE_MAX) : total(&bytes), most(limit) {}
  mango::buffer allocate(std::size_t bytes) const {
    if (bytes > most - *total) throw std::bad_alloc();
    *total += bytes;
    return mango::host::allocate(bytes);
  }
};

}  // namespace support
