#pragma once
// In the place of the library's launch.cuh: threads are fibers of the host.
#include "mango/cuda/check.hpp"

namespace mango::inline MANGO_ABI::cuda {

template <class... Parameters, class... Arguments>
void launch(std::string_view name, void (*kernel)(Parameters...), index_t blocks, int threads, cudaStream_t stream,
            const Arguments&... arguments) {
  check(emulated::enqueue(stream,
                          [=] {
                            emulated::block::run(static_cast<unsigned>(blocks), static_cast<unsigned>(threads),
                                                 [&] { kernel(arguments...); });
                          }),
        name);
}

inline void prefetch(const void*) {}
template <int Threads> void meet(unsigned barrier) { emulated::block::now()->meet(barrier, Threads); }

}  // namespace mango::inline MANGO_ABI::cuda
