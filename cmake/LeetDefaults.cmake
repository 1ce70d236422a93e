# SPDX-License-Identifier: Apache-2.0
# How this project compiles its own targets. Nothing here reaches a consumer of the installed package.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

# Link to it PRIVATE: the language level, the warnings and the sanitizers.
add_library(leet_defaults INTERFACE)
target_compile_features(leet_defaults INTERFACE cxx_std_20 c_std_11)
target_compile_options(leet_defaults INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                       $<$<BOOL:${LEET_WERROR}>:-Werror>)
if(LEET_SANITIZE)
  target_compile_options(leet_defaults INTERFACE -fsanitize=${LEET_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(leet_defaults INTERFACE -fsanitize=${LEET_SANITIZE})
endif()
