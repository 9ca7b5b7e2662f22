#include "factory/host_factory.hpp"

template mango::any_optimizer mango::make_optimizer<mango::host>(std::string_view, std::span<const mango::setting>,
                                                                 const mango::host&);
