#include "control/config_loader.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "control/certificate_check.h"
#include "control/config_check.h"
#include "control/config_schema.h"
#include "control/config_tree.h"

namespace rampart::control {
namespace {

namespace fs = std::filesystem;

/// A folder of this many files is not a configuration.
constexpr std::size_t kConfigFilesMax = 1000;

std::optional<std::string> read_file(const std::string& path, Findings& findings) {
  const Place place{std::make_shared<const std::string>(path), 0, 0};
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    findings.unread(place, "", std::string("can't read config file(s): ") + std::strerror(errno));
    return std::nullopt;
  }
  std::string text;
  char block[65536];
  do {
    file.read(block, sizeof block);
    text.append(block, static_cast<std::size_t>(file.gcount()));
  } while (file && text.size() <= kConfigFileBytesMax);
  if (file.bad()) {
    findings.unread(place, "", "can't read config file(s)");
    return std::nullopt;
  }
  return text;
}

std::vector<std::string> files_of(const std::string& folder, Findings& findings) {
  std::vector<std::string> files;
  const Place place{std::make_shared<const std::string>(folder), 0, 0};
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const auto extension = it->path().extension();
    std::error_code ignored;
    if ((extension == ".yml" || extension == ".yaml") && it->is_regular_file(ignored)) files.push_back(it->path());
    if (files.size() > kConfigFilesMax) {
      findings.unread(place, "", "holds more than " + std::to_string(kConfigFilesMax) + " files");
      return {};
    }
  }
  if (ec) findings.unread(place, "", "can't read config file(s): " + ec.message());
  std::sort(files.begin(), files.end());
  return files;
}

class Loader {
 public:
  explicit Loader(const std::string& name, CertificateFiles certificate_files = CertificateFiles::kLeave)
      : certificate_files_(certificate_files), places_(Place{std::make_shared<const std::string>(name), 0, 0}) {}

  Findings findings;

  /// All documents of one text; a folder merges them, of a file only the first counts.
  void add(std::string_view text, const std::string& file_name, bool all_documents) {
    auto documents = parse_yaml(text, file_name, findings);
    if (!all_documents && documents.size() > 1) {
      findings.warn(documents[1]->place, "", "only the first document of a file is used; make a folder of files to merge several");
      documents.resize(1);
    }
    for (const auto& document : documents) {
      if (!document->is_map()) {
        findings.unread(document->place, "", "must hold keys and values ('key: value'), not " + describe(*document));
        continue;
      }
      root_ = root_ ? merge(root_, document) : document;
    }
  }

  base::Result<LoadedConfig, std::vector<Fault>> finish(std::vector<std::string> files) {
    if (root_ && root_->size > kConfigNodesMax) {
      findings.unread(places_.whole(), "", "stands for more than " + std::to_string(kConfigNodesMax) + " values");
    } else if (root_) {
      read_section(*root_, "");
      migrate();
    }
    if (findings.has_read_all()) check(config_, places_, findings);
    if (certificate_files_ == CertificateFiles::kTry) check_certificate(config_, places_, findings);
    if (auto faults = findings.take_faults(); !faults.empty()) return base::Error{std::move(faults)};
    return LoadedConfig{std::move(config_), findings.take_warnings(), std::move(files)};
  }

 private:
  struct UsedDeprecated {
    const DeprecatedKey* key;
    Place place;
    ConfigNodePtr value;
  };

  void read_section(const ConfigNode& section, const std::string& prefix) {
    for (const auto& entry : section.entries) {
      const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
      if (entry.key.find('.') != std::string::npos) {  // `ports.dns: 53` is one key, not a path
        report_unknown(entry, prefix, path);
      } else if (const auto* row = find_row(path)) {
        read_row(*row, entry);
      } else if (is_section(path)) {
        // A section without a value keeps its defaults.
        places_.add(path, entry.place, entry.value);
        if (entry.value->is_map()) {
          read_section(*entry.value, path);
        } else if (!entry.value->is_null()) {
          findings.fault(entry.value->place, path, "must hold keys and values, not " + describe(*entry.value));
        }
      } else if (const auto* deprecated = find_deprecated(path)) {
        if (!entry.value->is_null()) deprecated_.push_back({deprecated, entry.place, entry.value});
      } else {
        report_unknown(entry, prefix, path);
      }
    }
  }

  void read_row(const ConfigRow& row, const ConfigNode::Entry& entry) {
    places_.add(row.path, entry.place, entry.value);
    ReadContext context{findings, row.path, row.limits, {}};
    row.read(context, *entry.value, config_);
    static const Config defaults;
    // What asks for nothing needs no effect.
    if (row.effect == Effect::kNotYet && row.print(config_) != row.print(defaults)) {
      findings.warn(entry.place, row.path, "is accepted, but has no effect yet");
    }
  }

  static const DeprecatedKey* find_deprecated(std::string_view path) {
    for (const auto& key : deprecated_keys()) {
      if (key.path == path) return &key;
    }
    return nullptr;
  }

