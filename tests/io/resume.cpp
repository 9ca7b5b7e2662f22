// resume [--folder FOLDER] [OPTIMIZER...]: for every optimizer with every store, and some with features, in processes
// of their own and with another number of threads in each, is training that was saved and resumed training that was
// never interrupted? Bit for bit, parameters and state; a learning rate that falls after 8 steps is saved around that
// step too. As a control every saved array is set to zero: that must be refused or change what follows. Prints one
// line; exits 0 when all is right.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "factory/by_name.hpp"
#include "io/rewritten.hpp"
#include "mango/backend/threads.hpp"
#include "support/random.hpp"

namespace {

using words = std::vector<std::string>;

// Two chunks, a matrix, a scalar, nothing, and a bfloat16 vector; gradients that depend on the step alone.
struct run {
  static inline const std::vector<mango::shape> shapes{{70'001}, {33, 17}, {}, {0}};
  std::vector<std::vector<float>> p, g;
  std::vector<mango::bfloat16> half, slope;
  float drift;  // of gradients: weights go somewhere, which makes Prodigy's d grow, and then back again
  mango::threads pool;
  mango::any_optimizer opt;

  run(const std::string& line, int threads)
      : half(1000),
        slope(1000),
        drift(line.starts_with("prodigy") ? 0.5f : 0.0f),
        pool(threads),
        opt(factory::make(line, mango::host{pool})) {
    for (const auto& s : shapes) {
      p.emplace_back(static_cast<std::size_t>(s.elements()));
      g.emplace_back(p.back().size());
      fill(p.back(), p.size());
    }
    for (std::size_t i = 0; i < half.size(); ++i) half[i] = mango::round_nearest(p[0][i]);
    for (std::size_t i = 0; i < shapes.size(); ++i)
      opt.add("tensor." + std::to_string(i), {.shape = shapes[i]}, p[i], g[i]);
    opt.add("half", {.shape = {1000}, .parameter = mango::dtype::bf16}, half, slope);
  }
  void train(int from, int to) {
    for (int k = from; k < to; ++k) {
      for (std::size_t i = 0; i < g.size(); ++i) {
        fill(g[i], 1000u * static_cast<unsigned>(k + 1) + i);
        for (float& each : g[i]) each += k < 6 ? drift : -drift;
      }
      for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = mango::round_nearest(g[0][i]);
      opt.step();
    }
  }
  static void fill(std::vector<float>& x, std::uint64_t seed) {
    support::random source(seed);
    for (float& each : x) each = static_cast<float>(source.uniform(-1, 1));
  }
  // f(bytes of every parameter)
  template <class F> void each_parameter(F f) {
    for (auto& x : p) f(reinterpret_cast<char*>(x.data()), static_cast<std::streamsize>(4 * x.size()));
    f(reinterpret_cast<char*>(half.data()), static_cast<std::streamsize>(2 * half.size()));
  }
  void save(const std::string& path) {
    mango::save_checkpoint(opt, path);
    std::ofstream out(path + ".parameters", std::ios::binary);
    each_parameter([&](const char* bytes, std::streamsize n) { out.write(bytes, n); });
  }
  void load_parameters(const std::string& path) {
    std::ifstream in(path + ".parameters", std::ios::binary);
    each_parameter([&](char* bytes, std::streamsize n) { in.read(bytes, n); });
    if (!in) throw std::runtime_error("no parameters in " + path);
  }
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
bool same(const std::string& a, const std::string& b) {
  return contents(a) == contents(b) && contents(a + ".parameters") == contents(b + ".parameters");
}

// in this process: OPTIMIZER FROM TO THREADS LOAD SAVE
int train(const words& w) {
  const int from = std::stoi(w[1]), to = std::stoi(w[2]);
  run r(w[0], std::stoi(w[3]));
  if (!w[4].empty()) {
    r.train(500, 501);  // what is loaded takes the place of something
    r.load_parameters(w[4]);
    mango::load_checkpoint(r.opt, w[4]);
  }
  r.train(from, to);
  r.save(w[5]);
  return 0;
}
// in a process of its own
void spawn(const char* program, const std::string& line, int from, int to, int threads, const std::string& load,
           const std::string& save) {
  const words w{program, "--train", line, std::to_string(from), std::to_string(to), std::to_string(threads),
                load,    save};
  std::vector<char*> arguments;
  for (const auto& each : w) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execv("/proc/self/exe", arguments.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
    throw std::runtime_error(line + ": training in a process failed");
}

// "slot.part" of an array
std::string place_of(const std::string& name) { return name.substr(name.rfind('.', name.rfind('.') - 1) + 1); }

// Sets one array to zero. What tensors have learned together is in each of them, and any one could do without its own:
// that is set to zero in all. False: it was zero, or has had its turn.
bool set_to_zero(io_test::rewritten& file, std::size_t which) {
  const auto& chosen = *std::next(file.arrays.begin(), static_cast<std::ptrdiff_t>(which));
  const std::string place = place_of(chosen.name);
  const bool shared = chosen.type == "F64";
  bool changed = false;
  std::size_t i = 0;
  for (auto& array : file.arrays) {
    const bool taken = i == which || (shared && place_of(array.name) == place);
    if (taken && i < which) return false;
    if (taken) {
      const std::vector<std::byte> zeros(array.kept.size());
      changed = changed || array.kept != zeros;
      array.kept = zeros;
    }
    ++i;
  }
  return changed;
}

// how many of the saved arrays could be zeroed without anybody noticing
int dead_arrays(const std::string& line, const std::string& saved, const std::string& straight, int from, int to) {
  const io_test::rewritten good{mango::checkpoint_file(mango::old_file(saved))};
  int dead = 0;
  for (std::size_t i = 0; i < good.arrays.size(); ++i) {
    io_test::rewritten bad = good;
    if (!set_to_zero(bad, i)) continue;
    const auto bytes = bad.bytes();
    run r(line, 1);
    r.load_parameters(saved);
    try {
      mango::load_checkpoint(r.opt, mango::memory_source(bytes));
    } catch (const mango::error&) {
      continue;
    }
    r.train(from, to);
    r.save(saved + ".zeroed");
    if (same(saved + ".zeroed", straight)) {
      ++dead;
      std::printf("%s: nobody needs %s\n", line.c_str(),
                  std::next(good.arrays.begin(), static_cast<std::ptrdiff_t>(i))->name.c_str());
    }
  }
  return dead;
}

// features that remember something, or change what another rule remembers
constexpr const char* with_features[] = {
    "adamw:b1=0",
    "adamw:cautious=yes,kourkoutas=yes",
    "adamw:orthograd=yes,grams=yes,stores=factored",
    "adamw:slow_alpha=2,slow_b3=0.99,slow_alpha_warmup=20,slow_b3_warmup=20",
    "adopt:nesterov=yes,atan2=yes,cautious_decay=yes",
    "prodigy:slow_alpha=2,slow_b3=0.99,kourkoutas=yes",
    "simplified_ademamix:orthograd=yes,kourkoutas=yes",
    "lion:cautious=yes,stores=factored",
    "prodigy_lion:cautious=yes",
};
// so that much changes in a few steps: d grows, more slowly than its estimate; the largest rate lies behind
std::string with_settings(std::string_view line) {
  const char* const settings = line.starts_with("prodigy") ? "d0=1e-3,d_coef=20,growth_rate=1.3,slice=3,limiter=no,"
                                                             "learning_rate=step_decay 1 8 0.5"
                               : line.starts_with("vlorp") || line.starts_with("projfactor")
                                   ? "granularity=3,resample_every=3,learning_rate=step_decay 0.01 8 0.5"
                               : line.starts_with("galore")
                                   ? "rank=3,refresh_every=3,learning_rate=step_decay 0.01 8 0.5"
                               : line.starts_with("schedule_free") ? "learning_rate=step_decay 0.01 5 0.5"
                                                                   : "learning_rate=step_decay 0.01 8 0.5";
  return std::string(line) + (line.find(':') != line.npos ? "," : ":") + settings;
}

}  // namespace

int main(int count, char** arguments) {
  words w(arguments + 1, arguments + count), lines;
  if (!w.empty() && w[0] == "--train") return train({w.begin() + 1, w.end()});
  std::string folder = "/tmp";
  for (std::size_t i = 0; i < w.size(); ++i)
    if (w[i] == "--folder" && i + 1 < w.size()) folder = w[++i];
    else lines.push_back(w[i]);
  std::string work = folder + "/mango-resume-XXXXXX";
  if (!mkdtemp(work.data())) return 2;
  if (lines.empty()) {
    for (const auto& line : factory::lines()) lines.push_back(with_settings(line));
    lines.push_back(with_settings("galore:stores=dynamic8,basis=nf4"));
    for (const char* line : with_features) lines.push_back(with_settings(line));
  }

  int resumed = 0, wrong = 0, dead = 0;
  constexpr int last = 11;
  for (const auto& line : lines) {
    const std::string straight = work + "/straight", half_way = work + "/half_way", joined = work + "/joined";
    spawn(arguments[0], line, 0, last, 1, "", straight);
    for (const int k : {0, 1, 7, 8, 9}) {
      spawn(arguments[0], line, 0, k, 1 + k % 3, "", half_way);
      spawn(arguments[0], line, k, last, 4 - k % 3, half_way, joined);
      const bool right = same(straight, joined);
      if (!right) std::printf("%s: not the same after %d and %d steps\n", line.c_str(), k, last - k);
      ++(right ? resumed : wrong);
      if (k == 7) dead += dead_arrays(line, half_way, straight, k, last);
    }
  }
  std::system(("rm -r " + work).c_str());
  std::printf("%zu optimizers, %d of %d resumed bit for bit, %d arrays that nobody needs\n", lines.size(), resumed,
              resumed + wrong, dead);
  return wrong == 0 && dead == 0 && resumed > 0 ? 0 : 1;
}
