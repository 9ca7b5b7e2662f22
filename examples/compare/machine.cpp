#include "compare/machine.hpp"

#include <sys/utsname.h>

#include <array>
#include <ctime>
#include <fstream>
#include <thread>

#include "compare/format.hpp"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace compare {
namespace {

// The text after "key<blanks>: " or "key:<blanks>" in a file of such lines.
std::string field(const char* path, const std::string& key) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const auto begin = line.find_first_not_of(" \t", line.find(':') + 1);
    if (begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

}  // namespace

std::string machine_name() {
  std::string cpu = field("/proc/cpuinfo", "model name");
  utsname system{};
  const bool known = uname(&system) == 0;
  if (cpu.empty()) cpu = known ? system.machine : "unknown processor";
  const unsigned cores = std::thread::hardware_concurrency();
  cpu += print(", %u core%s", cores, cores == 1 ? "" : "s");
  return known ? cpu + ", " + system.sysname + " " + system.release : cpu;
}

std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> out{};
  std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M", &local);
  return out.data();
}

bool reset_peak_resident() {
#if defined(__GLIBC__)
  malloc_trim(0);  // pages that the last run freed would count again
#endif
  std::ofstream refs{"/proc/self/clear_refs"};
  refs << "5" << std::flush;  // 5: reset the high water mark, see proc(5)
  return refs.good();
}

std::size_t peak_resident() {
  const std::string kilobytes = field("/proc/self/status", "VmHWM");
  return kilobytes.empty() ? 0 : std::stoull(kilobytes) * 1024;
}

}  // namespace compare
