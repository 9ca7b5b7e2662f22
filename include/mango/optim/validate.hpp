#pragma once
// Checks of the spans a trainer hands in. Every check comes before the first write, and names the tensor.
#include "mango/optim/tensor.hpp"

namespace mango::inline MANGO_ABI::detail {

// an error about a tensor; `sentence` as raise() takes it
[[noreturn]] __attribute__((noinline, cold)) inline void refuse(errc code, std::string_view tensor,
                                                                const char* sentence, long long expected, long long got,
                                                                std::string_view word = {},
                                                                std::string_view other = {}) {
  raise(code, concat({"tensor {subject}: ", sentence}).c_str(), expected, got, tensor, word, other);
}

// a range of memory with the name it has in messages
struct extent {
  const char* what = nullptr;
  const void* data = nullptr;
  std::size_t count = 0;
  dtype type = dtype::u8;
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(data); }
  std::uintptr_t end() const { return begin() + count * static_cast<std::size_t>(size_of(type)); }
};

template <class T> extent extent_of(const char* what, std::span<T> s) {
  return {what, static_cast<const void*>(s.data()), s.size(), dtype_of<std::remove_const_t<T>>};
}

// size, null, alignment
__attribute__((noinline)) inline void check_span(std::string_view tensor, const extent& e, index_t expected) {
  const auto count = static_cast<index_t>(e.count);
  if (count != expected)
    refuse(errc::size, tensor, "its {word} has {got} elements, expected {expected}", expected, count, e.what);
  if (count == 0) return;
  if (!e.data)
    refuse(errc::null_span, tensor, "its {word} is a null pointer with {expected} elements", expected, 0, e.what);
  const auto unit = static_cast<std::uintptr_t>(size_of(e.type)), past = e.begin() % unit;
  if (past != 0)
    refuse(errc::misaligned_span, tensor,
           "its {word} starts {got} bytes past a multiple of {expected}, the alignment of {other}",
           static_cast<long long>(unit), static_cast<long long>(past), e.what, name_of(e.type));
}

inline bool overlap(const extent& a, const extent& b) {
  return a.data && b.data && a.begin() < b.end() && b.begin() < a.end();
}

// none of these may share a byte
__attribute__((noinline)) inline void check_disjoint(std::string_view tensor, std::initializer_list<extent> all) {
  for (auto a = all.begin(); a != all.end(); ++a)
    for (auto b = a + 1; b != all.end(); ++b)
      if (overlap(*a, *b))
        refuse(errc::overlap, tensor, "its {word}, {expected} elements, overlaps its {other}, {got} elements",
               static_cast<long long>(a->count), static_cast<long long>(b->count), a->what, b->what);
}

inline extent state_of(const tensor_record& t) { return {"state", t.state, t.layout.bytes, dtype::u8}; }

inline void check_type(const tensor_record& t, const extent& p) {
  if (t.spec.parameter != p.type)
    refuse(errc::type, t.name, "it was registered as {word} and its parameter is {other}", size_of(t.spec.parameter),
           size_of(p.type), name_of(t.spec.parameter), name_of(p.type));
}

// the parameter (and its master copy) against what was registered
__attribute__((noinline)) inline void check_parameter(const tensor_record& t, const extent& p, const extent& master) {
  check_type(t, p);
  check_span(t.name, p, t.elements());
  if (t.spec.master) check_span(t.name, master, t.elements());
  else if (master.count > 0)
    refuse(errc::type, t.name, "a master copy of {got} elements was given, but it was registered without one", 0,
           static_cast<long long>(master.count));
}

// everything about one update's arrays; no `g` means that the gradient is in the accumulator
__attribute__((noinline)) inline operands check_operands(const tensor_record& t, const extent& p, const extent& g,
                                                         std::span<float> master) {
  const auto m = extent_of("master copy", master);
  check_parameter(t, p, m);
  if (g.what) check_span(t.name, g, t.elements());
  check_disjoint(t.name, {p, g, m, state_of(t)});
  return {const_cast<void*>(p.data), nullptr, g.data, master.data(), nullptr, g.type};
}

// the same for a step that is written to `delta`
__attribute__((noinline)) inline void check_into(const tensor_record& t, const extent& p, const extent& g,
                                                 std::span<float> delta) {
  const auto d = extent_of("delta", delta);
  check_type(t, p);
  for (const auto& e : {p, g, d}) check_span(t.name, e, t.elements());
  check_disjoint(t.name, {p, g, d, state_of(t)});
}

// two tensors of one optimizer may share nothing but a gradient's memory: what is written for one is nowhere used for
// the other. Operands that are not bound are null and overlap nothing.
__attribute__((noinline)) inline void check_apart(const tensor_record& t, const operands& o, const tensor_record& other,
                                                  const operands& its) {
  const auto memory = [](const tensor_record& r, const operands& at, int i) -> extent {
    const auto n = static_cast<std::size_t>(r.elements());
    if (i == 0) return {"parameter", at.parameter, n, r.spec.parameter};
    if (i == 1) return {"master copy", at.master, n, dtype::f32};
    if (i == 2) return state_of(r);
    return {"gradient", at.gradient, n, at.gradient_type};
  };
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 4; ++k) {
      const extent a = memory(t, o, i), b = memory(other, its, k);
      if (!(i == 3 && k == 3) && overlap(a, b))
        refuse(
            errc::overlap, t.name,
            concat({"its {word}, {expected} elements, overlaps the ", b.what, " of {other}, {got} elements"}).c_str(),
            static_cast<long long>(a.count), static_cast<long long>(b.count), a.what, quoted(other.name));
    }
}

}  // namespace mango
