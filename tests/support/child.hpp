#pragma once
// what a child of fork() makes of something
#include <sys/wait.h>
#include <unistd.h>

namespace support {

/// Whether `check` returned true in a child of this process, within ten seconds: one that waits for threads which it
/// does not have never ends.
template <class Check> bool in_child(Check&& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    ::_exit(check() ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace support
