#pragma once
// a model as a table: "count,shape" and lines such as "12,768x3072"
#include <string>
#include <string_view>

#include "plan/model.hpp"

namespace plan {

/// Reads the text of a table. `name` stands in the sentences, followed by the line's number. Throws problem::table.
model read_table(std::string_view text, const std::string& name);

/// "768x3072"; "scalar" for no extents. Throws problem::table, with `where` in front.
mango::shape read_shape(std::string_view text, const std::string& where);

}  // namespace plan
