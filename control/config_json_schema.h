// The configuration's form as JSON Schema, for editors: served under /docs/config.schema.json.
#pragma once

#include <string>

namespace rampart::control {

/// Made of the rows of config_schema.h, so it names every key that is read, deprecated ones included. It is a little
/// more generous than the reader: what a text may contain is said in the description, not as a pattern.
[[nodiscard]] std::string config_json_schema();

}  // namespace rampart::control
