#include "compare/data/bytes.hpp"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace compare {
namespace {

struct close_gzip {
  void operator()(gzFile_s* f) const { gzclose(f); }
};

[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& why) {
  throw data_error("'" + path.string() + "' is damaged (" + why + "); " + repair_hint);
}

}  // namespace

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path, std::size_t limit) {
  if (!std::filesystem::is_regular_file(path)) throw data_error("'" + path.string() + "' is not a readable file");
  // zlib passes a file without the gzip magic through unchanged, so one loop reads both kinds.
  const std::unique_ptr<gzFile_s, close_gzip> file{gzopen(path.c_str(), "rb")};
  if (!file) throw data_error("'" + path.string() + "' cannot be opened for reading");
  gzbuffer(file.get(), 1u << 17);

  std::vector<std::uint8_t> out;
  constexpr std::size_t piece = std::size_t{1} << 20;
  for (std::size_t used = 0;;) {
    out.resize(used + piece);
    const int got = gzread(file.get(), out.data() + used, static_cast<unsigned>(piece));
    int code = Z_OK;
    const char* text = gzerror(file.get(), &code);
    // A gzip stream that stops early ends with Z_BUF_ERROR while gzread reports a short, successful read.
    if (got < 0 || code == Z_BUF_ERROR) damaged(path, code == Z_BUF_ERROR ? "the gzip stream ends early" : text);
    used += static_cast<std::size_t>(got);
    if (used > limit) damaged(path, "more than " + std::to_string(limit) + " bytes");
    if (got == 0) {
      out.resize(used);
      return out;
    }
  }
}

}  // namespace compare
