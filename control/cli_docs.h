// Shell completion and the manual page, generated from the command definitions themselves.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace rampart::control {

[[nodiscard]] std::string bash_completion(const CLI::App& root);
[[nodiscard]] std::string zsh_completion(const CLI::App& root);
[[nodiscard]] std::string fish_completion(const CLI::App& root);
/// rampart(1) in man(7) format.
[[nodiscard]] std::string manual_page(const CLI::App& root, const std::string& version);

}  // namespace rampart::control
