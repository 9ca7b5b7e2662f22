#include "factory/host_factory.hpp"

namespace mango::inline MANGO_ABI {

template detail::optimizer_model* detail::make_lean<lion, 1, lion_config>(const split_settings&, const host&);
template detail::optimizer_model* detail::make_lean<prodigy_lion, 1, prodigy_lion_config>(const split_settings&,
                                                                                          const host&);

}  // namespace mango
