# SPDX-License-Identifier: Apache-2.0
#
#   leet_add_test(<name> SOURCES <file>... [LIBRARIES <target>...] [LABELS <label>...] [DEPENDS <target>...])
#
# A GoogleTest program whose cases become ctest tests "<name>.<Suite>.<Case>". LABELS defaults to unit.

include_guard(GLOBAL)

function(leet_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES;LABELS;DEPENDS")
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
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
                       PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 600)
endfunction()
