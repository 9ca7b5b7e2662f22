// Saving and loading a checkpoint beside writing and reading the same bytes, in one run (interleaved.hpp), below
// /dev/shm where there is one: so it is our own work that shows, and not a disk. Nothing is made durable.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "mango/io/background_save.hpp"
#include "mango/optim/adamw.hpp"

namespace {

struct model {
  std::vector<float> p, g;
  mango::adamw<> opt;
  explicit model(std::size_t n) : p(n), g(n) {
    bench::fill(p, g);
    opt.add("w", {.shape = {static_cast<mango::index_t>(n)}}, p, g);
    opt.step();
  }
  std::span<const std::byte> state() const { return opt.state(mango::tensor_id{0})[0].bytes; }
};

void plain_write(const std::string& path, std::span<const std::byte> bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  for (int slot = 0; slot < 2; ++slot)
    for (auto rest = bytes; !rest.empty();) {
      const auto n = ::write(file, rest.data(), rest.size());
      if (n <= 0) std::abort();
      rest = rest.subspan(static_cast<std::size_t>(n));
    }
  ::close(file);
}
void plain_read(const std::string& path, std::vector<char>& to) {
  std::ifstream(path, std::ios::binary).read(to.data(), static_cast<std::streamsize>(to.size()));
}

void checkpoint(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::filesystem::path folder =
      std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  const std::string ours = folder / "mango-bench.safetensors", plain = folder / "mango-bench.bytes";
  const mango::save_options quick{.how = mango::durability::none};
  model m(n);
  std::vector<char> room(8 * n);
  mango::background_save saver;
  std::vector<double> times[5];
  for (auto _ : state) {
    const auto time = [&](int which, auto f) { times[which].push_back(bench::seconds(1, f)); };
    time(0, [&] { plain_write(plain, m.state()); });
    time(1, [&] { mango::save_checkpoint(m.opt, ours, quick); });
    time(2, [&] { plain_read(plain, room); });
    time(3, [&] { mango::load_checkpoint(m.opt, ours); });
    time(4, [&] { saver.start(m.opt, ours, quick); });
    saver.wait();
  }
  std::filesystem::remove(ours);
  std::filesystem::remove(plain);
  double median[5];
  for (int k = 0; k < 5; ++k) median[k] = bench::median(times[k]);
  const auto rate = [&](int k) { return 8e-9 * static_cast<double>(n) / median[k]; };
  std::printf(
      "%zu parameters, %zu MB of state: save %.2f GB/s (write() %.2f), load %.2f (read() %.2f), "
      "start of a save in the background %.2f\n",
      n, 8 * n / 1000000, rate(1), rate(0), rate(3), rate(2), rate(4));
  state.counters["save/write"] = bench::ratio(times[0], times[1]);
  state.counters["load/read"] = bench::ratio(times[2], times[3]);
}

}  // namespace

BENCHMARK(checkpoint)->Arg(1 << 16)->Arg(1 << 24)->Unit(benchmark::kMillisecond)->Iterations(11);
BENCHMARK_MAIN();
