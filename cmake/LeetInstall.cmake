# SPDX-License-Identifier: Apache-2.0
# find_package(Leet) for others, from an install tree and from the build tree (-DLeet_DIR=<build>/lib/cmake/Leet).

include(CMakePackageConfigHelpers)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/Leet)
set(build_package_directory ${PROJECT_BINARY_DIR}/lib/cmake/Leet)

install(TARGETS leet_sdk leet EXPORT LeetTargets)
install(EXPORT LeetTargets NAMESPACE Leet:: DESTINATION ${package_directory})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/sdk/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

export(EXPORT LeetTargets NAMESPACE Leet:: FILE ${build_package_directory}/LeetTargets.cmake)

configure_file(${PROJECT_SOURCE_DIR}/cmake/LeetConfig.cmake.in
               ${build_package_directory}/LeetConfig.cmake @ONLY)
write_basic_package_version_file(${build_package_directory}/LeetConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
foreach(file LeetPlugin.cmake leet_plugin.map)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${file} ${build_package_directory}/${file} COPYONLY)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/${file} DESTINATION ${package_directory})
endforeach()
install(FILES ${build_package_directory}/LeetConfig.cmake
              ${build_package_directory}/LeetConfigVersion.cmake
        DESTINATION ${package_directory})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Registries refuse directories that others could write, and the user's umask may allow just that.
install(CODE "
  file(CHMOD \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/leet/plugins-0\"
       PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)")
