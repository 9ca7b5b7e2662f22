#pragma once
// Looking at gradients before anything is written: is every one finite, and what is their norm.
#include "mango/optim/gradient_access.hpp"
#include "mango/optim/validate.hpp"
#include "mango/pass/lanes.hpp"

namespace mango::inline MANGO_ABI::detail {

// the chunks of one tensor, in order
inline tally sum_of(const tensor_record& t) {
  tally sum;
  for (const auto& c : t.chunk_tallies) add_to(sum, c);
  return sum;
}

inline index_t chunk_end(const tensor_record& t, index_t chunk) {
  const index_t end = (chunk + 1) * chunk_elements;
  return end < t.elements() ? end : t.elements();
}

// what has accumulated, null where only a gradient counts
inline const float* sum_of_batches(const tensor_record& t, const operands& o) {
  return t.accumulating || !o.gradient ? t.accumulator : nullptr;
}

// what one chunk of an array, of what has accumulated, or of their sum amounts to
inline tally inspect_chunk(const tensor_record& t, const float* sum, const void* x, const gradient_functions& access,
                           index_t chunk, bool norm) {
  const index_t begin = chunk * chunk_elements, end = chunk_end(t, chunk);
  if (norm) return access.measure(sum, x, begin, end);
  return {0, access.nonfinite(sum, x, begin, end)};
}

// a sum of squares, as if every gradient had been multiplied by the scale. It cannot overflow: squares of floats stay
// below 2^256, the scale's below 2^200, and there are fewer than 2^63 of them
inline tally scaled(const tally& all, double gradient_scale) {
  return {all.squared_norm * gradient_scale * gradient_scale, all.nonfinite};
}

// the first element that is not finite, of an array that has one
inline index_t first_bad(const float* sum, const void* x, const gradient_functions& access) {
  index_t bad = 0;
  while (!access.nonfinite(sum, x, bad, bad + 1)) ++bad;
  return bad;
}

// names the element, which is looked for only now
[[noreturn]] __attribute__((noinline, cold)) inline void refuse_nonfinite(const tensor_record& t, const operands& o,
                                                                          const gradient_functions& access) {
  refuse(errc::nonfinite, t.name, "its gradient is not finite at element {got} of {expected}; nothing was changed",
         t.elements(), first_bad(sum_of_batches(t, o), o.gradient, access));
}

[[noreturn]] __attribute__((noinline, cold)) inline void refuse_unmeasured(const tensor_record& t) {
  refuse(errc::order, t.name,
         "a rule clips by the norm of all gradients, so every gradient is measured before the first update: "
         "call measure() for each, or step() for all at once",
         1, 0);
}

}  // namespace mango
