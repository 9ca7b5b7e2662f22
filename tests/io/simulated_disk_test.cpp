// io/file.hpp on a disk that forgets: what a power loss, a failing call, a kill, and another saver can do to a save
#include "io/simulated_disk.hpp"

#include <doctest/doctest.h>

#include <set>

#include "mango/io/file.hpp"

using namespace mango;
using namespace io_test;

namespace {

constexpr const char *path = "state", *previous_path = "state.prev", *by_hand = ".state.tmp.1.0";

content pattern(std::size_t size, unsigned seed) {
  content out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(seed * 64 + i % 61 + i / sector);
  return out;
}
const content oldest = pattern(300, 0), older = pattern(700, 1), newer = pattern(1300, 2), newest = pattern(900, 3);

// in three writes that do not end where sectors do
template <class Write> void in_parts(std::span<const std::byte> bytes, const Write& write) {
  for (const std::size_t n : {std::size_t{500}, std::size_t{600}, bytes.size()}) {
    write(bytes.first(std::min(n, bytes.size())));
    bytes = bytes.subspan(std::min(n, bytes.size()));
  }
}

using saver = std::function<void(const simulated_disk&, const content&)>;

saver library(save_options options = {}, bool reserves = true) {
  return [=](const simulated_disk& d, const content& bytes) {
    new_file file(path, options, d);
    if (reserves) file.reserve(bytes.size());
    in_parts(bytes, [&](auto part) { file.write(part); });
    file.commit();
  };
}

// What is wrong with a saver, so that the checks below have something to find.
enum class bug { none, in_place, no_sync, no_folder_sync, renames_first, syncs_again, ignores_errors, ignores_counts };

saver with_bug(bug b) {
  return [=](const simulated_disk& d, const content& bytes) {
    detail::open_file names(d), file(d);
    const auto check = [&](long long returned) {
      if (returned < 0) d.remove(by_hand), throw std::runtime_error("a call failed");
      return returned;
    };
    check(names.reset(d.open_folder(".")));
    check(file.reset(b == bug::in_place ? d.open_in_place(path) : d.open_new(by_hand)));
    in_parts(bytes, [&](auto part) {
      while (!part.empty()) {
        const long long n = d.write(file.number(), part);
        if (n < 0 && b == bug::ignores_errors) return;
        part = part.subspan(b == bug::ignores_counts ? part.size() : static_cast<std::size_t>(check(n)));
      }
    });
    if (b == bug::renames_first) check(d.rename(by_hand, path));
    const int synced = b == bug::no_sync ? 0 : d.sync(file.number());
    check(synced < 0 && b == bug::syncs_again ? d.sync(file.number()) : synced);
    check(file.close());
    if (b != bug::in_place && b != bug::renames_first) check(d.rename(by_hand, path));
    if (b != bug::no_folder_sync) check(d.sync(names.number()));
  };
}

std::optional<content> load(const simulated_disk& d, const char* name) {
  if (!d.on.find(name)) return std::nullopt;
  const old_file file(name, d);
  content bytes(file.size());
  file.read(0, bytes);
  return bytes;
}

auto temporaries(const simulated_disk& d) {
  const folder all = d.on.now();
  return std::count_if(all.begin(), all.end(), [](const auto& entry) { return entry.first[0] == '.'; });
}

struct setup {
  bool existed = true, keeps = false;
  fault plan = {};
};

struct outcome {
  bool reported = false;
  std::size_t states = 0;
  std::string wrong, failed;  // a line each; the call that the plan made fail
  std::vector<std::string> log;
  bool mentions(const char* what) const { return wrong.find(what) != wrong.npos; }
};

// One save, and what is wrong about it: with any disk that a power loss leaves, before any call or after the last.
outcome play(const saver& save, const setup& s = {}) {
  outcome out;
  disk start;
  if (s.existed) start.put(path, older), start.put(previous_path, oldest);
  const simulated_disk d(start);
  d.plan = s.plan;
  bool acknowledged = false;
  const auto claim = [&](bool holds, const char* what) {
    if (!holds) out.wrong += (d.log.empty() ? "at first" : "after " + d.log.back()) + ": " + what + "\n";
  };
  const auto was = d.read(path), was_previous = d.read(previous_path);
  const auto judge = [&](const disk& after) {
    ++out.states;
    const simulated_disk rebooted(after);
    const auto found = load(rebooted, path), previous = load(rebooted, previous_path);
    claim(found == newer || (!acknowledged && found == was), "neither the old file nor the new one");
    claim(previous == (s.keeps && acknowledged ? was : was_previous) || (s.keeps && !acknowledged && previous == was),
          "not the previous file");
    library({.keep_previous = true})(rebooted, newest);
    claim(load(rebooted, path) == newest && load(rebooted, previous_path) == (found ? found : previous) &&
              temporaries(rebooted) == 0 && rebooted.open_files() == 0,
          "the next save does not clean up");
  };
  d.between = [&] {
    if (s.plan.at < 0 || !d.failed.empty()) d.on.each_crash(judge);  // before a failure all is as without it
  };
  try {
    save(d, newer);
    acknowledged = true;
  } catch (const error& e) {
    claim((e.code() == errc::io_open || e.code() == errc::io_write) && e.subject() == path && e.got() == s.plan.error,
          "another error than the one that was");
  } catch (const std::runtime_error&) {}  // with_bug's
  out.reported = !acknowledged;
  d.between();
  d.between = nullptr;
  out.failed = d.failed, out.log = d.log;
  const bool placed = !out.reported || out.failed == "sync the folder";
  claim(d.read(path) == (placed ? newer : was), "what the path names is not what was reported");
  claim(temporaries(d) == 0, "a temporary is left");
  claim(d.open_files() == 0, "a file is left open");
  return out;
}

// Whether a save made its calls in the order that a power loss needs: write, sync, close, rename, sync of the folder.
bool in_order(const std::vector<std::string>& log) {
  std::vector<std::string> last;
  std::string made;
  for (const auto& call : log) {
    const auto space = call.find(' ');
    const std::string name = call.substr(space + 1), what = call.substr(0, space);
    if (what == "open_new") made = name;
    const bool counts = what == "write" || what == "sync" || what == "rename" || (what == "close" && last.size() == 2);
    if (!counts || (what != "sync" && name != made)) continue;
    const std::string word = name == "the folder" ? "sync the folder" : what;
    if (last.empty() || word != "write" || last.back() != "write") last.push_back(word);
  }
  return last == std::vector<std::string>{"write", "sync", "close", "rename", "sync the folder"};
}

const fault kinds[] = {{.error = ENOSPC}, {.error = EIO}, {.error = EDQUOT},
                       {.error = EINTR},  {.half = true}, {.error = ENOSPC, .half = true, .lasts = true}};

// The same save over and over, with another call that fails each time, until none is left or something is wrong.
outcome sweep(const saver& save, setup s, int& runs) {
  outcome all;
  for (const fault& kind : kinds)
    for (int k = 0;; ++k) {
      s.plan = kind, s.plan.at = k;
      const outcome one = play(save, s);
      all.states += one.states, all.wrong = one.wrong;
      if (!all.wrong.empty()) return all;
      if (one.failed.empty()) break;
      ++runs;
    }
  return all;
}

}  // namespace

