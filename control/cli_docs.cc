#include "control/cli_docs.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <set>
#include <vector>

namespace rampart::control {
namespace {

using Commands = std::vector<const CLI::App*>;

Commands commands_of(const CLI::App& app) { return app.get_subcommands([](const CLI::App*) { return true; }); }

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* o) { return o->nonpositional(); });
}

/// "--config", "-c" of an option.
std::vector<std::string> flags_of(const CLI::Option& option) {
  std::vector<std::string> out;
  for (const auto& name : option.get_lnames()) out.push_back("--" + name);
  for (const auto& name : option.get_snames()) out.push_back("-" + name);
  return out;
}

std::vector<std::string> names_of(const CLI::App& command) {
  std::vector<std::string> out = {command.get_name()};
  for (const auto& alias : command.get_aliases()) out.push_back(alias);
  return out;
}

/// Of an argument that takes one of a few words: those words, which CLI11 shows as `{a,b}`.
std::string choices_of(const CLI::Option& argument) {
  const std::string type = argument.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  std::string words = type.substr(open + 1, close - open - 1);
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

/// Calls visit(path of command names, command) for the root and everything below.
template <class Visit>
void walk(const CLI::App& app, const std::string& path, Visit visit) {
  visit(path, app);
  for (const CLI::App* command : commands_of(app)) {
    for (const auto& name : names_of(*command)) walk(*command, path.empty() ? name : path + " " + name, visit);
  }
}

/// Words that may follow a command: its subcommands and flags, and the root's flags, which are valid everywhere.
std::string words_after(const CLI::App& app, const CLI::App& root) {
  std::string out;
  const auto add = [&](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
  for (const CLI::App* command : commands_of(app)) {
    for (const auto& name : names_of(*command)) add(name);
  }
  for (const CLI::Option* option : options_of(app)) {
    for (const auto& flag : flags_of(*option)) add(flag);
  }
  for (const CLI::Option* argument : app.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    if (const auto choices = choices_of(*argument); !choices.empty()) add(choices);
  }
  if (&app == &root) return out;
  for (const CLI::Option* option : options_of(root)) {
    for (const auto& flag : flags_of(*option)) {
      if (flag != "--help" && flag != "-h") add(flag);
    }
  }
  return out;
}

std::string quoted_for_shell(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Escapes what roff would read as a request or as something else than a plain character.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out.push_back(c);
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out.insert(0, "\\&");
  return out;
}

void append_option(std::string& page, const CLI::Option& option) {
  std::string names;
  for (const auto& flag : flags_of(option)) names += (names.empty() ? "" : ", ") + flag;
  page += ".TP\n.B " + roff(names) + "\n" + roff(option.get_description()) + "\n";
  if (!option.get_default_str().empty()) page += "Default: " + roff(option.get_default_str()) + ".\n";
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string paths, with_value;
  std::set<std::string> seen;
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    if (!path.empty()) paths += (paths.empty() ? "" : "|") + quoted_for_shell(path);
    for (const CLI::Option* option : options_of(app)) {
      if (option->get_items_expected_max() == 0) continue;
      for (const auto& flag : flags_of(*option))
        if (seen.insert(flag).second) with_value += (with_value.empty() ? "" : "|") + flag;
    }
  });
  std::string out =
      "# bash completion for rampart; load with: source <(rampart completion bash)\n"
      "_rampart() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} path= word value=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    if [ -n \"$value\" ]; then value=; continue; fi\n"
      "    case $word in\n"
      "      " + with_value + ") value=1 ;;\n"
      "      -*) ;;\n"
      "      *) case \"${path:+$path }$word\" in " + paths + ") path=\"${path:+$path }$word\" ;; esac ;;\n"
      "    esac\n"
      "  done\n"
      "  local words\n"
      "  case $path in\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    out += "    " + quoted_for_shell(path) + ") words=" + quoted_for_shell(words_after(app, root)) + " ;;\n";
  });
  out +=
      "    *) words= ;;\n"
      "  esac\n"
      "  if [ \"${COMP_WORDS[COMP_CWORD-1]}\" = --config ] || [ \"${COMP_WORDS[COMP_CWORD-1]}\" = -c ]; then\n"
      "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "  fi\n"
      "}\n"
      "complete -F _rampart rampart\n";
  return out;
}

std::string zsh_completion(const CLI::App& root) {
  return "#compdef rampart\n# zsh completion for rampart; load with: source <(rampart completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(root);
}

std::string fish_completion(const CLI::App& root) {
  std::string out = "# fish completion for rampart; load with: rampart completion fish | source\ncomplete -c rampart -f\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    const std::string last = path.substr(path.rfind(' ') == std::string::npos ? 0 : path.rfind(' ') + 1);
    const std::string when = path.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + last;
    for (const CLI::App* command : commands_of(app)) {
      for (const auto& name : names_of(*command)) {
        out += "complete -c rampart -n " + quoted_for_shell(when) + " -a " + name + " -d " +
               quoted_for_shell(command->get_description()) + "\n";
      }
    }
    for (const CLI::Option* option : options_of(app)) {
      out += "complete -c rampart";
      if (!path.empty()) out += " -n " + quoted_for_shell(when);
      for (const auto& name : option->get_lnames()) out += " -l " + name;
      for (const auto& name : option->get_snames()) out += " -s " + name;
      out += " -d " + quoted_for_shell(option->get_description()) + "\n";
    }
  });
  return out;
}

std::string manual_page(const CLI::App& root, const std::string& version) {
  std::string page = ".TH RAMPART 1 \"\" \"rampart " + roff(version) + "\" \"User Commands\"\n.SH NAME\nrampart \\- " +
                     roff(root.get_description()) +
                     "\n.SH SYNOPSIS\n.B rampart\n[\\fIoptions\\fR] [\\fIcommand\\fR]\n.SH OPTIONS\n"
                     "These are valid with every command.\n";
  for (const CLI::Option* option : options_of(root)) append_option(page, *option);
  page += ".SH COMMANDS\n";
  const auto section = [&](const auto& self, const CLI::App& app, const std::string& path) -> void {
    for (const CLI::App* command : commands_of(app)) {
      const std::string name = path + command->get_name();
      page += ".SS " + roff(name) + "\n" + roff(command->get_description()) + "\n";
      for (const auto& alias : command->get_aliases()) page += ".br\nAlso: " + roff(path + alias) + "\n";
      for (const CLI::Option* option : options_of(*command)) {
        if (option->get_lnames() != std::vector<std::string>{"help"}) append_option(page, *option);
      }
      self(self, *command, name + " ");
    }
  };
  section(section, root, "");
  page +=
      ".SH EXIT STATUS\n0 on success, 1 on any error. lists test: 1 when an expectation is not met, 2 when its input "
      "cannot be used.\n"
      ".SH ENVIRONMENT\n"
      ".TP\n.B RAMPART_API\nAddress of the API, host:port or https://host:port. A flag wins over it; it wins "
      "over the configuration.\n"
      ".TP\n.B RAMPART_API_TOKEN\nBearer token for the API.\n"
      ".TP\n.B RAMPART_API_CA_FILE\nCertificates (PEM) to trust instead of the system\\(aqs authorities.\n"
      ".TP\n.B RAMPART_CONFIG_FILE, BLOCKY_CONFIG_FILE, CONFIG_FILE\nConfiguration, when \\-\\-config is not given.\n";
  return page;
}

}  // namespace rampart::control
