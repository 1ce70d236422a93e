# SPDX-License-Identifier: Apache-2.0
#
#   leet_add_test(<name> SOURCES <file>... [LIBRARIES <target>...] [LABEL <label>] [DEPENDS <target>...])
#
# A GoogleTest program whose cases become ctest tests "<name>.<Suite>.<Case>". LABEL defaults to unit;
# unit-threads is a unit test that ThreadSanitizer sees too (ctest -L takes a regular expression: unit finds both).
#
#   leet_test_variants(<method> [OPTIONS <options>...] [VECTORS <options>...])
#
# For a method's own folder. The tests of methods run every method of the build as it is; they run it with each of these options
# strings too, with those of VECTORS on every instruction set of the machine: the options that make it take its vector kernel.
#
#   leet_write_method_lists(<header>)
#
# Writes what the build has, and the variants, as the arrays that tests/support/methods.hpp describes.

include_guard(GLOBAL)

function(leet_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;LIBRARIES;DEPENDS")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE leet_defaults GTest::gmock GTest::gtest_main ${arg_LIBRARIES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE
    LEET_SOURCE_DIR="${PROJECT_SOURCE_DIR}" LEET_BINARY_DIR="${PROJECT_BINARY_DIR}")
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${arg_LABEL}" TIMEOUT 600
                                  ENVIRONMENT "XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/tests/cache")
  if(arg_LABEL STREQUAL "unit-threads")  # what tools/test.sh runs with ThreadSanitizer
    if(NOT TARGET leet_thread_tests)
      add_custom_target(leet_thread_tests)
    endif()
    add_dependencies(leet_thread_tests ${name})
  endif()
endfunction()

function(leet_test_variants method)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "OPTIONS;VECTORS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "leet_test_variants(${method}): knows OPTIONS and VECTORS; got '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  list(TRANSFORM arg_OPTIONS PREPEND "${method}?")
  list(TRANSFORM arg_VECTORS PREPEND "${method}?")
  set_property(GLOBAL APPEND PROPERTY LEET_METHOD_VARIANTS ${arg_OPTIONS})
  set_property(GLOBAL APPEND PROPERTY LEET_VECTOR_VARIANTS ${arg_VECTORS})
endfunction()

function(leet_write_method_lists header)
  set(text "// Written by leet_write_method_lists.\n")
  foreach(list METHODS METHOD_VARIANTS VECTOR_VARIANTS)
    get_property(names GLOBAL PROPERTY LEET_${list})
    list(TRANSFORM names REPLACE "^.+$" "\"\\0\"" OUTPUT_VARIABLE quoted)
    list(JOIN quoted ", " quoted)
    string(APPEND text "#define LEET_${list} ${quoted}\n")
  endforeach()
  file(CONFIGURE OUTPUT ${header} CONTENT "${text}" @ONLY)
endfunction()
