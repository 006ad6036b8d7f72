// The query log in the health document: the database (or file, or stdout) that takes entries, the spool where they
// wait while it is away, and the rings that carry them out of the workers.
#pragma once

#include "control/control_plane.h"
#include "storage/query_log_options.h"
#include "storage/query_log_stats.h"

namespace rampart::control {

/// Appends the components "queryLog", "spool" and "rings".
void append_query_log_health(const storage::QueryLogStats& stats, const storage::QueryLogOptions& options, bool is_required,
                             HealthReport& report);

}  // namespace rampart::control
