// kill_loop [--kills N] [--controls N] [--seed S] [--in-place] [FOLDER]
// Kills a process that saves one generation of a file after the other, looks at what it left, and lets the next one go
// on. Fails when a generation that was saved is lost. A saver that overwrites the file in its place must fail the same
// check in one of --controls kills, or the check is worth nothing; with --in-place it is the only one that is killed.
// FOLDER is where, by default in memory: what a file system does at a power loss is not what this is about.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "mango/io/file.hpp"

namespace {

using mango::new_file;
using mango::old_file;
using words = std::vector<std::uint64_t>;

constexpr std::size_t payload_words = 8192, piece = 1024;

// a generation, a checksum, and words that all depend on the generation
words payload(std::uint64_t generation) {
  words out(payload_words);
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::size_t i = 2; i < out.size(); ++i) {
    std::uint64_t x = generation * payload_words + i;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    out[i] = x ^ x >> 31;
    sum = (sum ^ out[i]) * 0x100000001b3;
  }
  out[0] = generation;
  out[1] = sum;
  return out;
}

template <class Write> void in_pieces(const words& all, const Write& write) {
  for (std::size_t at = 0; at < all.size(); at += piece) write(std::as_bytes(std::span(all).subspan(at, piece)));
}

void save(const std::string& path, std::uint64_t generation, bool keep_previous = false) {
  new_file file(path, {.keep_previous = keep_previous});
  const words all = payload(generation);
  file.reserve(all.size() * sizeof all[0]);
  in_pieces(all, [&](auto bytes) { file.write(bytes); });
  file.commit();
}

void save_in_place(const std::string& path, std::uint64_t generation) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  in_pieces(payload(generation), [&](auto bytes) {
    if (::write(file, bytes.data(), bytes.size()) < 0) ::_exit(1);
  });
  ::fsync(file);
  ::close(file);
}

// the generation of a file that is as it was saved, else 0
std::uint64_t load(const std::string& path) try {
  const old_file file(path);
  words found(payload_words);
  if (file.size() != found.size() * sizeof found[0]) return 0;
  file.read(0, std::as_writable_bytes(std::span(found)));
  return found == payload(found[0]) ? found[0] : 0;
} catch (const mango::error& e) {
  std::cerr << e.what() << '\n';
  return 0;
}

int temporaries(const std::string& folder) {
  std::vector<std::string> names;
  mango::system_calls().names(folder.c_str(), names);
  const auto is_one = [](const std::string& n) { return n.starts_with(".state.tmp.") && !n.ends_with(".prev"); };
  return static_cast<int>(std::count_if(names.begin(), names.end(), is_one));
}

// what a saver tells its parent: a generation that it begins, and one that is saved
struct message {
  std::uint64_t generation;
  bool saved;
};

// A process that saves, one after the other, the generations from `next` on, until it is killed.
struct saver_process {
  pid_t id;
  int from = -1;

  template <class Save> saver_process(const Save& save_one, std::uint64_t next) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    id = ::fork();
    if (id < 0) throw std::runtime_error("no process");
    if (id == 0) {
      run(save_one, next, ends[1]);
      ::_exit(1);
    }
    ::close(ends[1]);
    from = ends[0];
  }
  saver_process(const saver_process&) = delete;

  // the last generations that it has begun and saved; `next` and the one before when it came to nothing
  std::pair<std::uint64_t, std::uint64_t> kill(std::uint64_t next) {
    ::kill(id, SIGKILL);
    int status = 0;
    ::waitpid(id, &status, 0);
    if (!WIFSIGNALED(status)) throw std::runtime_error("the saver ended by itself");
    std::pair last(next, next - 1);
    for (message m; ::read(from, &m, sizeof m) == sizeof m;) (m.saved ? last.second : last.first) = m.generation;
    ::close(from);
    return last;
  }

 private:
  template <class Save> static void run(const Save& save_one, std::uint64_t next, int to) {
    const auto tell = [&](message m) { return ::write(to, &m, sizeof m) == sizeof m; };
    try {
      for (; tell({next, false}); ++next) {
        save_one(next);
        if (!tell({next, true})) return;
      }
    } catch (const std::exception& e) {
      std::cerr << e.what() << '\n';
    }
  }
};

struct figures {
  int kills = 0, lost = 0, left = 0, not_removed = 0;
};

template <class Save>
figures kill_savers(const std::string& folder, const Save& save_one, int kills, std::mt19937_64& random) {
  figures out;
  const std::string path = folder + "/state", previous = path + ".prev";
  ::unlink(previous.c_str());
  std::uint64_t generation = 1;
  save(path, generation);
  for (; out.kills < kills; ++out.kills) {
    saver_process saver([&](std::uint64_t n) { save_one(path, n); }, generation + 1);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    const auto [begun, saved] = saver.kill(generation + 1);
    const std::uint64_t found = load(path);
    const bool has_previous = ::access(previous.c_str(), F_OK) == 0;
    const std::uint64_t before = has_previous ? load(previous) : 1;
    out.lost += found < saved || found > begun || before == 0 || before > found;
    out.left = std::max(out.left, temporaries(folder));
    generation = begun + 1;
    save(path, generation);
    out.not_removed += temporaries(folder);
  }
  return out;
}

// removed with all that is in it
struct scratch_folder {
  std::string path;
  explicit scratch_folder(std::string where) {
    if (where.empty()) where = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
    path = where + "/mango-kill-loop-XXXXXX";
    if (!::mkdtemp(path.data())) throw std::runtime_error("no folder " + path);
  }
  scratch_folder(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

struct settings {
  int kills = 2000, controls = 200;
  std::uint64_t seed = 1;
  bool in_place = false;
  std::string folder;

  settings(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      const auto number = [&] {
        return i + 1 < argc ? std::stoull(argv[++i]) : throw std::runtime_error(word + " what");
      };
      if (word == "--kills") kills = static_cast<int>(number());
      else if (word == "--controls") controls = static_cast<int>(number());
      else if (word == "--seed") seed = number();
      else if (word == "--in-place") in_place = true;
      else if (word[0] != '-') folder = word;
      else throw std::runtime_error("there is no " + word);
    }
  }
};

int run(const settings& s, const std::string& folder) {
  std::mt19937_64 random(s.seed);
  if (s.in_place) {
    const figures control = kill_savers(folder, save_in_place, s.kills, random);
    std::cout << "in-place saver: " << control.lost << " of " << control.kills << " corrupt\n";
    return control.lost > 0 ? 1 : 0;
  }
  const auto keeping = [](const std::string& path, std::uint64_t n) { save(path, n, n % 2 == 0); };
  const figures ours = kill_savers(folder, keeping, s.kills, random);
  const figures control = kill_savers(folder, save_in_place, s.controls, random);
  std::cout << "kills " << ours.kills << ", lost " << ours.lost << ", stale temporaries at most " << ours.left
            << "; in-place saver: " << control.lost << " of " << control.kills << " corrupt\n";
  return ours.lost == 0 && ours.left <= 1 && ours.not_removed == 0 && control.lost > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const settings s(argc, argv);
  const scratch_folder folder(s.folder);
  return run(s, folder.path);
} catch (const std::exception& e) {
  std::cerr << "kill_loop: " << e.what() << '\n';
  return 2;
}
