// SPDX-License-Identifier: Apache-2.0
//
// What a method plugin written in C++20 includes. Header-only; needs nothing but the standard
// library. Start with leet/plugin/method.hpp, which shows a whole method.
#ifndef LEET_PLUGIN_HPP
#define LEET_PLUGIN_HPP

#if __cplusplus < 202002L
#error "leet/plugin.hpp needs C++20"
#endif

#include <leet/plugin.h>

#include <leet/plugin/claims.hpp>
#include <leet/plugin/cost.hpp>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/error.hpp>
#include <leet/plugin/half.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/method.hpp>
#include <leet/plugin/options.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

#endif  // LEET_PLUGIN_HPP
