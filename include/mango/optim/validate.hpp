#pragma once
// Checks of the spans a trainer hands in. Every check comes before the first write, and names the tensor.
#include "mango/optim/tensor.hpp"

namespace mango::inline MANGO_ABI::detail {

// an error about a tensor; `sentence` as raise() takes it
[[noreturn]] __attribute__((noinline, cold)) inline void refuse(errc code, std::string_view tensor,
                                                                const char* sentence, long long expected, long long got,
                                                                std::string_view word, std::string_view other = {}) {
  raise(code, concat({"tensor {subject}: ", sentence}).c_str(), expected, got, tensor, word, other);
}
[[noreturn]] __attribute__((noinline, cold)) inline void refuse(errc code, std::string_view tensor,
                                                                const char* sentence, long long expected,
                                                                long long got) {
  refuse(code, tensor, sentence, expected, got, {});
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

__attribute__((noinline)) inline bool overlap(const extent& a, const extent& b) {
  return a.data && b.data && a.begin() < b.end() && b.begin() < a.end();
}

inline extent state_of(const tensor_record& t) { return {"state", t.state, t.layout.bytes, dtype::u8}; }

// the arrays of one call: each as large as the tensor, none sharing a byte with another or with the state. An extent
// without a name is one that the call does without
__attribute__((noinline)) inline void check_spans(const tensor_record& t, dtype parameter,
                                                  std::initializer_list<extent> arrays) {
  if (t.spec.parameter != parameter)
    refuse(errc::type, t.name, "it was registered as {word} and its parameter is {other}", size_of(t.spec.parameter),
           size_of(parameter), name_of(t.spec.parameter), name_of(parameter));
  const extent state = state_of(t);
  for (auto a = arrays.begin(); a != arrays.end(); ++a) {
    if (!a->what) continue;
    check_span(t.name, *a, t.elements());
    for (auto b = arrays.begin(); b <= a; ++b) {
      const extent& other = b == a ? state : *b;
      if (overlap(*a, other))
        refuse(errc::overlap, t.name, "its {word}, {expected} elements, overlaps its {other}, {got} elements",
               static_cast<long long>(other.count), static_cast<long long>(a->count), other.what, a->what);
    }
  }
}

// everything about one update's arrays; no `g` means that the gradient is in the accumulator
__attribute__((noinline)) inline operands check_operands(const tensor_record& t, const extent& p, const extent& g,
                                                         std::span<float> master) {
  if (!t.spec.master && !master.empty())
    refuse(errc::type, t.name, "a master copy of {got} elements was given, but it was registered without one", 0,
           static_cast<long long>(master.size()));
  check_spans(t, p.type, {p, g, t.spec.master ? extent_of("master copy", master) : extent{}});
  return {const_cast<void*>(p.data), nullptr, g.data, master.data(), nullptr, g.type};
}

// the same for a step that is written to `delta`
inline void check_into(const tensor_record& t, const extent& p, const extent& g, std::span<float> delta) {
  check_spans(t, p.type, {p, g, extent_of("delta", delta)});
}

// two tensors of one optimizer may share nothing but a gradient's memory: what is written for one is nowhere used for
// the other. Operands that are not bound are null and overlap nothing.
__attribute__((noinline)) inline void check_apart(const tensor_record& t, const operands& o, const tensor_record& other,
                                                  const operands& its) {
  struct memory {
    extent gradient, written[3];
    memory(const tensor_record& r, const operands& at) : gradient{"gradient", at.gradient, 0, at.gradient_type} {
      gradient.count = static_cast<std::size_t>(r.elements());
      written[0] = {"parameter", at.parameter, gradient.count, r.spec.parameter};
      written[1] = {"master copy", at.master, gradient.count, dtype::f32};
      written[2] = state_of(r);
    }
  };
  const memory mine(t, o), theirs(other, its);
  const auto check = [&](const extent& a, const extent& b) {
    if (overlap(a, b))
      refuse(errc::overlap, t.name,
             concat({"its {word}, {expected} elements, overlaps the ", b.what, " of {other}, {got} elements"}).c_str(),
             static_cast<long long>(a.count), static_cast<long long>(b.count), a.what, quoted(other.name));
  };
  for (const extent& a : mine.written) {
    check(a, theirs.gradient);
    for (const extent& b : theirs.written) check(a, b);
  }
  for (const extent& b : theirs.written) check(mine.gradient, b);
}

// memory given for a new tensor's state: enough of it, aligned for every part, and nobody else's
__attribute__((noinline)) inline void check_bound_state(std::string_view name, std::span<std::byte> state,
                                                        const state_layout& layout,
                                                        const list<tensor_record*>& others) {
  if (state.empty()) return;
  if (state.size() < layout.bytes)
    refuse(errc::memory, name, "{got} bytes were bound for its state, which takes {expected}",
           static_cast<long long>(layout.bytes), static_cast<long long>(state.size()));
  const extent memory{"state", state.data(), state.size(), dtype::u8};
  check_span(name, memory, static_cast<index_t>(state.size()));
  index_t alignment = 1;
  for (const auto& p : layout.parts) alignment = size_of(p.type) > alignment ? size_of(p.type) : alignment;
  const auto past = static_cast<long long>(memory.begin() % static_cast<std::uintptr_t>(alignment));
  if (past != 0)
    refuse(errc::misaligned_span, name, "its state starts {got} bytes past a multiple of {expected}", alignment, past);
  tensor_record fresh{text(name), {}, {}, {}, {}};
  fresh.state = state.data();
  fresh.layout.bytes = layout.bytes;
  for (const auto* t : others) check_apart(fresh, {}, *t, t->bound);
}

}  // namespace mango
