#include "factory/host_factory.hpp"

namespace mango::inline MANGO_ABI {

template detail::optimizer_model* detail::make_with_stores<adam, 2>(const split_settings&, const host&);
template detail::optimizer_model* detail::make_sgd(const split_settings&, const host&);
template detail::optimizer_model* detail::make_smmf(const split_settings&, const host&);
template detail::optimizer_model* detail::make_adafactor(const split_settings&, const host&);
template any_optimizer make_optimizer<host>(std::string_view, std::span<const setting>, const host&);

}  // namespace mango
