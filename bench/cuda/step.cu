// step [SHAPES.csv]: what a step costs on a device, per million parameters and as a share of what a copy moves.
//
// Every line is "set optimizer ns-per-million GB/s share": set is matrices (eight of 4096 x 4096), list (the tensors of
// SHAPES.csv, for example examples/plan/models/sdxl_unet.csv) or flat (one tensor of as many elements, but for
// those beyond a multiple of 2^20). Times are
// medians of steps on one stream, measured with events; gradients are random, and read once more where "checked" says
// so. The bytes are plan's: what must cross the bus.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "mango/cuda/optimizer.cuh"
#include "mango/optim/adafactor.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/optim/lion.hpp"
#include "mango/optim/smmf.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/nf4.hpp"

namespace {

void ok(cudaError_t status) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "step: %s\n", cudaGetErrorString(status));
  std::exit(1);
}

// uniform numbers in [-scale, scale), a hash of their place
template <class T> __global__ void fill(T* x, std::size_t n, float scale) {
  for (std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x; i < n;
       i += std::size_t{gridDim.x} * blockDim.x) {
    auto h = static_cast<unsigned>(i) * 2654435761u + static_cast<unsigned>(i >> 32);
    h ^= h >> 15, h *= 2246822519u, h ^= h >> 13;
    const float value = (static_cast<float>(h) * 0x1p-31f - 1) * scale;
    if constexpr (sizeof(T) == 4) x[i] = value;
    else x[i] = mango::round_nearest(value);
  }
}

class stopwatch {
 public:
  stopwatch() { ok(cudaEventCreate(&from_)), ok(cudaEventCreate(&to_)); }
  // the median of some runs, in nanoseconds
  template <class F> double time(F f) {
    for (int i = 0; i < 3; ++i) f();
    std::vector<float> times(15);
    for (float& t : times) {
      ok(cudaEventRecord(from_));
      f();
      ok(cudaEventRecord(to_));
      ok(cudaEventSynchronize(to_));
      ok(cudaEventElapsedTime(&t, from_, to_));
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2] * 1e6;
  }

 private:
  cudaEvent_t from_, to_;
};

// one pool for parameters and one for gradients, which all sets lie in
struct pools {
  void *p = nullptr, *g = nullptr;
  double copy = 0;  // GB/s
  explicit pools(std::size_t elements) {
    ok(cudaMalloc(&p, elements * 4));
    ok(cudaMalloc(&g, elements * 4));
    const std::size_t bytes = std::min(elements * 4, std::size_t{4} << 30);
    fill<<<4096, 256>>>(static_cast<float*>(p), elements, 1.0f);
    fill<<<4096, 256>>>(static_cast<float*>(g), elements, 0.1f);
    ok(cudaDeviceSynchronize());
    copy = 2 * static_cast<double>(bytes) /
           stopwatch().time([&] { ok(cudaMemcpyAsync(p, g, bytes, cudaMemcpyDeviceToDevice)); });
  }
};

struct set {
  std::string name;
  std::vector<mango::shape> shapes;
  double parameters() const {
    double n = 0;
    for (const auto& s : shapes) n += static_cast<double>(s.elements());
    return n;
  }
};

template <class Optimizer, class T = float, class Config>
void measure(const pools& memory, const set& of, const char* name, Config config, bool checked = false) {
  ok(cudaDeviceSynchronize());
  fill<<<4096, 256>>>(static_cast<T*>(memory.p), static_cast<std::size_t>(of.parameters()) + 8 * of.shapes.size(),
                      1.0f);
  fill<<<4096, 256>>>(static_cast<T*>(memory.g), static_cast<std::size_t>(of.parameters()) + 8 * of.shapes.size(),
                      0.1f);
  config.options.on_nonfinite = checked ? mango::nonfinite::skip : mango::nonfinite::unchecked;
  config.learning_rate = 1e-6;
  Optimizer opt(config, mango::cuda::device{});
  std::size_t at = 0, i = 0;
  for (const auto& s : of.shapes) {
    const auto n = static_cast<std::size_t>(s.elements());
    opt.add(std::string(1, 't').append(std::to_string(i++)), {.shape = s, .parameter = mango::dtype_of<T>},
            mango::cuda::device_span<T>(static_cast<T*>(memory.p) + at, n),
            mango::cuda::device_span<const T>(static_cast<const T*>(memory.g) + at, n));
    at += (n + 7) / 8 * 8;
  }
  opt.prepare();
  const double ns = stopwatch().time([&] { opt.step(); });
  if (!opt.report().applied) std::exit(1);
  const double rate =
      Optimizer::plan::bytes_moved(mango::dtype_of<T>, mango::dtype_of<T>, checked) * of.parameters() / ns;
  std::printf("%-9s %-22s %8.0f %7.0f %6.3f   state %.1f MiB, workspace %.1f MiB\n", of.name.c_str(), name,
              ns / of.parameters() * 1e6, rate, rate / memory.copy, static_cast<double>(opt.state_bytes()) / (1 << 20),
              static_cast<double>(opt.workspace_bytes()) / (1 << 20));
  std::fflush(stdout);
}

