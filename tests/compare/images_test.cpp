#include <doctest/doctest.h>

#include <array>

#include "compare/data/bytes.hpp"
#include "compare/data/cifar.hpp"
#include "compare/data/dataset.hpp"
#include "compare/data/idx.hpp"
#include "has.hpp"
#include "scratch.hpp"

using namespace compare;
using scratch::bytes;

namespace {

std::string refusal(const std::filesystem::path& images, const std::filesystem::path& labels) {
  return scratch::sentence_of<data_error>([&] { read_idx(images, labels); });
}

void write_idx_folder(const scratch::folder& f) {
  f.write_gzip("train-images-idx3-ubyte.gz", scratch::idx_images(3, 2, 4));
  f.write("train-labels-idx1-ubyte", scratch::idx_labels({7, 0, 9}));
  f.write("t10k-images-idx3-ubyte", scratch::idx_images(2, 2, 4));
  f.write_gzip("t10k-labels-idx1-ubyte.gz", scratch::idx_labels({1, 2}));
}

bytes cifar_record(std::uint8_t label, std::uint8_t pixel) {
  bytes out(3073, pixel);
  out[0] = label;
  return out;
}

}  // namespace

TEST_CASE("idx: plain and gzip files are read alike, split as shipped") {
  const scratch::folder f;
  write_idx_folder(f);
  const image_data data = read_images(f.path());
  CHECK(data.train.size() == 3);
  CHECK(data.train.channels == 1);
  CHECK(data.train.height == 2);
  CHECK(data.train.width == 4);
  CHECK(data.train.labels == bytes{7, 0, 9});
  REQUIRE(data.train.pixels.size() == 24);
  CHECK(data.train.pixels[23] == 23);
  CHECK(data.test.labels == bytes{1, 2});
  CHECK(data.name == f.path().filename().string());
}

TEST_CASE("idx: every kind of damage is one sentence that names the file") {
  const scratch::folder f;
  const auto images = f.write("images", scratch::idx_images(3, 2, 4));
  const auto labels = f.write("labels", scratch::idx_labels({7, 0, 9}));
  CHECK(read_idx(images, labels).size() == 3);

  CHECK(has(refusal(labels, labels), "labels"));
  CHECK(has(refusal(labels, labels), "0x00000801 instead of 0x00000803"));

  bytes cut = scratch::idx_images(3, 2, 4);
  cut.pop_back();
  CHECK(has(refusal(f.write("cut", cut), labels), "39 bytes where its header promises 40"));
  bytes longer = scratch::idx_images(3, 2, 4);
  longer.push_back(0);
  CHECK(has(refusal(f.write("longer", longer), labels), "41 bytes where its header promises 40"));
  CHECK(has(refusal(f.write("short", {0, 0, 8, 3, 0}), labels), "ends inside its header"));
  CHECK(has(refusal(f.write("none", scratch::idx_images(0, 2, 4)), labels), "extent 0 in dimension 0"));

  bytes huge;
  for (const std::uint32_t word : {0x00000803u, 0xffffffffu, 0xffffffffu, 0xffffffffu})
    scratch::append_word(huge, word);
  CHECK(has(refusal(f.write("huge", huge), labels), "extent 4294967295 in dimension 0"));
  bytes wide;
  for (const std::uint32_t word : {0x00000803u, 1u << 20, 1u << 16, 1u << 16}) scratch::append_word(wide, word);
  CHECK(has(refusal(f.write("wide", wide), labels), "more than 1073741824 bytes"));

  CHECK(has(refusal(images, f.write("ten", scratch::idx_labels({1, 2, 10}))), "label 10 outside 0..9"));
  CHECK(has(refusal(images, f.write("two", scratch::idx_labels({1, 2}))), "2 labels for 3 images"));
  CHECK(has(refusal(images, labels / "x"), "not a readable file"));
}

TEST_CASE("idx: a gzip stream that ends early or is corrupt is refused, whatever was read before") {
  const scratch::folder f;
  const auto labels = f.write("labels", scratch::idx_labels({7, 0, 9}));
  bytes packed = scratch::read(f.write_gzip("whole.gz", scratch::idx_images(3, 2, 4)));
  bytes cut = packed;
  cut.resize(cut.size() - 6);
  CHECK(has(refusal(f.write("cut.gz", cut), labels), "cut.gz' is damaged"));
  packed[packed.size() - 8] ^= 0xff;  // the checksum
  CHECK(has(refusal(f.write("flipped.gz", packed), labels), "flipped.gz' is damaged"));
  CHECK(has(refusal(f.write("flipped.gz", packed), labels), "apt-get install"));
}

TEST_CASE("read_bytes: a file above the limit is refused") {
  const scratch::folder f;
  const auto file = f.write_gzip("zeros.gz", bytes(5000, 0));
  CHECK(read_bytes(file, 5000).size() == 5000);
  CHECK(has(scratch::sentence_of<data_error>([&] { read_bytes(file, 4999); }), "more than 4999 bytes"));
}

TEST_CASE("cifar: records are split into labels and planes; damage is named") {
  const scratch::folder f;
  for (int i = 1; i <= 5; ++i) {
    f.write("data_batch_" + std::to_string(i) + ".bin",
            cifar_record(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(10 * i)));
  }
  bytes two = cifar_record(3, 1);
  const bytes second = cifar_record(4, 2);
  two.insert(two.end(), second.begin(), second.end());
  f.write("test_batch.bin", two);
  const image_data data = read_images(f.path());
  CHECK(data.name == "CIFAR-10");
  CHECK(data.train.labels == bytes{1, 2, 3, 4, 5});
  CHECK(data.train.image_bytes() == 3072);
  CHECK(data.train.pixels[4 * 3072] == 50);
  CHECK(data.test.labels == bytes{3, 4});

  const auto wrong = [&](const bytes& content) {
    const std::array files{f.write("bad.bin", content)};
    return scratch::sentence_of<data_error>([&] { read_cifar(files); });
  };
  bytes cut = two;
  cut.pop_back();
  CHECK(has(wrong(cut), "bad.bin' is not a CIFAR-10 binary file: 6145 bytes"));
  CHECK(has(wrong({}), "0 bytes"));
  CHECK(has(wrong(cifar_record(10, 0)), "label 10 outside 0..9"));
}

TEST_CASE("a folder without images says what would be there and what to install") {
  const scratch::folder f;
  const auto sentence = scratch::sentence_of<data_error>([&] { read_images(f.path()); });
  CHECK(has(sentence, f.path().c_str()));
  CHECK(has(sentence, "apt-get install dataset-fashion-mnist"));
  write_idx_folder(f);
  std::filesystem::remove(f.path() / "t10k-images-idx3-ubyte");
  CHECK(has(scratch::sentence_of<data_error>([&] { read_images(f.path()); }),
            "t10k-images-idx3-ubyte' (or '.gz') does not exist"));
  f.write("t10k-images-idx3-ubyte", scratch::idx_images(2, 4, 4));
  CHECK(has(scratch::sentence_of<data_error>([&] { read_images(f.path()); }), "another size"));
}
