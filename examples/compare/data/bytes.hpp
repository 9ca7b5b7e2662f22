#pragma once
// reading a file whole, gzip or not, and the one error every data reader throws
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace compare {

/// A missing or damaged data set. what() is one sentence that names the file and says what to do.
struct data_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a user without the default data set gets it; ends the sentences of data_error where that helps.
inline constexpr const char* install_hint =
    "install it with 'apt-get install dataset-fashion-mnist' or name a folder with --data";

/// The same for a file that is there but wrong.
inline constexpr const char* repair_hint =
    "fetch it again, or 'apt-get install --reinstall dataset-fashion-mnist' for Debian's copy";

/// The whole content of `path`, decompressed when it is gzip. At most `limit` bytes (a damaged or hostile gzip can
/// expand without end). Throws data_error when the file is missing, unreadable, truncated or longer than `limit`.
std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path, std::size_t limit);

/// Four bytes, most significant first.
constexpr std::uint32_t big_endian(std::span<const std::uint8_t, 4> b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
}

}  // namespace compare