TEST_CASE("io simulated disk: it forgets what was not synced, in part or in whole") {
  const simulated_disk d;
  d.on.put("a", pattern(1000, 1));
  const int file = d.open_in_place("a");
  d.write(file, pattern(1000, 2));
  const auto states = [&] {
    std::set<content> out;
    d.on.each_crash([&](const disk& after) { out.insert(after.files[0].durable); });
    return out;
  };
  // each of the two sectors old or new; and, once emptied, nothing, zeros, either sector or, before zeros, the first
  for (const auto& possible : {content{}, content(1000), pattern(1000, 1), pattern(1000, 2)})
    CHECK(states().contains(possible));
  CHECK(states().size() == 9);
  d.sync(file);
  CHECK(states() == std::set<content>{pattern(1000, 2)});
}

TEST_CASE("io simulated disk: a power loss leaves the old file or the new one, and after a save the new one") {
  std::size_t states = 0;
  for (const bool existed : {true, false})
    for (const bool keeps : {true, false})
      for (const bool reserves : {true, false}) {
        const outcome found = play(library({.keep_previous = keeps}, reserves), {.existed = existed, .keeps = keeps});
        CHECK(found.wrong == "");
        CHECK_FALSE(found.reported);
        CHECK(in_order(found.log));
        states += found.states;
      }
  CHECK(states > 1500);
}

