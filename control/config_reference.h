// What the rows of the schema say, for people: the reference in docs/ and a file of all defaults.
#pragma once

#include <string>

namespace rampart::control {

/// docs/configuration.md.
[[nodiscard]] std::string markdown_reference();
/// A YAML file with every key at its default, each behind its sentence. It reads back as the defaults.
[[nodiscard]] std::string default_yaml();

}  // namespace rampart::control
