#pragma once
// facts about this machine and this process
#include <cstddef>
#include <string>

namespace compare {

/// "AMD EPYC 9654, 2 cores, Linux 6.1": as far as the system tells.
std::string machine_name();

/// Local date and time, "2026-03-01 14:05".
std::string date_text();

/// Forgets the peak resident set so far, so that peak_resident() speaks of what follows. False where Linux refuses.
bool reset_peak_resident();

/// The highest resident set since the last reset, in bytes; 0 where the system does not tell.
std::size_t peak_resident();

}  // namespace compare