template <class... S> using of = mango::stores<S...>;
template <class Stores> using adamw = mango::adamw<Stores, mango::cuda::device>;
using mango::dynamic8, mango::factored, mango::fp32, mango::nf4, mango::linear4, mango::cuda::device;

void measure_all(const pools& memory, const set& s) {
  measure<adamw<of<fp32, fp32>>>(memory, s, "adamw", mango::adamw_config{});
  measure<adamw<of<fp32, fp32>>>(memory, s, "adamw-checked", mango::adamw_config{}, true);
  measure<adamw<of<factored<>, factored<>>>>(memory, s, "adamw-factored", mango::adamw_config{});
  measure<adamw<of<dynamic8<>, dynamic8<>>>>(memory, s, "adamw-dynamic8", mango::adamw_config{});
  if (s.name != "matrices") return;
  measure<adamw<of<nf4<>, nf4<>>>>(memory, s, "adamw-nf4", mango::adamw_config{});
  measure<adamw<of<linear4<>, linear4<>>>>(memory, s, "adamw-linear4", mango::adamw_config{});
  measure<adamw<of<mango::bf16, mango::bf16>>>(memory, s, "adamw-bf16", mango::adamw_config{});
  measure<mango::smmf<of<factored<>, factored<>>, device>>(memory, s, "smmf", mango::smmf_config{});
  measure<mango::lion<of<fp32>, device>>(memory, s, "lion", mango::lion_config{});
  measure<mango::adafactor<of<mango::factored_axes>, device>>(memory, s, "adafactor", mango::adafactor_config{});
  measure<adamw<of<fp32, fp32>>, mango::bfloat16>(memory, s, "adamw/bf16", mango::adamw_config{});
  measure<adamw<of<factored<>, factored<>>>, mango::bfloat16>(memory, s, "adamw-factored/bf16", mango::adamw_config{});
  measure<adamw<of<dynamic8<>, dynamic8<>>>, mango::bfloat16>(memory, s, "adamw-dynamic8/bf16", mango::adamw_config{});
}

// lines "count,shape", the axes of a shape separated by x
std::vector<mango::shape> read_shapes(const char* path) {
  std::ifstream in(path);
  std::vector<mango::shape> shapes;
  for (std::string line; std::getline(in, line);) {
    const auto comma = line.find(',');
    if (comma == std::string::npos || !std::isdigit(static_cast<unsigned char>(line[0]))) continue;
    mango::index_t first = 0, rest = 1;
    for (std::size_t at = comma + 1; at < line.size();) {
      std::size_t used = 0;
      const auto axis = std::stoll(line.substr(at), &used);
      if (first == 0) first = axis;
      else rest *= axis;
      at += used + 1;
    }
    for (int i = std::stoi(line); i > 0; --i)
      shapes.push_back(rest > 1 ? mango::shape{first, rest} : mango::shape{first});
  }
  return shapes;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<set> sets{{"matrices", std::vector<mango::shape>(8, mango::shape{4096, 4096})}};
  if (argc > 1) {
    sets.push_back({"list", read_shapes(argv[1])});
    const auto all = static_cast<mango::index_t>(sets[1].parameters());
    sets.push_back({"flat", {mango::shape{all / (1 << 20) * 1024, 1024}}});
  }
  double most = 0;
  for (const auto& s : sets) most = std::max(most, s.parameters() + 8 * static_cast<double>(s.shapes.size()));
  cudaDeviceProp is{};
  ok(cudaGetDeviceProperties(&is, 0));
  const pools memory(static_cast<std::size_t>(most));
  std::printf("# %s; a copy on the device moves %.0f GB/s, read and written\n", is.name, memory.copy);
  for (const auto& s : sets) {
    std::printf("# %s: %zu tensors, %.1f million parameters\n", s.name.c_str(), s.shapes.size(), s.parameters() * 1e-6);
    measure_all(memory, s);
  }
}
