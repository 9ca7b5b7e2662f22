#pragma once
// Lists of class labels and token ids, in whatever integer type the caller keeps them.
#include <concepts>
#include <type_traits>
#include <vector>

#include "mango/nn/check.hpp"

namespace mango::inline MANGO_ABI::nn {

/// std::vector<int>, std::span<const std::uint8_t>, ...: has size() and integers behind operator[].
template <class L> concept index_list = requires(const L& list, std::size_t i) {
  { list.size() } -> std::convertible_to<std::size_t>;
  requires std::integral<std::remove_cvref_t<decltype(list[i])>>;
};

/// Raises errc::size unless `list` has `count` entries, and errc::config when an entry is not in [0, limit).
/// `what` reads like "cross_entropy: labels".
template <index_list L> void require_indices(const char* what, const L& list, index_t count, index_t limit) {
  const auto size = static_cast<index_t>(list.size());
  if (size != count)
    refuse(errc::size, {what, " has ", digits(size), " entries, expected ", digits(count)}, what, count, size);
  for (index_t i = 0; i < size; ++i) {
    const auto entry = static_cast<long long>(list[static_cast<std::size_t>(i)]);
    if (entry < 0 || entry >= limit)
      refuse(errc::config, {what, "[", digits(i), "] is ", digits(entry), ", expected 0 to ", digits(limit - 1)}, what,
             limit - 1, entry);
  }
}

/// Overwrites `kept` with the entries of `list`.
template <index_list L> void keep_indices(const L& list, std::vector<index_t>& kept) {
  kept.resize(static_cast<std::size_t>(list.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = static_cast<index_t>(list[i]);
}

}  // namespace mango::inline MANGO_ABI::nn
