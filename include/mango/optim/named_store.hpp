#pragma once
// The stores that have a name at run time.
#include <span>
#include <string_view>

#include "mango/optim/setting.hpp"
#include "mango/store/bf16.hpp"
#include "mango/store/dynamic8.hpp"
#include "mango/store/factored.hpp"
#include "mango/store/fp16.hpp"
#include "mango/store/fp32.hpp"
#include "mango/store/kahan.hpp"
#include "mango/store/linear4.hpp"
#include "mango/store/nf4.hpp"

namespace mango::inline MANGO_ABI {

/// What the setting "stores" may be.
inline std::span<const std::string_view> store_names() {
  static constexpr std::string_view names[] = {"fp32",     "bf16", "fp16",    "kahan",
                                               "dynamic8", "nf4",  "linear4", "factored"};
  return names;
}

namespace detail {

// f<Store>() for the store of this name, which is a value of the setting "stores"
template <class F> auto with_store(std::string_view name, F f) {
  if (name == "fp32") return f.template operator()<fp32>();
  if (name == "bf16") return f.template operator()<bf16>();
  if (name == "fp16") return f.template operator()<fp16>();
  if (name == "kahan") return f.template operator()<kahan>();
  if (name == "dynamic8") return f.template operator()<dynamic8<>>();
  if (name == "nf4") return f.template operator()<nf4<>>();
  if (name == "linear4") return f.template operator()<linear4<>>();
  if (name == "factored") return f.template operator()<factored<>>();
  text names;
  for (const auto each : store_names()) {
    const bool last = each == store_names().back();
    names += concat({names.empty() ? "" : last ? " or " : ", ", each});
  }
  refuse_value("stores", name, names);
}

}  // namespace detail
}  // namespace mango
