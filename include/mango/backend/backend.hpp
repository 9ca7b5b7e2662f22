#pragma once
// Where an optimizer runs: what it asks of a backend.
#include <concepts>

#include "mango/core/buffer.hpp"
#include "mango/core/view.hpp"

namespace mango::inline MANGO_ABI {

/// Memory for state: `allocate(bytes)` returns zeroed bytes that free themselves.
template <class B> concept memory_backend = requires(const B& b, std::size_t bytes) {
  { b.allocate(bytes).data() } -> std::same_as<std::byte*>;
};

/// Somewhere to run chunks: `run(n, f)` calls f(0), ..., f(n-1), in any order and at once if it likes, and returns when
/// all have returned. f does not throw.
template <class B> concept pass_backend = requires(const B& b, void (*f)(index_t)) { b.run(index_t{}, f); };

/// A stream of a device, whose memory the host does not look into: kernels take the place of run(), and optimizers are
/// those of cuda/mango/cuda/optimizer.cuh.
template <class B> concept device_backend = requires(const B& b) {
  { b.stream() } -> std::same_as<typename B::stream_type>;
};

/// What an element-wise optimizer needs. Neither Eigen nor a thread is in it.
template <class B> concept elementwise_backend = (memory_backend<B> && pass_backend<B>) || device_backend<B>;

/// Some of a tensor's state: bytes [begin, end) of an array that is bytes [first, last) of the tensor's buffer.
struct state_range {
  std::size_t begin, end, first, last;
};

/// A backend that wants to know which state is in use: it is told of every range that a chunk uses, before and after
/// the chunk, on the thread that runs it.
template <class B> concept watching_backend = requires(const B& b, const buffer& state, const state_range& r) {
  b.before(state, r);
  b.after(state, r);
};

/// What low-rank methods ask for besides: products, a small Cholesky factor, a triangular solve.
template <class B> concept linalg_backend = requires(const B& b, matrix_view<const float> a, matrix_view<float> c) {
  b.gemm(1.0f, a, false, a, false, 0.0f, c);
  { b.cholesky(c) } -> std::same_as<bool>;
  b.solve_upper_right(a, c);
};

/// What a search from nothing asks for besides: the eigenvectors of a small symmetric matrix.
template <class B> concept decomposing_backend = linalg_backend<B> && requires(const B& b, matrix_view<double> a) {
  b.eigenvectors(a, a.data);
};
/// What optimizers that project gradients need.
template <class B> concept projecting_backend = elementwise_backend<B> && decomposing_backend<B>;

}  // namespace mango
