// Saving a training run, weights and optimizer in one file, while it goes on; and going on from the file elsewhere, as
// if nothing had happened, bit for bit. A damaged file is found out.
#include <cstdio>
#include <filesystem>
#include <vector>

#include "mango/io/background_save.hpp"
#include "mango/optim/adamw.hpp"
#include "mango/store/dynamic8.hpp"

namespace {

struct trainer {
  std::vector<float> w = std::vector<float>(10'000, 1.0f), g = std::vector<float>(10'000);
  mango::adamw<mango::stores<mango::dynamic8<>, mango::dynamic8<>>> opt{
      {.learning_rate = mango::warmup_cosine{.peak = 1e-2, .warmup = 10, .total = 100}}};

  trainer() { opt.add("w", {.shape = {100, 100}}, w, g); }
  void train(int steps) {
    for (int i = 0; i < steps; ++i) {
      for (std::size_t k = 0; k < w.size(); ++k) g[k] = w[k] - static_cast<float>(k % 7);
      opt.step();
    }
  }
  // the weights, to lie beside the optimizer's state
  mango::checkpoint_array weights() { return {"w", "F32", {100, 100}, std::as_bytes(std::span(w))}; }

  void resume(const mango::checkpoint_file& file) {
    const auto found = file.header().find("w");
    if (found == file.header().size()) mango::raise(mango::errc::state_missing, {"the file has no weights"}, "w");
    const auto bytes = file.bytes(found);
    mango::load_checkpoint(opt, file, {.leave_unexpected = true});  // "w" is ours, not the optimizer's
    std::memcpy(w.data(), bytes.data(), bytes.size());
  }
};

}  // namespace

int main() {
  const std::string path = (std::filesystem::temp_directory_path() / "mango-example.safetensors").string();
  trainer first;
  first.train(60);
  const mango::checkpoint_array weights[] = {first.weights()};
  mango::save_checkpoint(first.opt, path, {.keep_previous = true}, weights);
  mango::background_save saver;
  saver.start(first.opt, path + ".later");  // a copy of the state, written while training goes on
  first.train(40);
  std::printf("checksum of the save in the background: %s\n", saver.wait().c_str());

  trainer second;
  second.resume(mango::checkpoint_file(mango::old_file(path)));
  second.train(40);
  std::printf("resumed: %s\n", first.w == second.w ? "the same bits" : "OTHER BITS");

  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  bool refused = false;
  try {
    mango::load_checkpoint(second.opt, path);
  } catch (const mango::error& e) {
    refused = true;
    std::printf("refused: %s\n", e.what());
  }
  for (const auto& used : {path, path + ".later"}) std::filesystem::remove(used);
  return first.w == second.w && refused ? 0 : 1;
}