  void report_unknown(const ConfigNode::Entry& entry, const std::string& prefix, const std::string& path) {
    if (findings.is_full()) return findings.fault(entry.place, path, "is an unknown key");
    const std::size_t skip = prefix.empty() ? 0 : prefix.size() + 1;
    std::vector<std::string> siblings;
    std::string elsewhere;
    for (const auto& row : config_rows()) {
      const std::string whole = row.path;
      if (prefix.empty() || whole.compare(0, skip, prefix + ".") == 0) {
        siblings.push_back(whole.substr(skip, whole.find('.', skip) - skip));
      }
      const auto dot = whole.rfind('.');
      if (elsewhere.empty() && dot != std::string::npos && whole.substr(dot + 1) == entry.key) elsewhere = whole;
    }
    std::string message = "is an unknown key";
    if (find_row(path) != nullptr || is_section(path)) {
      message += "; write its parts as keys below each other, indented";
    } else if (const auto near = nearest(entry.key, siblings); !near.empty()) {
      message += "; did you mean " + (prefix.empty() ? near : prefix + "." + near) + "?";
    } else if (!elsewhere.empty()) {
      message += "; did you mean " + elsewhere + "? Then move it there";
    } else {
      message += "; remove it, or see docs/configuration.md for all keys";
    }
    findings.fault(entry.place, path, message);
  }

  void migrate() {
    static const Config defaults;
    for (const auto& used : deprecated_) {
      const DeprecatedKey& key = *used.key;
      const ConfigRow& row = *find_row(key.replacement);
      const std::string use = std::string("is deprecated; use ") + key.replacement;
      ConfigNodePtr value = used.value;
      const bool adds = key.kind == DeprecatedKey::Kind::kFilterAaaa || key.kind == DeprecatedKey::Kind::kAppendedSource;
      if (!adds && row.print(config_) != row.print(defaults)) {
        findings.error(used.place, key.path, use + ", which is set as well, so this one is ignored");
        continue;
      }
      ReadContext context{findings, key.path, row.limits, {}};
      if (key.kind == DeprecatedKey::Kind::kAppendedSource) {
        blocklists::SourceSpec source;
        const std::size_t faults = findings.faults().size();
        ListSourceText::read(context, *value, source);
        if (findings.faults().size() == faults) config_.hosts_file.sources.push_back(std::move(source));
        findings.warn(used.place, key.path, use);
        continue;
      }
      if (key.kind == DeprecatedKey::Kind::kRenamed) {
        findings.warn(used.place, key.path, use);
      } else {
        bool is_set = false;
        Bool::read(context, *value, is_set);
        value = nullptr;
        auto word = std::make_shared<ConfigNode>(*used.value);
        word->kind = ConfigNode::Kind::kScalar;
        if (key.kind == DeprecatedKey::Kind::kFilterAaaa) {
          auto& types = config_.filtered_query_types;
          const bool has = std::find(types.begin(), types.end(), dns::RrType::kAaaa) != types.end();
          if (is_set && !has) types.push_back(dns::RrType::kAaaa);
          findings.warn(used.place, key.path, use + ": [AAAA]");
        } else if (is_set || key.kind == DeprecatedKey::Kind::kVerify) {
          word->text = is_set ? "failOnError" : "fast";
          value = word;
          findings.warn(used.place, key.path, use + ": " + word->text);
        } else {
          findings.warn(used.place, key.path, use);
        }
      }
      if (value) {
        places_.add(row.path, used.place, used.value, false);
        row.read(context, *value, config_);
        if (row.effect == Effect::kNotYet && row.print(config_) != row.print(defaults)) {
          findings.warn(used.place, row.path, "is accepted, but has no effect yet");
        }
      }
    }
    if (!deprecated_.empty()) {
      findings.error(places_.whole(), "", "deprecated options are in use; each is named above or below with its replacement");
    }
  }

  const CertificateFiles certificate_files_;
  ConfigNodePtr root_;
  Config config_;
  ConfigPlaces places_;
  std::vector<UsedDeprecated> deprecated_;
};

}  // namespace

base::Result<LoadedConfig, std::vector<Fault>> load(const std::string& path, CertificateFiles certificate_files) {
  std::error_code ec;
  if (!fs::is_directory(path, ec)) {
    Loader loader(path, certificate_files);
    if (auto text = read_file(path, loader.findings)) {
      loader.add(*text, path, false);
      return loader.finish({path});
    }
    return base::Error{loader.findings.take_faults()};
  }
  Loader loader((fs::path(path) / "*").string(), certificate_files);
  const auto files = files_of(path, loader.findings);
  for (const auto& file : files) {
    if (auto text = read_file(file, loader.findings)) loader.add(*text, file, true);
  }
  return loader.finish(files);
}

base::Result<LoadedConfig, std::vector<Fault>> load_text(std::string_view text, const std::string& name) {
  Loader loader(name);
  loader.add(text, name, false);
  return loader.finish({});
}

std::string config_path(const std::optional<std::string>& option) {
  if (option && *option != kDefaultConfigPath) return *option;
  for (const char* name : {"RAMPART_CONFIG_FILE", "BLOCKY_CONFIG_FILE", "CONFIG_FILE"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return kDefaultConfigPath;
}

}  // namespace rampart::control
