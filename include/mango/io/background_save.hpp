#pragma once
// A checkpoint that is written while training goes on.
#include <thread>

#include "mango/io/attempt.hpp"
#include "mango/io/checkpoint.hpp"

namespace mango::inline MANGO_ABI {

/// Saves on a thread of its own what an optimizer remembers now. start() copies the state, which takes as long as
/// reading it once, and returns; what is written is that copy, whatever the optimizer does meanwhile. The copy is kept
/// for the next save: bytes() says how much that is. One save at a time.
class background_save {
 public:
  background_save() = default;
  background_save(const background_save&) = delete;
  background_save& operator=(const background_save&) = delete;
  /// Waits. An error that nobody has asked for with wait() is lost with the object.
  ~background_save() {
    if (writer_.joinable()) writer_.join();
  }

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
    writer_ = std::thread([this, options, &calls] { write(options, calls); });
  }

  /// Waits for the save to end, and tells once: raises what went wrong, or returns the checksum; empty when nothing has
  /// been begun since.
  std::string wait() {
    if (writer_.joinable()) writer_.join();
    std::string sum = std::move(checksum_);
    checksum_.clear();
    if (auto failed = std::exchange(failed_, nullptr)) std::rethrow_exception(failed);
    return sum;
  }

 private:
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
  void write(const save_options& options, const file_calls& calls) noexcept {
    failed_ = detail::attempt([&] {
      const prepared_file file(arrays_, metadata_);
      checksum_ = file.checksum();
      file.write(path_, options, calls);
    });
  }

  std::unique_ptr<std::byte[]> memory_;
  std::size_t room_ = 0;
  std::vector<checkpoint_array> arrays_;
  checkpoint_metadata metadata_;
  std::string path_, checksum_;
  std::exception_ptr failed_;
  std::thread writer_;
};

}  // namespace mango
