// SPDX-License-Identifier: Apache-2.0
//
// The driver is opened by name and asked through its C functions: nothing here needs CUDA to build,
// and a machine without it is no fault.
#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "core/child_process.hpp"
#include "tools/common/text.hpp"
#include "tools/leet/doctor/section.hpp"

namespace leet::doctor {
namespace {

namespace fs = std::filesystem;

// Of cuda.h, whose numbers never change.
constexpr int kErrorNoDevice = 100;
constexpr int kAttributeMajor = 75;
constexpr int kAttributeMinor = 76;

struct Driver {
  int (*init)(unsigned flags) = nullptr;
  int (*version)(int* version) = nullptr;
  int (*error_text)(int error, const char** text) = nullptr;
  int (*count)(int* count) = nullptr;
  int (*device)(int* device, int ordinal) = nullptr;
  int (*name)(char* name, int length, int device) = nullptr;
  int (*attribute)(int* value, int attribute, int device) = nullptr;
  int (*memory)(std::size_t* bytes, int device) = nullptr;
};

// The first function that the library lacks, or nothing.
std::string find_functions(void* library, Driver& driver) {
  std::string missing;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr && missing.empty()) missing = name;
  };
  find(driver.init, "cuInit");
  find(driver.version, "cuDriverGetVersion");
  find(driver.error_text, "cuGetErrorString");
  find(driver.count, "cuDeviceGetCount");
  find(driver.device, "cuDeviceGet");
  find(driver.name, "cuDeviceGetName");
  find(driver.attribute, "cuDeviceGetAttribute");
  find(driver.memory, "cuDeviceTotalMem_v2");
  return missing;
}

std::string error_text(const Driver& driver, int error) {
  const char* text = nullptr;
  if (driver.error_text(error, &text) != 0 || text == nullptr) text = "no text";
  return fmt::format("{} ({})", error, text);
}

bool kernel_driver_is_there() {
  std::error_code unknown;
  return fs::exists("/dev/nvidiactl", unknown) || fs::exists("/proc/driver/nvidia", unknown);
}

std::string device_text(const Driver& driver, int ordinal) {
  int device = 0, major = 0, minor = 0;
  std::array<char, 256> name{};
  std::size_t bytes = 0;
  int error = driver.device(&device, ordinal);
  if (error == 0) error = driver.name(name.data(), static_cast<int>(name.size()) - 1, device);
  if (error == 0) error = driver.attribute(&major, kAttributeMajor, device);
  if (error == 0) error = driver.attribute(&minor, kAttributeMinor, device);
  if (error == 0) error = driver.memory(&bytes, device);
  if (error != 0) return fmt::format("error {}", error_text(driver, error));
  return fmt::format("{}, sm_{}{}, {}", name.data(), major, minor,
                     tools::bytes_text(static_cast<double>(bytes)));
}

void ask_driver(const Driver& driver, Section& section) {
  int version = 0;
  if (driver.version(&version) == 0) {
    section.facts["driver's CUDA"] = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  }
  const int error = driver.init(0);
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (error == kErrorNoDevice) {
    section.note("the CUDA driver finds no device",
                 visible != nullptr
                     ? fmt::format("CUDA_VISIBLE_DEVICES='{}' may hide them; unset it.", visible)
                     : "See nvidia-smi; in a container, pass the devices in (--gpus all).");
    return;
  }
  if (error != 0) {
    section.warning(
        fmt::format("the CUDA driver does not start: error {}", error_text(driver, error)),
        "See nvidia-smi and dmesg; a library of another version than the kernel "
        "module needs a reboot or the same version in the container.");
    return;
  }
  int count = 0;
  if (const int failed = driver.count(&count); failed != 0) {
    section.warning(fmt::format("devices can't be counted: error {}", error_text(driver, failed)),
                    "See nvidia-smi and dmesg.");
    return;
  }
  for (int i = 0; i < count; ++i) {
    section.facts[fmt::format("device {}", i)] = device_text(driver, i);
  }
  section.ok(fmt::format("the CUDA driver has {} device{}", count, count == 1 ? "" : "s"));
}

}  // namespace

Json look_for_cuda() {
  Section section{"cuda"};
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = dlerror();
    section.facts["libcuda.so.1"] = "none";
    if (kernel_driver_is_there()) {
      section.warning(fmt::format("the NVIDIA kernel driver is there, its library is not: {}",
                                  why == nullptr ? "no reason given" : why),
                      "Install the library of the driver's version (Debian: libcuda1), or run the "
                      "container with the NVIDIA toolkit.");
    } else {
      section.note("there is no NVIDIA driver; methods run on the CPU",
                   "Nothing, unless this machine has an NVIDIA GPU: then install its driver.");
    }
    return to_json(section);
  }
  Driver driver;
  Dl_info info{};
  const std::string missing = find_functions(library, driver);
  if (driver.init != nullptr && dladdr(reinterpret_cast<const void*>(driver.init), &info) != 0) {
    section.facts["libcuda.so.1"] = info.dli_fname;
  }
  if (missing.empty()) {
    ask_driver(driver, section);
  } else {
    section.warning(fmt::format("libcuda.so.1 has no {}", missing),
                    "Install the driver's own library; this one is something else or too old.");
  }
  return to_json(section);
}

Section check_cuda() {
  Section section{"cuda"};
  const core::ChildLimits limits;
  const auto ends = core::run_children({{"/proc/self/exe", "doctor-cuda"}}, limits, 1);
  const core::ChildEnd& end = ends.at(0);
  const Json seen = Json::parse(end.out, nullptr, false);
  using How = core::ChildEnd::How;
  // How it ended is not seen where whoever started this program ignores SIGCHLD.
  const bool ended = (end.how == How::kExited && end.number == 0) || end.how == How::kUnseen;
  if (ended && seen.is_object()) {
    section.facts = seen.at("facts");
    for (const Json& finding : seen.at("findings")) {
      for (const Level level : {Level::kOk, Level::kNote, Level::kWarning, Level::kError}) {
        if (finding.at("level") != kLevelNames[static_cast<int>(level)]) continue;
        section.findings.push_back({level, finding.at("text"), finding.at("fix")});
      }
    }
    return section;
  }
  if (end.how == How::kNotStarted) {
    section.warning(fmt::format("leet could not start itself to ask the CUDA driver: {}", end.why),
                    "See ulimit -u and -n, and whether /proc is there.");
    return section;
  }
  if (end.how == How::kTooLarge) {
    section.warning(fmt::format("leet stopped asking the CUDA driver: more than {} resident",
                                tools::bytes_text(static_cast<double>(limits.memory_bytes))),
                    "nvidia-smi asks without a limit.");
    return section;
  }
  const std::string how =
      end.how == How::kSignalled  ? fmt::format("crashed by signal {}", end.number)
      : end.how == How::kTimedOut ? std::string("hung")
      : end.how == How::kExited   ? fmt::format("ended the process with {}", end.number)
                                  : std::string("gave no answer");
  section.error(fmt::format("the CUDA driver's library {}", how),
                "See dmesg; reinstall the driver, or take its library out of LD_LIBRARY_PATH.");
  return section;
}

}  // namespace leet::doctor
