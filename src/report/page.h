// The page of a collected report: one self-contained HTML file, its sections in page_*.h. No network, no
// external script, no external font.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string render_html(const Json& report);  // report: of collect_report

}  // namespace pope
