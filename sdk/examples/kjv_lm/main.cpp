// SPDX-License-Identifier: Apache-2.0
//
// kjv_lm: an application whose attention is a LeetDecoding method, chosen by name at run time.
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <leet/leet.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "evaluate.hpp"
#include "files.hpp"
#include "generate.hpp"
#include "model.hpp"
#include "options.hpp"
#include "weights.hpp"

namespace kjv_lm {
namespace {

constexpr std::size_t kLongestText = std::size_t{1} << 26;

// How far the program has come decides what a failure of the library means to the user.
enum class Stage { kSetUp, kPlan, kExecute };

int exit_code(Stage stage, leet_status status) {
  if (stage == Stage::kExecute) return kExitPluginFailed;
  if (status == LEET_STATUS_INVALID_ARGUMENT) return kExitUsage;
  if (stage == Stage::kSetUp) {
    return status == LEET_STATUS_UNAVAILABLE ? kExitUsage : kExitInternal;
  }
  const bool no_such_method =
      status == LEET_STATUS_UNAVAILABLE || status == LEET_STATUS_UNSUPPORTED;
  return no_such_method ? kExitNothingToRun : kExitPluginFailed;
}

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Bytes read_text(const std::filesystem::path& file, std::size_t at_least) {
  Bytes text = read_file(file, kLongestText);
  if (text.size() < at_least) {
    throw FileError(
        file, std::to_string(text.size()) + " bytes, needs at least " + std::to_string(at_least));
  }
  return text;
}

// Continues the prompt; adds what it did to `record`.
std::string continue_prompt(Model& model, const Options& options, const Bytes& prompt,
                            nlohmann::json& record) {
  const Stopwatch reading;
  const Matrix logits = read_prompt(model, prompt, options.logits ? Rows::kAll : Rows::kLast);
  record["prompt"] = {{"bytes", prompt.size()}, {"seconds", reading.seconds()}};
  if (options.logits) {
    const std::int64_t extents[] = {1, logits.rows(), logits.cols()};
    write_npy(*options.logits, extents, {logits.data(), static_cast<std::size_t>(logits.size())});
  }
  const Stopwatch generating;
  std::string text = generate_greedily(model, logits.bottomRows(1).row(0), options.generate);
  record["generated"] = {{"bytes", text.size()}, {"seconds", generating.seconds()}, {"text", text}};
  return text;
}

void evaluate(Model& model, const Bytes& text, nlohmann::json& record) {
  const Stopwatch evaluating;
  const double bits = bits_per_byte(model, text);
  record["eval"] = {
      {"bytes", text.size()}, {"bits_per_byte", bits}, {"seconds", evaluating.seconds()}};
}

void describe(const nlohmann::json& record) {
  std::cerr << "method: " << record["method"].get<std::string>() << "\n";
  for (const char* part : {"prompt", "generated", "eval"}) {
    if (!record.contains(part)) continue;
    const nlohmann::json& done = record[part];
    std::cerr << part << ": " << done["bytes"] << " bytes in " << done["seconds"].get<double>()
              << " s\n";
  }
  if (record.contains("eval")) {
    std::cerr << "bits per byte: " << record["eval"]["bits_per_byte"] << "\n";
  }
}

int run(const Options& options) {
  Stage stage = Stage::kSetUp;
  try {
    const Weights weights(options.model);
    const std::optional<Bytes> prompt =
        options.prompt ? std::optional(read_text(*options.prompt, 1)) : std::nullopt;
    const std::optional<Bytes> eval =
        options.eval ? std::optional(read_text(*options.eval, 2)) : std::nullopt;
    leet::Context context({.threads = options.threads, .plugin_paths = options.plugins});

    stage = Stage::kPlan;
    Model model(context, options.method, weights, options.chunk);

    stage = Stage::kExecute;
    nlohmann::json record = {{"schema", "leet.kjv_lm/1"}, {"method", options.method}};
    std::string text;
    if (prompt) text = continue_prompt(model, options, *prompt, record);
    if (eval) evaluate(model, *eval, record);

    if (options.json) {
      std::cout << record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    } else {
      std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
      std::cout.flush();
      describe(record);
    }
    if (!std::cout.flush()) {
      std::cerr << "kjv_lm: can't write to standard output\n";
      return kExitUsage;
    }
    return kExitOk;
  } catch (const FileError& e) {
    std::cerr << "kjv_lm: " << e.what() << "\n";
    return kExitUsage;
  } catch (const NotFinite& e) {
    std::cerr << "kjv_lm: method '" << options.method << "': " << e.what() << "\n";
    return kExitNegative;
  } catch (const leet::Exception& e) {
    std::cerr << "kjv_lm: " << e.what() << "\n";
    return exit_code(stage, e.status());
  } catch (const std::exception& e) {
    std::cerr << "kjv_lm: " << e.what() << "\n";
    return kExitInternal;
  }
}

}  // namespace
}  // namespace kjv_lm

int main(int argc, char** argv) {
  const auto parsed = kjv_lm::parse_options(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return kjv_lm::run(std::get<kjv_lm::Options>(parsed));
}
