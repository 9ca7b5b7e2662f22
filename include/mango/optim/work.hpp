#pragma once
// The tensors of a batched step, and their chunks counted through.
#include "mango/core/list.hpp"
#include "mango/core/types.hpp"

namespace mango::inline MANGO_ABI::detail {

struct work_item {
  std::uint32_t tensor;
  index_t first;  // its first chunk, of those of a stretch
};

struct work_list : list<work_item> {
  /// Counts the chunks of the items [from, to), of which each has chunks_of(tensor), and returns how many there are.
  template <class Count> index_t number(std::size_t from, std::size_t to, Count chunks_of) {
    index_t chunks = 0;
    for (std::size_t i = from; i < to; ++i) {
      (*this)[i].first = chunks;
      chunks += chunks_of((*this)[i].tensor);
    }
    return chunks;
  }
  /// The item of a chunk counted so: the last that starts at or before it, since empty tensors start where their
  /// successor does.
  work_item of_chunk(index_t chunk, std::size_t from, std::size_t to) const {
    while (to - from > 1) {
      const std::size_t middle = (from + to) / 2;
      ((*this)[middle].first <= chunk ? from : to) = middle;
    }
    return (*this)[from];
  }
};

}  // namespace mango::inline MANGO_ABI::detail
