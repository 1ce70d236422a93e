// SPDX-License-Identifier: Apache-2.0
#include "core/configuration.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace leet::core {

bool Configuration::allows(std::string_view method_id) const {
  const auto matches = [id = std::string(method_id)](const std::string& glob) {
    return fnmatch(glob.c_str(), id.c_str(), FNM_NOESCAPE) == 0;
  };
  return std::any_of(enabled.begin(), enabled.end(), matches) &&
         std::none_of(disabled.begin(), disabled.end(), matches);
}

}  // namespace leet::core
