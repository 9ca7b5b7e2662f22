# cmake -D PROGRAM= -D FOLDER= -P end_to_end.cmake: runs mango-compare as a user does and checks what cannot be checked
# from inside: files, exit codes, sentences, and results that do not depend on the number of threads.
cmake_minimum_required(VERSION 3.25)

# run(<exit code> <text in its output> <argument>...)
function(run expected_code expected_text)
  execute_process(COMMAND ${PROGRAM} ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(FIND "${text}" "${expected_text}" found)
  if(NOT code EQUAL expected_code OR found EQUAL -1)
    message(FATAL_ERROR "mango-compare ${ARGN}: exit code ${code}, expected ${expected_code} and the text "
      "'${expected_text}' in:\n${text}")
  endif()
endfunction()

# curves.csv without its last column, the seconds
function(read_curves folder out)
  file(READ ${folder}/curves.csv curves)
  string(REGEX REPLACE ",[^,\n]*\n" "\n" curves "${curves}")
  set(${out} "${curves}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${FOLDER})
run(0 "--optimizers" --help)
run(0 "adamw" --list)
run(2 "unknown optimizer 'adamm'; there are adamw" --optimizers adamm)
run(2 "unknown option '--ecpochs'" --ecpochs 3)
run(2 "no_such_option" --optimizers adamw:no_such_option=1)
run(2 "apt-get install dataset-fashion-mnist" --data ${FOLDER})
run(2 "does not exist" --model gpt --data ${FOLDER}/missing.txt)
run(2 "name another one with --output" --output ${PROGRAM}/below)

if(NOT EXISTS /usr/share/datasets/fashion-mnist)
  message("SKIPPED: the package dataset-fashion-mnist is not installed")
  return()
endif()

foreach(threads 1 2 3)
  run(0 "ok: state bytes as planned (runs: 4)" --optimizers adamw adamw:stores=bf16 --seeds 7,8 --steps 25
    --batch 50 --evaluations 2 --clip-norm 1 --quiet --threads ${threads} --output ${FOLDER}/${threads})
  read_curves(${FOLDER}/${threads} curves_${threads})
endforeach()
if(NOT curves_1 STREQUAL curves_2 OR NOT curves_1 STREQUAL curves_3)
  message(FATAL_ERROR "the curves depend on the number of threads: compare the curves.csv below ${FOLDER}")
endif()
string(REGEX MATCHALL "\n" lines "${curves_1}")
list(LENGTH lines count)
if(NOT count EQUAL 109)  # a header, and 25 training and 2 held-out points for each of 4 runs
  message(FATAL_ERROR "curves.csv has ${count} lines, expected 109")
endif()
if(NOT EXISTS ${FOLDER}/1/report.html OR NOT EXISTS ${FOLDER}/1/results.csv)
  message(FATAL_ERROR "the reports are missing below ${FOLDER}")
endif()

# A run that was stopped, saved and resumed, with other threads, leaves the file that one in a single go leaves.
set(short --optimizers adamw:stores=dynamic8 --steps 12 --batch 50 --evaluations 1 --quiet)
run(0 "ok: state bytes as planned" ${short} --threads 1 --save ${FOLDER}/whole --output ${FOLDER}/1)
run(0 "ok: state bytes as planned" ${short} --threads 2 --save ${FOLDER}/half --stop 5 --output ${FOLDER}/1)
run(0 "ok: state bytes as planned" ${short} --threads 1 --resume ${FOLDER}/half --save ${FOLDER}/joined
  --output ${FOLDER}/1)
set(saved adamw_stores=dynamic8-seed1.safetensors)
file(SHA256 ${FOLDER}/whole/${saved} whole)
file(SHA256 ${FOLDER}/half/${saved} half)
file(SHA256 ${FOLDER}/joined/${saved} joined)
if(NOT whole STREQUAL joined OR whole STREQUAL half)
  message(FATAL_ERROR "a resumed run is not the run: compare whole, half and joined below ${FOLDER}")
endif()
run(2 "could not be opened" ${short} --resume ${FOLDER}/nowhere --output ${FOLDER}/1)
