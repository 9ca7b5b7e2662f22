#pragma once
// What the engine of a step does not know: rules, stores and the backend, as a few functions.
#include "mango/backend/host.hpp"
#include "mango/optim/step_clock.hpp"
#include "mango/optim/tensor.hpp"

namespace mango::inline MANGO_ABI {

class engine;

namespace detail {

// Not virtual functions: this is a third of what a program with one optimizer compiles for them, and an optimizer is
// never owned as an engine
struct engine_functions {
  bool (*measures)(const engine&);
  void (*fold)(engine&, std::uint32_t tensor, const step_clock&, double squared_norm);
  void (*parallel)(const engine&, index_t n, task);
  // of rules with surveys and of factored slots; null where a tensor's chunks, once, are all there is to do
  void (*move_one)(engine&, std::uint32_t tensor, const operands&, chunk_function) = nullptr;
  void (*move_all)(engine&) = nullptr;
  void (*finish)(engine&, std::uint32_t tensor, int pass) = nullptr;  // after its last chunk
  buffer (*allocate)(const engine&, std::size_t bytes) = nullptr;
  void (*prepare)(engine&, std::uint32_t tensor, const operands&) = nullptr;  // of projected ones: before the passes
  void (*share)(engine&) = nullptr;  // of rules whose tensors learn together: before a step
  int passes = 1;                    // over every tensor; all but the last are surveys
};

}  // namespace detail
}  // namespace mango
