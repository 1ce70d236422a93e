# SPDX-License-Identifier: Apache-2.0
#
#   leet_target_emulated_kernels(<target> <file.cu>...)
#
# Compiles the CUDA sources, which include <leet/cuda/kernel.hpp> and nothing else of CUDA, as C++ into the target and links
# the emulator. Only where the target Leet::emulator exists.
#
#   leet_add_cuda_compile_test(<name> SOURCES <file.cu>... [ARCHITECTURES <number>...])
#
# A test that nvcc compiles the sources, for these architectures or for those that this project is built for; skipped, with
# the reason, where there is no nvcc. Nothing is run.

include_guard(GLOBAL)

set(LEET_CUDA_ARCHITECTURES 80 90 100 120)

# What kernels need to run at a speed that tests can bear: without FMA in the target every fmaf is a call of libm.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(LEET_EMULATED_ARCHITECTURE x86-64-v3 CACHE STRING "What -march emulated kernels are compiled for; empty for the compiler's own")
else()
  set(LEET_EMULATED_ARCHITECTURE "" CACHE STRING "What -march emulated kernels are compiled for; empty for the compiler's own")
endif()

function(leet_target_emulated_kernels target)
  set(options -O3 -fno-strict-aliasing -Wno-unknown-pragmas)
  if(LEET_EMULATED_ARCHITECTURE)
    list(APPEND options -march=${LEET_EMULATED_ARCHITECTURE})
  endif()
  if(LEET_SANITIZE)
    list(APPEND options -O1)
  endif()
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path STEM stem)
    # A file of its own: the language of a source is a property of its directory, and nvcc may want the .cu, too.
    set(wrapper ${CMAKE_CURRENT_BINARY_DIR}/${target}_emulated/${stem}.cpp)
    file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${path}\"\n" @ONLY)
    set_source_files_properties(${wrapper} PROPERTIES COMPILE_OPTIONS "${options}")
    target_sources(${target} PRIVATE ${wrapper})
  endforeach()
  target_link_libraries(${target} PRIVATE Leet::emulator)
endfunction()

find_program(LEET_NVCC nvcc HINTS /usr/local/cuda/bin DOC "NVIDIA's CUDA compiler")

function(leet_add_cuda_compile_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ARCHITECTURES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "leet_add_cuda_compile_test(${name}): needs SOURCES, and knows ARCHITECTURES; "
                        "got '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT arg_ARCHITECTURES)
    set(arg_ARCHITECTURES ${LEET_CUDA_ARCHITECTURES})
  endif()
  set(targets)
  foreach(architecture ${arg_ARCHITECTURES})
    list(APPEND targets -gencode=arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  get_property(sdk TARGET leet_sdk PROPERTY SOURCE_DIR)
  foreach(source ${arg_SOURCES})
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path STEM stem)
    if(LEET_NVCC)
      add_test(NAME ${name}.${stem}
        COMMAND ${LEET_NVCC} -std=c++20 -Werror all-warnings ${targets} -I${sdk}/include -c ${path}
                -o ${CMAKE_CURRENT_BINARY_DIR}/${name}_${stem}.o)
    else()
      add_test(NAME ${name}.${stem} COMMAND ${CMAKE_COMMAND} -E echo "skipped: no nvcc to compile ${path}")
    endif()
    set_tests_properties(${name}.${stem} PROPERTIES
      LABELS unit TIMEOUT 600 SKIP_REGULAR_EXPRESSION "^skipped: no nvcc")
  endforeach()
endfunction()