TEST_CASE("io simulated disk: the same check finds savers that lose files") {
  const auto loses = [](const saver& save) {
    const outcome found = play(save);
    const bool loses_file = found.mentions("neither the old file nor the new one");
    CHECK((in_order(found.log) == !loses_file && !found.reported));
    return loses_file;
  };
  CHECK_FALSE(loses(with_bug(bug::none)));
  const bug all[] = {bug::in_place, bug::no_sync, bug::no_folder_sync, bug::renames_first};
  for (const bug planted : all) CHECK(loses(with_bug(planted)));
  for (const durability planted : {durability::none, durability::file}) CHECK(loses(library({.how = planted})));
}

TEST_CASE("io simulated disk: whichever call fails, an error means the old file and no error the new one") {
  int runs = 0;
  for (const bool existed : {true, false})
    for (const bool keeps : {true, false})
      CHECK(sweep(library({.keep_previous = keeps}), {.existed = existed, .keeps = keeps}, runs).wrong == "");
  CHECK(runs > 300);
}

TEST_CASE("io simulated disk: the same sweep finds savers that ignore a failure") {
  int runs = 0;
  CHECK(sweep(with_bug(bug::none), {}, runs).wrong == "");
  for (const bug planted : {bug::ignores_errors, bug::ignores_counts})
    CHECK(sweep(with_bug(planted), {}, runs).mentions("what the path names is not what was reported"));
  for (const bug planted : {bug::syncs_again})
    CHECK(sweep(with_bug(planted), {}, runs).mentions("neither the old file nor the new one"));
}

TEST_CASE("io simulated disk: another saver may come before any call, and be killed at any of its own") {
  const saver save = library({.keep_previous = true});
  int runs = 0;
  bool came = true;
  for (int at = 0; came; ++at)
    for (int lives = 0;; ++lives, ++runs) {
      const simulated_disk d;
      d.on.put(path, older);
      bool finished = came = false;
      d.between = [&, calls = 0]() mutable {
        if (calls++ != at) return;
        came = true;
        const int first = d.next_file();
        d.dies_at = d.calls + lives;
        try {
          save(d, newest), finished = true;
        } catch (const error&) {}
        d.dies_at = INT_MAX;
        d.close_since(first);
      };
      CHECK_NOTHROW(save(d, newer));
      d.between = nullptr;
      const auto found = load(d, path), previous = load(d, previous_path);
      CHECK((found == newer || found == newest));
      CHECK((previous == older || previous == newer || previous == newest));
      CHECK_NOTHROW(save(d, oldest));
      CHECK(temporaries(d) == 0);
      if (finished || !came) break;
    }
  CHECK(runs > 300);
}

TEST_CASE("io simulated disk: a file that is saved while it is read is the old one or the new one") {
  bool came = true;
  for (int at = 0; came; ++at) {
    const simulated_disk d;
    d.on.put(path, older);
    came = false;
    d.between = [&, calls = 0]() mutable {
      if (calls++ == at) came = true, library()(d, newer);
    };
    const auto found = load(d, path);
    CHECK((found == older || found == newer));
  }
}

TEST_CASE("io simulated disk: whichever call fails, what was read is right") {
  for (const fault& kind : kinds)
    for (int k = 0;; ++k) {
      const simulated_disk d;
      d.on.put(path, older), d.plan = kind, d.plan.at = k;
      try {
        CHECK(load(d, path) == older);
      } catch (const error& e) {
        CHECK((e.code() == errc::io_open || e.code() == errc::io_read));
        CHECK((e.got() == kind.error && e.subject() == path));
      }
      CHECK(d.open_files() == 0);
      if (d.failed.empty()) break;
    }
}
