// The registrable domain (public suffix and one label more) of a name, as the databases' `effective_tldp` column
// holds it.
#pragma once

#include <string>

namespace rampart::storage {

/// `name`: lower case, without final dot. Writes "" if the name is itself a public suffix.  Thread  any.
void effective_tld_plus_one(const std::string& name, std::string& out);

}  // namespace rampart::storage
