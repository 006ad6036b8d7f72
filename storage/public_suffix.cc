#include "storage/public_suffix.h"

#include <libpsl.h>

namespace rampart::storage {

void effective_tld_plus_one(const std::string& name, std::string& out) {
  static const psl_ctx_t* const list = psl_builtin();  // read-only data of the library
  out.clear();
  if (list == nullptr || name.empty()) return;
  if (const char* domain = psl_registrable_domain(list, name.c_str())) out = domain;
}

}  // namespace rampart::storage
