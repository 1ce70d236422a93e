// SPDX-License-Identifier: Apache-2.0
//
// The user's directories, as the XDG base directory specification says. Empty where there is no
// home.
#ifndef LEET_CORE_USER_DIRECTORIES_HPP
#define LEET_CORE_USER_DIRECTORIES_HPP

#include <filesystem>

namespace leet::core {

std::filesystem::path home_directory();                // $HOME, else the password database's
std::filesystem::path user_data_directory();           // $XDG_DATA_HOME, else ~/.local/share
std::filesystem::path user_configuration_directory();  // $XDG_CONFIG_HOME, else ~/.config
std::filesystem::path user_cache_directory();          // $XDG_CACHE_HOME, else ~/.cache

}  // namespace leet::core
#endif  // LEET_CORE_USER_DIRECTORIES_HPP
