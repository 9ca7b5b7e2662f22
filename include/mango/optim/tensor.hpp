#pragma once
// A registered tensor: its name and shape, where its state lies, and the trainer's memory bound to it.
#include <span>

#include "mango/core/buffer.hpp"
#include "mango/core/list.hpp"
#include "mango/core/matrix_grid.hpp"
#include "mango/core/shape.hpp"
#include "mango/optim/occupancy.hpp"
#include "mango/optim/options.hpp"
#include "mango/optim/workspace.hpp"
#include "mango/pass/tally.hpp"
#include "mango/project/projection.hpp"

namespace mango::inline MANGO_ABI {

/// What add() gives out and every later call takes: the tensor's place in this optimizer.
struct tensor_id {
  std::uint32_t index = ~std::uint32_t{0};
  friend bool operator==(tensor_id, tensor_id) = default;
};

namespace detail {
struct tensor_record;
struct state_layout;
void check_bound_state(std::string_view name, std::span<std::byte> state, const state_layout&,
                       const list<tensor_record*>& others);
}  // namespace detail

/// The trainer's memory for a tensor's state. It brings its checks along, so that a program that never binds any does
/// not compile them.
struct bound_state : std::span<std::byte> {
  bound_state() = default;
  template <class Bytes>
  requires std::is_constructible_v<std::span<std::byte>, Bytes&> bound_state(Bytes&& bytes)
      : std::span<std::byte>(bytes), check(&detail::check_bound_state) {}
  bound_state(std::byte* data, std::size_t bytes)
      : std::span<std::byte>(data, bytes), check(&detail::check_bound_state) {}
  decltype(&detail::check_bound_state) check = nullptr;
};

/// What a tensor is, known before any memory is.
struct tensor_spec {
  mango::shape shape;
  dtype parameter = dtype::f32;  ///< of the trainer's array: f32, bf16 or f16
  bool master = false;           ///< a parameter of 16 bits with an fp32 master copy, which the trainer owns too
  bound_state state = {};        ///< the trainer's memory for the state; empty: the optimizer allocates it
};

/// One array of a tensor's state, as checkpoints see it: `<tensor>.<slot>.<part>`.
struct state_part {
  const char* slot;
  const char* part;
  const char* store;
  dtype type;
  std::span<std::byte> bytes;
};

namespace detail {

// where one array lies inside a tensor's state
struct part_place {
  const char* slot;
  const char* part;
  const char* store;
  dtype type;
  index_t elements;
  std::size_t offset;
  std::uint8_t fill;  // what its bytes start as
  range values;       // of the slot
};

// every array of one tensor's state, one after the other, each aligned to its element
struct state_layout {
  list<part_place> parts;
  std::size_t bytes = 0;
  static constexpr std::size_t none = SIZE_MAX;
  std::size_t accumulator = none, compensation = none;  // where these lie
  std::size_t learned = 0;                              // the first part of what learning rules keep, if there are any
  index_t chunks = 0;                                   // of a pass over the tensor
  matrix_grid grid;                                     // of factored slots
  bool dense = false;                                   // factored slots are kept in fp32 instead: that takes no more
  std::size_t scratch = 0;                              // bytes beside the state that a pass needs
  mango::projection projection;                         // of a tensor whose slots are kept in a subspace
  __attribute__((noinline)) std::size_t append(const char* slot, const char* part, const char* store, dtype type,
                                               index_t elements, std::uint8_t fill = 0, range values = range::any) {
    const auto size = static_cast<std::size_t>(size_of(type));
    bytes = (bytes + size - 1) / size * size;
    parts.push_back({slot, part, store, type, elements, bytes, fill, values});
    bytes += size * static_cast<std::size_t>(elements);
    return parts[parts.size() - 1].offset;
  }
};

// of a tensor whose gradient is checked in so many chunks
inline workspace_need workspace_of(index_t chunks, const state_layout& layout) {
  return {static_cast<std::size_t>(chunks) * sizeof(tally), layout.scratch, layout.scratch};
}

// what the optimizer keeps for a tensor beside the slots of its rules
inline void append_common(state_layout& out, const tensor_spec& spec, const optimizer_options& options) {
  if (spec.parameter != dtype::f32 && !spec.master && options.half_parameters == rounding::kahan)
    out.compensation = out.append("parameter", "compensation", "kahan", dtype::bf16, spec.shape.elements());
  if (options.accumulate)
    out.accumulator = out.append("accumulator", "data", "fp32", dtype::f32, spec.shape.elements());
}

// the trainer's memory, type-erased: which of these are set depends on the call
struct operands {
  void* parameter = nullptr;
  const void* parameter_in = nullptr;  // of update_into, which writes to delta instead
  const void* gradient = nullptr;      // null: what is in the accumulator
  float* master = nullptr;
  float* delta = nullptr;
  dtype gradient_type = dtype::f32;
  const float* inputs = nullptr;  // of a gradient given as factors, whose deltas `gradient` is then
  index_t examples = 0;
};

// what depends on the type of a gradient. The first two look at the gradient, at what has accumulated (`sum`), or at
// their sum, whichever is not null; `measure` is null where nothing measures, which is then not compiled
struct gradient_functions {
  bool (*nonfinite)(const float* sum, const void* gradient, index_t begin, index_t end);
  tally (*measure)(const float* sum, const void* gradient, index_t begin, index_t end);
  void (*add)(float* sum, const void* gradient, index_t begin, index_t end);
};

// one pass over one chunk of one tensor, its types forgotten
using chunk_function = void (*)(const void* optimizer, std::uint32_t tensor, const operands&, index_t chunk, int pass);

struct tensor_record {
  text name;
  tensor_spec spec;
  state_layout layout;
  buffer owned;
  std::byte* state = nullptr;
  std::byte* scratch = nullptr;      // of the step at hand
  float* accumulator = nullptr;      // null unless options.accumulate
  bfloat16* compensation = nullptr;  // of a kahan parameter
  list<tally> chunk_tallies{};       // one per chunk, added in order
  tally measured{};
  std::size_t group = 0;
  std::uint32_t hash = 0;
  bool accumulating = false;     // something is in the accumulator
  bool nearest = false;          // a parameter of 16 bits is rounded to nearest
  std::int64_t updates = 0;      // t of bias correction
  std::int64_t updated_in = 0;   // the last attempt at a step that updated it
  std::int64_t measured_in = 0;  // the last attempt that measured it
  detail::occupancy occupancy{};

  // bound views; a null `run` means that nothing is bound
  operands bound{};
  bool bound_gradient = false;
  chunk_function run = nullptr;
  gradient_functions access{};

  tensor_record* compact = nullptr;  // what runs in a subspace, as a tensor of its own in this one's state
  ~tensor_record() { delete compact; }

  index_t elements() const { return spec.shape.elements(); }
  index_t chunks() const { return static_cast<index_t>(chunk_tallies.size()); }
};

}  // namespace detail
}  // namespace mango
