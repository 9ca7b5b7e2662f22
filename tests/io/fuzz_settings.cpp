// A libFuzzer target: text becomes the settings of every kind of optimizer, or is refused with a sentence.
#include <cstdlib>

#include "mango/optim/factory.hpp"

namespace {

template <class Config> void apply(std::span<const mango::setting> settings) {
  Config config;
  try {
    mango::detail::apply_settings(config, settings, true);
  } catch (const mango::error& e) {
    if (std::string_view(e.what()).empty() || std::string_view(e.kind()).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mango::list<mango::setting> settings;
  try {
    mango::detail::each_setting(text, [&](const mango::setting& s) { settings.push_back(s); });
  } catch (const mango::error&) {
    return 0;
  }
  const std::span<const mango::setting> all(settings.begin(), settings.size());
  apply<mango::adamw_config>(all);
  apply<mango::adam_config>(all);
  apply<mango::lion_config>(all);
  apply<mango::sgd_config>(all);
  apply<mango::smmf_config>(all);
  apply<mango::adafactor_config>(all);
  return 0;
}
