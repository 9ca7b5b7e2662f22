#pragma once
// the shapes in the header of a .safetensors file; its data is never read
#include <cstdint>
#include <string>
#include <string_view>

#include "plan/model.hpp"

namespace plan {

/// Longest header that is believed, in bytes.
inline constexpr std::uint64_t most_header_bytes = 100'000'000;

/// Opens the file and reads 8 bytes of length and the header. So the beginning of a file is enough. Tensors of floating
/// point are parameters, of any precision: how weights are kept is the plan's choice. Integers and booleans are
/// skipped. Throws problem::missing or problem::header.
model read_safetensors(const std::string& path);

/// The same from the text of the header.
model read_header(std::string_view json, const std::string& name);

}  // namespace plan
