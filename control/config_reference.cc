#include "control/config_reference.h"

#include <string_view>
#include <vector>

#include "control/config_schema.h"

namespace rampart::control {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const auto dot = path.find('.', from);
    parts.emplace_back(path.substr(from, dot - from));
    if (dot == std::string_view::npos) return parts;
    from = dot + 1;
  }
}

/// `|` would end a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string bounds_of(const ConfigRow& row) {
  const Limits none;
  const bool is_duration = row.type() == Duration::type(), is_size = row.type() == Bytes::type();
  const auto print = [&](std::int64_t value) {
    return is_duration ? Duration::print(Milliseconds(value))
           : is_size   ? Bytes::print({static_cast<std::uint64_t>(value)})
                       : std::to_string(value);
  };
  const bool has_min = row.limits.min != none.min, has_max = row.limits.max != none.max;
  const std::string otherwise = row.limits.or_default ? ", else the default" : "";
  if (has_min && has_max) return ", " + print(row.limits.min) + " to " + print(row.limits.max) + otherwise;
  if (has_min) return ", at least " + print(row.limits.min) + otherwise;
  return has_max ? ", at most " + print(row.limits.max) + otherwise : "";
}

void append_rows(std::string& out, const std::vector<const ConfigRow*>& rows) {
  static const Config defaults;
  out += "| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
  for (const auto* row : rows) {
    out += "| `" + std::string(row->path) + "` | " + cell(row->type() + bounds_of(*row)) + " | `" +
           cell(row->print(defaults)) + "` | ";
    if (row->origin == Origin::kOurs) out += "*(Rampart only)* ";
    if (row->effect == Effect::kNotYet) out += "*(no effect yet)* ";
    out += cell(row->doc) + " |\n";
  }
  out += "\n";
}

constexpr const char* kIntroduction = R"(# Configuration

<!-- Generated from control/config_schema.cc. RAMPART_UPDATE_GOLDEN=1 tools/test rewrites it. -->

`rampart --config PATH` reads a YAML file, or a folder whose `*.yml` and `*.yaml` files are merged in the order of
their paths: maps key by key, anything else is replaced by the later file. Without `--config` the path is taken from
`RAMPART_CONFIG_FILE`, `BLOCKY_CONFIG_FILE` or `CONFIG_FILE`, else it is `./config.yml`. A configuration of Blocky works
as it is. Unknown keys, keys that are given twice and values out of bounds are faults; `rampart validate` prints all
of them at once, with line, column and cure. Where the type says "else the default", a value out of bounds is no
fault, as for Blocky: the default is used, with a WARN. A key without a value keeps its default.

Keys marked *(Rampart only)* are unknown to Blocky. Keys marked *(no effect yet)* are read and checked, and one WARN at
start says that nothing comes of them.

| Type | How it is written |
|---|---|
| duration | numbers with units `ns`, `us`, `ms`, `s`, `m`, `h`: `500ms`, `1h30m`. A number without unit means minutes, with a WARN |
| size | a number with `KiB`, `MiB`, `GiB` (or `KB`, `MB`, `GB`), or bytes |
| secret | the text itself, or `file:PATH`: the file's content without its last line end |
| source | a URL, a path (relative to the working directory), or the lines themselves behind `\|` |
| upstream | `[net:]host[:port][/path][#commonName]`, net one of `tcp+udp` (default), `tcp-tls`, `https`, `quic`; or a stamp `sdns://…` |
| listen addresses | `53`, `:53`, `192.0.2.1:53`, `[2001:db8::1]:53`, or a list of these |
| bool | `true`, `false`, and the other words of YAML 1.1 |

)";

}  // namespace

std::string markdown_reference() {
  std::string out = kIntroduction;
  std::vector<std::string> sections;
  for (const auto& row : config_rows()) {
    const std::string first = split(row.path)[0];
    bool is_new = true;
    for (const auto& section : sections) is_new &= section != first;
    if (is_new) sections.push_back(first);
  }
  for (const auto& section : sections) {
    std::vector<const ConfigRow*> rows;
    for (const auto& row : config_rows()) {
      if (split(row.path)[0] == section) rows.push_back(&row);
    }
    out += "## " + section + "\n\n";
    if (const auto doc = section_doc(section); !doc.empty()) out += std::string(doc) + "\n\n";
    append_rows(out, rows);
  }
  out += "## Deprecated keys\n\nStill accepted, each with a WARN; ignored, with an ERROR, where the replacement is set too.\n\n"
         "| Key | Replacement |\n|---|---|\n";
  for (const auto& key : deprecated_keys()) {
    out += "| `" + std::string(key.path) + "` | `" + key.replacement + "`";
    switch (key.kind) {
      case DeprecatedKey::Kind::kRenamed: break;
      case DeprecatedKey::Kind::kFailOnError: out += ": `true` is `failOnError`"; break;
      case DeprecatedKey::Kind::kVerify: out += ": `true` is `failOnError`, `false` is `fast`"; break;
      case DeprecatedKey::Kind::kFilterAaaa: out += ": `true` adds `AAAA`"; break;
      case DeprecatedKey::Kind::kAppendedSource: out += ": one more source"; break;
    }
    out += " |\n";
  }
  return out;
}

std::string default_yaml() {
  static const Config defaults;
  std::string out = "# Every key of Rampart with its default. docs/configuration.md says more.\n";
  // Rows of a section stand together; a stack of open sections tells which headings to write.
  std::vector<std::string> written;
  for (const auto& section_row : config_rows()) {
    const std::string top = split(section_row.path)[0];
    bool is_new = true;
    for (const auto& name : written) is_new &= name != top;
    if (!is_new) continue;
    written.push_back(top);
    std::vector<std::string> open;
    for (const auto& row : config_rows()) {
      const auto parts = split(row.path);
      if (parts[0] != top) continue;
      std::size_t same = 0;
      while (same < open.size() && same + 1 < parts.size() && open[same] == parts[same]) ++same;
      open.resize(same);
      for (; open.size() + 1 < parts.size(); open.push_back(parts[open.size()])) {
        out += std::string(2 * open.size(), ' ') + parts[open.size()] + ":\n";
      }
      const std::string indent(2 * open.size(), ' ');
      out += indent + "# " + row.doc + "\n" + indent + parts.back() + ": " + row.print(defaults) + "\n";
    }
  }
  return out;
}

}  // namespace rampart::control
