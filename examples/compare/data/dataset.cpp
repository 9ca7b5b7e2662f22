#include "compare/data/dataset.hpp"

#include "compare/data/bytes.hpp"
#include "compare/data/cifar.hpp"
#include "compare/data/idx.hpp"

namespace compare {

image_data read_images(const std::filesystem::path& folder) {
  if (folder.empty()) {
    if (!has_idx(fashion_mnist_folder)) {
      throw data_error(std::string{"'"} + fashion_mnist_folder + "/train-images-idx3-ubyte.gz' does not exist; " +
                       install_hint);
    }
    auto data = read_idx_folder(fashion_mnist_folder);
    data.name = "Fashion-MNIST";
    return data;
  }
  if (has_cifar(folder)) return read_cifar_folder(folder);
  if (has_idx(folder)) return read_idx_folder(folder);
  throw data_error("'" + folder.string() + "' has neither train-images-idx3-ubyte(.gz) nor data_batch_1.bin; " +
                   install_hint);
}

}  // namespace compare
