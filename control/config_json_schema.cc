#include "control/config_json_schema.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "control/config_schema.h"

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

bool starts_with(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

/// A key without a value keeps its default, so null fits everywhere.
Json types_of(const std::string& form) {
  if (form == Bool::type()) return {"boolean", "string", "null"};  // YAML 1.1's other words are texts to JSON
  if (form == "integer") return {"integer", "string", "null"};     // 0x10 and 1_000 are texts to JSON
  if (form == Duration::type() || form == Bytes::type()) return {"string", "integer", "null"};
  if (form == ListenAddresses::type()) return {"string", "integer", "array", "null"};
  if (starts_with(form, "list of ")) return {"array", "null"};
  if (starts_with(form, "map of ") || form == ScheduleForm::type()) return {"object", "null"};
  if (form == Bootstrap::type()) return {"string", "object", "array", "null"};
  return {"string", "number", "boolean", "null"};
}

Json leaf(const ConfigRow& row) {
  const std::string form = row.type();
  Json out{{"type", types_of(form)}, {"description", std::string(row.doc) + " (" + form + ")"}};
  const Limits none;
  if (form == "integer" && !row.limits.or_default) {
    if (row.limits.min != none.min) out["minimum"] = row.limits.min;
    if (row.limits.max != none.max) out["maximum"] = row.limits.max;
  }
  return out;
}

/// Puts `value` at a path with dots; sections on the way are made as needed.
void put(Json& root, std::string_view path, Json value) {
  Json* section = &root;
  for (std::size_t from = 0;;) {
    const std::size_t dot = path.find('.', from);
    const std::string name(path.substr(from, dot - from));
    Json& properties = (*section)["properties"];
    if (dot == std::string_view::npos) {
      properties[name] = std::move(value);
      return;
    }
    Json& next = properties[name];
    if (next.is_null()) {
      next = Json{{"type", {"object", "null"}}, {"additionalProperties", false}, {"properties", Json::object()}};
      if (const auto doc = section_doc(path.substr(0, dot)); !doc.empty()) next["description"] = std::string(doc);
    }
    section = &next;
    from = dot + 1;
  }
}

}  // namespace

std::string config_json_schema() {
  Json root{{"$schema", "http://json-schema.org/draft-07/schema#"},
            {"title", "Configuration of Rampart"},
            {"type", "object"},
            {"additionalProperties", false},
            {"properties", Json::object()}};
  for (const ConfigRow& row : config_rows()) put(root, row.path, leaf(row));
  for (const DeprecatedKey& key : deprecated_keys()) {
    if (is_section(key.path)) continue;  // the section's name is in use again
    put(root, key.path, Json{{"deprecated", true}, {"description", std::string("Use ") + key.replacement + "."}});
  }
  return root.dump(2) + "\n";
}

}  // namespace rampart::control
