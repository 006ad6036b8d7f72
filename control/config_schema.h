// One row for each key of the configuration. The row reads and bounds the value, names what it is for, and is all
// that the reference, the default file and the did-you-mean of unknown keys are made of. Defaults are not repeated
// here: they are what a Config holds by itself.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "control/config_forms.h"

namespace rampart::control {

enum class Effect : std::uint8_t {
  kWorks,
  kNotYet,  ///< read and checked, but nothing comes of it: said with one WARN when it asks for something
};

enum class Origin : std::uint8_t { kBlocky, kOurs };

struct ConfigRow {
  const char* path;  ///< `upstreams.init.strategy`
  const char* doc;   ///< one sentence
  Limits limits;
  Effect effect;
  Origin origin;
  std::string (*type)();
  void (*read)(ReadContext& context, const ConfigNode& node, Config& config);
  std::string (*print)(const Config& config);  ///< YAML in one line
};

/// All keys, sections together, in the order of the reference.
[[nodiscard]] std::span<const ConfigRow> config_rows();
[[nodiscard]] const ConfigRow* find_row(std::string_view path);
/// Whether `path` is the beginning of a row's path, up to a dot: `upstreams.init`.
[[nodiscard]] bool is_section(std::string_view path);
/// What a section is for, or "" for the smaller ones.
[[nodiscard]] std::string_view section_doc(std::string_view path);

/// A key that Blocky has given up, and what we make of it.
struct DeprecatedKey {
  const char* path;
  const char* replacement;
  enum class Kind : std::uint8_t {
    kRenamed,         ///< the value is read as that of the replacement, unless the replacement is set itself
    kFailOnError,     ///< `true` means failOnError
    kVerify,          ///< `true` means failOnError, `false` fast
    kFilterAaaa,      ///< `true` adds AAAA to the replacement
    kAppendedSource,  ///< a text is added to the replacement's list
  } kind;
};
[[nodiscard]] std::span<const DeprecatedKey> deprecated_keys();

}  // namespace rampart::control
