#pragma once
// A checkpoint that is written while training goes on.
#include <optional>
#include <thread>

#include "mango/backend/process.hpp"
#include "mango/core/attempt.hpp"
#include "mango/io/checkpoint.hpp"

namespace mango::inline MANGO_ABI {

/// Saves on a thread of its own what an optimizer remembers now. start() copies the state, which takes as long as
/// reading it once, and returns; what is written is that copy, whatever the optimizer does meanwhile. The copy is kept
/// for the next save: bytes() says how much that is. One save at a time. In a child of fork() a save that its parent
/// has begun is the parent's: the child neither waits for it nor hears of it.
class background_save {
 public:
  background_save() = default;
  background_save(const background_save&) = delete;
  background_save& operator=(const background_save&) = delete;
  /// Waits. An error that nobody has asked for with wait() is lost with the object.
  ~background_save() = default;

  /// Host memory that saves of an optimizer take for as long as the object lives: its state once more, and the clock of
  /// every tensor.
  static std::size_t bytes(std::size_t state_bytes, std::size_t tensors) {
    return state_bytes + tensors * (sizeof(std::int64_t) + sizeof(std::uint8_t));
  }
  template <class Optimizer> static std::size_t bytes(const Optimizer& opt) {
    const detail::live_state<const Optimizer> state(opt);
    return bytes_of(state);
  }

  /// Begins a save, after the one before has ended. Raises what that raised, and std::bad_alloc, with nothing begun.
  template <class Optimizer>
  void start(const Optimizer& opt, std::string_view path, const save_options& options = {},
             const file_calls& calls = system_calls()) {
    wait();
    {
      const detail::live_state<const Optimizer> state(opt);
      copy(detail::collected(state), bytes_of(state));
    }
    path_ = path;
    writing_.emplace(std::in_place);
    (*writing_)->thread = std::thread([this, to = &**writing_, options, &calls] { write(*to, options, calls); });
  }

  /// Waits for the save to end, and tells once: raises what went wrong, or returns the checksum; empty when nothing has
  /// been begun since.
  std::string wait() {
    if (!writing_) return {};
    const auto ended = *std::move(writing_);
    writing_.reset();
    if (!ended.here()) return {};
    auto& w = *ended;
    if (w.thread.joinable()) w.thread.join();  // not where it could not be started
    if (w.failed) std::rethrow_exception(w.failed);
    return std::move(w.checksum);
  }

 private:
  // what the thread writes to
  struct writing {
    std::string checksum;
    std::exception_ptr failed;
    std::thread thread;
    ~writing() {
      if (thread.joinable()) thread.join();
    }
  };

  static std::size_t bytes_of(const detail::optimizer_state& state) {
    std::size_t all = 0;
    for (const auto* t : state.tensors()) all += t->layout.bytes;
    return bytes(all, state.tensors().size());
  }
  void copy(const detail::collected& all, std::size_t bytes) {
    if (bytes > room_) {
      memory_.reset();  // before there is more: never both
      room_ = 0;
      memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      room_ = bytes;
    }
    arrays_ = all.arrays;
    metadata_ = all.metadata;
    std::byte* to = memory_.get();
    for (auto& a : arrays_) {
      if (!a.bytes.empty()) std::memcpy(to, a.bytes.data(), a.bytes.size());
      a.bytes = {to, a.bytes.size()};
      to += a.bytes.size();
    }
  }
  void write(writing& to, const save_options& options, const file_calls& calls) const noexcept {
    to.failed = detail::attempt([&] {
      const prepared_file file(arrays_, metadata_);
      to.checksum = file.checksum();
      file.write(path_, options, calls);
    });
  }

  std::unique_ptr<std::byte[]> memory_;
  std::size_t room_ = 0;
  std::vector<checkpoint_array> arrays_;
  checkpoint_metadata metadata_;
  std::string path_;
  std::optional<detail::process_owned<writing>> writing_;  // last: its end waits for the thread, which reads the rest
};

}  // namespace mango
