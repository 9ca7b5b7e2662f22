# The optional targets mango::eigen, mango::io and mango::cuda. The installed package includes this same file, so a
# target found in a build tree and one found by find_package() cannot drift apart. SCOPE is GLOBAL in a build tree,
# whose users sit in other folders, and empty in the installed package.

# mango::eigen: mango::mango and Eigen. Call it once Eigen3::Eigen is known; without Eigen there is no such target.
function(mango_add_eigen_component scope)
  if(NOT TARGET Eigen3::Eigen OR TARGET mango::eigen)
    return()
  endif()
  add_library(mango::eigen INTERFACE IMPORTED ${scope})
  target_link_libraries(mango::eigen INTERFACE mango::mango Eigen3::Eigen)
endfunction()

# mango::io: mango::mango and what checkpoints need: nlohmann/json, and xxHash, of which the header is enough. Call it
# once both are known; without one of them there is no such target.
function(mango_add_io_component scope)
  if(NOT TARGET nlohmann_json::nlohmann_json OR NOT TARGET mango_xxhash OR TARGET mango::io)
    return()
  endif()
  add_library(mango::io INTERFACE IMPORTED ${scope})
  target_link_libraries(mango::io INTERFACE mango::mango nlohmann_json::nlohmann_json mango_xxhash)
endfunction()

# mango_xxhash, where xxhash.h is installed.
function(mango_look_for_xxhash scope)
  find_path(MANGO_XXHASH_INCLUDE_DIR xxhash.h)
  mark_as_advanced(MANGO_XXHASH_INCLUDE_DIR)
  if(MANGO_XXHASH_INCLUDE_DIR AND NOT TARGET mango_xxhash)
    add_library(mango_xxhash INTERFACE IMPORTED ${scope})
    target_include_directories(mango_xxhash SYSTEM INTERFACE ${MANGO_XXHASH_INCLUDE_DIR})
  endif()
endfunction()

# mango::cuda: mango::mango, the second include root and the CUDA libraries. Without a CUDA compiler there is no such
# target and no error.
#  - CMake before 3.25.2 drops CUDA_STANDARD 20 in silence and rejects cuda_std_20, hence the plain flag.
#  - CUDA 13 moved Thrust and CUB below include/cccl, which CCCL::CCCL knows.
function(mango_add_cuda_component scope include_directory)
  if(TARGET mango::cuda)
    return()
  endif()
  find_package(CUDAToolkit QUIET ${scope})
  if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE OR NOT TARGET CUDA::cublas)
    return()
  endif()
  set(CMAKE_MESSAGE_LOG_LEVEL NOTICE)  # CCCL reports its own folders even when it is asked to be quiet
  find_package(CCCL CONFIG QUIET ${scope}
    HINTS ${CUDAToolkit_TARGET_DIR}/lib/cmake ${CUDAToolkit_LIBRARY_ROOT}/lib64/cmake)
  add_library(mango::cuda INTERFACE IMPORTED ${scope})
  if(EXISTS ${include_directory})
    target_include_directories(mango::cuda INTERFACE ${include_directory})
  endif()
  # Eigen is host code here: its own CUDA support only costs warnings.
  target_compile_definitions(mango::cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:EIGEN_NO_CUDA>)
  target_compile_options(mango::cuda INTERFACE $<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>)
  target_link_libraries(mango::cuda INTERFACE
    mango::mango CUDA::cudart CUDA::cublas $<TARGET_NAME_IF_EXISTS:CCCL::CCCL>)
endfunction()
