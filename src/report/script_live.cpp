// A page that follows runs (`pope watch`) asks now and then what is new, and takes over the sections that
// have changed as the server has rendered them: what a reader has opened, sorted, filtered or scrolled to
// stays.
#include "report/script.h"

namespace pope {

const char* const kLiveScript = R"js(
// Times that run on: "12 s ago".
const ago = () => all(document, ".ago").forEach(node => {
  const s = Math.max(0, Math.round(Date.now() / 1000 - node.dataset.t));
  node.textContent = "wrote " + (s < 90 ? s + " s" : s < 5400 ? Math.round(s / 60) + " min" : Math.round(s / 3600) + " h") + " ago";
});

// What a reader did to a section, and the same done to another one.
const kept_of = section => ({
  open: new Map(all(section, "details").map(node => [node.id || node.querySelector("summary").textContent, node.open])),
  sorted: all(section, "[aria-sort]").map(head => [all(section, "th[data-col]").indexOf(head), head.getAttribute("aria-sort")]),
  scrolled: all(section, ".scroll, .tree, .text, .readout").map(node => [node.scrollLeft, node.scrollTop]),
});
const put_back = (section, kept) => {
  all(section, "details").forEach(node => {
    const open = kept.open.get(node.id || node.querySelector("summary").textContent);
    if (open !== undefined) node.open = open;
  });
  kept.sorted.forEach(([place, order]) => {
    const head = all(section, "th[data-col]")[place];
    if (head) sort_table(head, order === "descending");
  });
  all(section, ".scroll, .tree, .text, .readout").forEach((node, i) => {
    if (kept.scrolled[i]) [node.scrollLeft, node.scrollTop] = kept.scrolled[i];
  });
};

const shown_html = new Map();  // section → its HTML as the server gave it
const take = update => {
  data = update.data;
  const main = document.querySelector("main"), nav = document.querySelector("nav");
  if (nav.innerHTML !== update.nav) nav.innerHTML = update.nav;
  const fresh = [], kept = new Map();
  const sections = update.sections.map(({ id, html }) => {
    const old = main.querySelector(":scope > #" + id);
    if (old && (shown_html.get(id) === html || id === "rollouts")) return old;  // rollouts are taken from data
    const box = make("div");
    box.innerHTML = html;
    const section = box.firstElementChild;
    if (old) kept.set(section, kept_of(old));
    shown_html.set(id, html);
    fresh.push(section);
    return section;
  });
  arrange(main, sections);
  fresh.forEach(section => {
    wire(section);
    if (kept.has(section)) put_back(section, kept.get(section));
    if (section.id === "rollouts") start_rollouts();
  });
  if ($("list") && !fresh.some(section => section.id === "rollouts")) take_rollouts();
  show();
  ago();
};

if (data.every_s) {
  let tag = "", heard = Date.now(), busy = false;
  const say = text => { $("heard").textContent = text; };
  const ask = async () => {
    if (busy || document.hidden || !$("follow").checked) return;
    busy = true;
    try {
      const reply = await fetch("update", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (reply.ok) {
        const update = await reply.json();
        tag = reply.headers.get("ETag") || "";
        take(update);
      }
      if (reply.ok || reply.status === 304) heard = Date.now();
      const trouble = reply.headers.get("X-Pope-Trouble");
      say(trouble ? "The runs cannot be read just now, this is what was there before: " + decodeURIComponent(trouble) : "");
    } catch (error) {
      say("Nothing heard since " + new Date(heard).toLocaleTimeString() + ": pope watch seems to have ended.");
    } finally {
      busy = false;
    }
  };
  $("follow").addEventListener("change", ask);
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, data.every_s * 1000);
  setInterval(ago, 1000);
  ago();
  ask();
}
)js";

}  // namespace pope
