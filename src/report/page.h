// The page of a collected report: one self-contained HTML file, its sections in page_*.h. No network, no
// external script, no external font.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string render_html(const Json& report);  // report: of collect_report or collect_live_report

// What a page that follows runs takes over from `update` (the address it asks, relative to its own), so that
// it looks as if it were rendered from `report`:
// {"nav": html, "sections": [{"id", "html"}], "data": what the page embeds}
Json page_update(const Json& report);

}  // namespace pope
