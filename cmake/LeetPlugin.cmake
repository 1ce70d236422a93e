# SPDX-License-Identifier: Apache-2.0
#
#   leet_add_plugin(<name> SOURCES <file>... [LIBRARIES <target>...] [OUTPUT_DIRECTORY <directory>])
#
# Adds the target leet_plugin_<name>, which builds the method plugin leet_<name>.so: hidden visibility, the one entry symbol
# exported by a version script, no undefined symbols, bound at load, never unloaded, no group-writable file or directory. The
# sources define the ELF note and the entry: LEET_PLUGIN in C++, LEET_DEFINE_NOTE and leet_plugin_entry_v0 in C.
# OUTPUT_DIRECTORY defaults to plugins/ in the build directory.

include_guard(GLOBAL)

set(_LEET_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/leet_plugin.map)

# Fast math at link adds a constructor that sets flush-to-zero in every process that loads the file.
function(_leet_refuse_fast_math name)
  foreach(where CMAKE_C_FLAGS CMAKE_CXX_FLAGS CMAKE_SHARED_LINKER_FLAGS)
    if(" ${${where}} " MATCHES " (-ffast-math|-Ofast|-funsafe-math-optimizations) ")
      message(FATAL_ERROR "leet_add_plugin(${name}): ${where} has ${CMAKE_MATCH_1}, which at link changes the "
                          "floating-point state of every host; remove it, or set it on single source files")
    endif()
  endforeach()
endfunction()

function(leet_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "leet_add_plugin(${name}): needs SOURCES, and knows LIBRARIES and OUTPUT_DIRECTORY; "
                        "got '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  _leet_refuse_fast_math(${name})
  if(NOT arg_OUTPUT_DIRECTORY)
    set(arg_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  endif()

  set(target leet_plugin_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE Leet::sdk ${arg_LIBRARIES} m)
  target_compile_features(${target} PRIVATE cxx_std_20 c_std_11)
  target_compile_definitions(${target} PRIVATE
    LEET_BUILD_ID="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME leet_${name} SUFFIX .so
    LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS ${_LEET_PLUGIN_MAP})
  target_compile_options(${target} PRIVATE -fno-gnu-unique)
  target_link_options(${target} PRIVATE
    LINKER:--version-script=${_LEET_PLUGIN_MAP}
    LINKER:-z,defs LINKER:-z,now LINKER:-z,nodelete LINKER:-z,noexecstack)
  # Registries refuse files and directories that others could write.
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND chmod go-w $<TARGET_FILE:${target}> $<TARGET_FILE_DIR:${target}> VERBATIM)
endfunction()
