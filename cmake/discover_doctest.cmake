# cmake -D NAME= -D PROGRAM= -D PREFIX= -D OUTPUT= -P discover_doctest.cmake: writes one add_test() per doctest case.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} --list-test-cases --no-skip=true --no-colors=true
  OUTPUT_VARIABLE listing RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --list-test-cases: ${result}\n${listing}")
endif()

# Case names are free text: brackets and semicolons mean something to CMake's lists, so they wait as control characters.
string(ASCII 1 open)
string(ASCII 2 close)
string(ASCII 3 semicolon)
string(REPLACE "[doctest]" "" listing "${listing}")
string(REPLACE "[" "${open}" listing "${listing}")
string(REPLACE "]" "${close}" listing "${listing}")
string(REPLACE ";" "${semicolon}" listing "${listing}")
string(REPLACE "\n" ";" lines "${listing}")

set(inside FALSE)
set(names)
foreach(line IN LISTS lines)
  if(line MATCHES "^=+$")
    if(inside)
      break()
    endif()
    set(inside TRUE)
  elseif(inside AND NOT line STREQUAL "")
    if(line IN_LIST names)
      message(FATAL_ERROR "${NAME}: two test cases have the same name: ${line}")
    endif()
    list(APPEND names "${line}")
  endif()
endforeach()
if(NOT names)
  message(FATAL_ERROR "${PROGRAM} has no test cases")
endif()

# A run that matched no case (as one decorated with skip() does), or a case that asserted nothing, is a failure: doctest
# itself would call it a success. A case that cannot run on this machine says MESSAGE("SKIPPED: why"), asserts nothing,
# and is counted as skipped.
set(skip "SKIPPED: .*test cases: +1 \\| +1 passed.*assertions: +0 \\|")
set(fail "test cases: +0 \\|;assertions: +0 \\|")
set(script)
if(PREFIX)
  string(APPEND PREFIX ": ")
endif()
foreach(name IN LISTS names)
  string(REPLACE "," "\\," filter "${name}")
  string(APPEND script "add_test([==[${PREFIX}${name}]==] [==[${PROGRAM}]==] [==[--test-case=${filter}]==])
set_tests_properties([==[${PREFIX}${name}]==] PROPERTIES LABELS [==[${NAME}]==] TIMEOUT 300
  SKIP_REGULAR_EXPRESSION [==[${skip}]==] FAIL_REGULAR_EXPRESSION [==[${fail}]==])
")
endforeach()
string(REPLACE "${open}" "[" script "${script}")
string(REPLACE "${close}" "]" script "${script}")
string(REPLACE "${semicolon}" ";" script "${script}")
file(WRITE ${OUTPUT} "${script}")
