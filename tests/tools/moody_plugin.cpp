// SPDX-License-Identifier: Apache-2.0
//
// test.moody: a plugin that fails where its option says, for the exit codes of the tools. When it
// doesn't fail, out is zero.
#include <cstring>
#include <leet/plugin.hpp>
#include <string_view>

namespace leet::plugin_moody {
namespace {

class Moody {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "test.moody",
                     .version = "1.2.3",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD,
                     .dtypes = LEET_DTYPES_F32,
                     .features = LEET_FEATURE_STATES});
  static constexpr const char* kSummary = "Fails where its option says";
  static constexpr const char* kReference = "none";
  static constexpr leet_option kOptions[] = {
      sdk::option("fail", "never", "never, supports, plan or execute"),
      sdk::option("mood", "calm", "changes nothing")};

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem&, leet_device,
                               const sdk::Options& options) {
    if (options.get("fail") == "supports") return sdk::Verdict::no("not today\nnor tomorrow");
    return sdk::Verdict::yes();
  }

  Moody(const sdk::Host&, const sdk::Problem&, leet_device, const sdk::Options& options)
      : fails_(options.get("fail") == "execute") {
    if (options.get("fail") == "plan") {
      throw sdk::Error(LEET_STATUS_INTERNAL, "the plan fell through");
    }
  }

  sdk::PlanInfo info() const { return {}; }

  void execute(const sdk::Host&, const sdk::Exec& exec) const {
    if (fails_) throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "changed its mind");
    const sdk::Shape& shape = exec.shape();
    std::memset(exec.tensor(LEET_ROLE_OUT).row(0, 0, 0), 0,
                static_cast<std::size_t>(shape.B * shape.H * shape.N * shape.D) * sizeof(float));
  }

 private:
  bool fails_;
};

}  // namespace
}  // namespace leet::plugin_moody

LEET_PLUGIN(leet::plugin_moody::Moody)
