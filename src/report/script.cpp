// The page's script: the rollout browser, and a readout of the charts. Text from runs enters the page as text
// nodes only, never as markup.
#include "report/script.h"

namespace pope {

const char* const kScript = R"js(
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const make = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
};
const color = label => { const m = data.methods.find(m => m.label === label); return "c" + (m ? m.color : 0); };

// Charts: the values at the step under the pointer, or chosen with the arrow keys.
const short = v => Math.abs(v) >= 10000 ? (v / 1000).toPrecision(3) + "k" : String(+v.toPrecision(3));
document.querySelectorAll("figure[data-curve]").forEach(figure => {
  const svg = figure.querySelector("svg"), out = figure.querySelector(".readout");
  if (!svg) return;
  const curve = data.curves[+figure.dataset.curve];
  const [low, high, from, to] = svg.dataset.x.split(" ").map(Number), [top, bottom] = svg.dataset.y.split(" ").map(Number);
  const steps = [...new Set(curve.series.flatMap(s => s.x))].sort((a, b) => a - b);
  const cursor = document.createElementNS(svg.namespaceURI, "line");
  cursor.setAttribute("class", "cursor");
  let at = steps.length;
  const show = i => {
    at = Math.max(0, Math.min(steps.length - 1, i));
    const step = steps[at], x = from + (step - low) / (high - low) * (to - from);
    for (const [k, v] of [["x1", x], ["x2", x], ["y1", top], ["y2", bottom]]) cursor.setAttribute(k, v);
    svg.append(cursor);
    out.replaceChildren(make("span", "", "step " + short(step)));
    for (const s of curve.series) {
      let best = 0;
      s.x.forEach((v, j) => { if (Math.abs(v - step) < Math.abs(s.x[best] - step)) best = j; });
      const percent = curve.unit === "%", value = s.mean[best];
      const item = make("span", "tag");
      item.append(make("i", "mark " + color(s.method)), short(percent ? 100 * value : value) + (percent ? " %" : ""));
      item.title = s.method;
      out.append(item);
    }
  };
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const step = low + (x - from) / (to - from) * (high - low);
    let best = 0;
    steps.forEach((v, i) => { if (Math.abs(v - step) < Math.abs(steps[best] - step)) best = i; });
    show(best);
  });
  svg.addEventListener("keydown", event => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) { event.preventDefault(); show(at + move); }
  });
  const hide = () => { cursor.remove(); out.replaceChildren(); at = steps.length; };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
});

// Rollouts.
if (!$("list")) return;
const rows = data.rollouts, page = 20;
rows.forEach(r => { r.prompt = r.guided ? "guided" : "unguided"; r.all = (r.problem_id + "\n" + r.problem + "\n" + r.completion).toLowerCase(); });
const filters = { "f-method": "method", "f-set": "set", "f-guided": "prompt", "f-verdict": "verdict" };
for (const [id, key] of Object.entries(filters)) {
  $(id).append(new Option("all", ""));
  [...new Set(rows.map(r => r[key]))].forEach(value => $(id).append(new Option(value, value)));
}
const part = (title, text, cls) => {
  const box = make("div", cls || "");
  box.append(make("h4", "", title), make("div", "text", text || "–"));
  return box;
};
const card = r => {
  const box = make("details", "rollout"), head = make("summary");
  const name = make("span", "tag");
  name.append(make("i", "mark " + color(r.method)), r.method);
  const where = r.set === r.prompt ? [r.prompt, r.problem_id] : [r.set, r.prompt, r.problem_id];
  if (r.step !== null) where.push("step " + r.step);
  if (r.tokens !== null) where.push(r.tokens + " tokens");
  head.append(make("span", "chip " + r.verdict, r.verdict), name, make("span", "muted", where.join(" · ")),
              make("span", "what", r.problem));
  box.append(head);
  box.addEventListener("toggle", () => {
    if (!box.open || box.children.length > 1) return;
    const body = make("div", "body"), answers = make("div", "answers");
    body.append(part("Problem", r.problem));
    if (r.guided) body.append(part("Privileged guidance — input only", r.guidance, "guidance"));
    body.append(part("Completion", r.completion));
    answers.append(part("Verdict", r.verdict + (r.reason ? ": " + r.reason : "")), part("Extracted answer", r.extracted),
                   part("Reference answer", r.answer), part("Run", r.run));
    body.append(answers);
    box.append(body);
  });
  return box;
};
let found = [], shown = 0;
const more = () => {
  found.slice(shown, shown + page).forEach(r => $("list").append(card(r)));
  shown = Math.min(found.length, shown + page);
  $("more").hidden = shown >= found.length;
};
const filter = () => {
  const words = $("f-text").value.toLowerCase().split(/\s+/).filter(Boolean);
  found = rows.filter(r => Object.entries(filters).every(([id, key]) => !$(id).value || r[key] === $(id).value) &&
                           words.every(word => r.all.includes(word)));
  $("list").replaceChildren();
  shown = 0;
  more();
  $("count").textContent = found.length + " of " + rows.length + " rollouts";
};
document.querySelector(".filters").addEventListener("input", filter);
document.querySelector(".filters").addEventListener("submit", event => event.preventDefault());
$("more").addEventListener("click", more);
filter();
if ($("list").firstChild) $("list").firstChild.open = true;
})();
)js";

}  // namespace pope
