#pragma once
// bytes as people write them
#include <cstdint>
#include <optional>
#include <string_view>

namespace plan {

using bytes_t = std::uint64_t;

/// "24GiB", "24 GB", "1.5GiB", "25769803776": binary and decimal units, exact; nothing when it is none of these, is
/// zero or does not fit.
std::optional<bytes_t> parse_bytes(std::string_view text);

}  // namespace plan
