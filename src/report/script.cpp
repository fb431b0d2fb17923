// The first part of the page's script: what hides, sorts, saves and loads anew, and a readout of the charts.
// Text from runs enters the page as text nodes only, never as markup.
#include "report/script.h"

namespace pope {

const char* const kPageScript = R"js(
"use strict";
(() => {
let data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const all = (root, selector) => [...root.querySelectorAll(selector)];
const make = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
};
const classes = label => { const m = data.methods.find(m => m.label === label); return m ? m.classes : "c0"; };
// Makes `nodes` the children of `parent`; those that are there already do not move.
const arrange = (parent, nodes) => {
  const wanted = new Set(nodes);
  [...parent.children].forEach(node => { if (!wanted.has(node)) node.remove(); });
  nodes.forEach((node, i) => { if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null); });
};

// Methods: a click on a name in a legend hides what belongs to it, in charts and tables; the pointer there dims
// the others. What is hidden stays so when the page is loaded anew.
const state = history.state || {}, hidden = new Set(state.hidden);
const keep = () => history.replaceState({ hidden: [...hidden], reload: state.reload }, "");
const parts = () => all(document, "#results [data-m]:not(button), #curves [data-m]:not(button)");
const label_of = node => data.methods.find(m => m.color === +node.dataset.m)?.label;
const show = () => {
  all(document, "button[data-m]").forEach(b => b.setAttribute("aria-pressed", !hidden.has(label_of(b))));
  parts().forEach(node => node.toggleAttribute("hidden", hidden.has(label_of(node))));
  keep();
};
const wire_legends = root => {
  for (const button of all(root, "button[data-m]")) {
    const label = label_of(button);
    button.addEventListener("click", () => { hidden.delete(label) || hidden.add(label); show(); });
    const dim = on => {
      document.body.classList.toggle("fade", on && !hidden.has(label));
      parts().forEach(node => node.classList.toggle("hot", on && node.dataset.m === button.dataset.m));
    };
    button.addEventListener("pointerenter", () => dim(true));
    button.addEventListener("pointerleave", () => dim(false));
  }
  all(root, "button[data-all]").forEach(button => button.addEventListener("click", () => {
    hidden.clear();
    if (button.dataset.all === "hide") data.methods.forEach(m => hidden.add(m.label));
    show();
  }));
};

// Sorting: by the numbers in data-v or the text, run-2 before run-10; numbers the largest first.
const number = text => text.trim() === "" ? NaN : Number(text);
const compare = (a, b) => {
  const x = number(a), y = number(b);
  return isNaN(x) || isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
};
const sort_rows = (rows, value, falling) => {
  const parent = rows[0].parentNode;
  rows.sort((a, b) => compare(value(a), value(b)) * (falling ? -1 : 1)).forEach(row => parent.append(row));
};
const value_of = head => row => { const cell = row.cells[head.dataset.col]; return cell.dataset.v ?? cell.textContent; };
const sort_table = (head, falling) => {
  const table = head.closest("table");
  all(table, "[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  if (table.tBodies[0].rows.length) sort_rows([...table.tBodies[0].rows], value_of(head), falling);
};
const wire_tables = root => all(root, "th[data-col]").forEach(head => {
  const button = make("button", "sort");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const before = head.getAttribute("aria-sort"), rows = [...head.closest("table").tBodies[0].rows];
    sort_table(head, before ? before === "ascending" : rows.some(row => !isNaN(number(value_of(head)(row)))));
  });
});
const wire_dots = root => all(root, ".dots").forEach(figure => {
  const rows = all(figure, "[data-v]"), given = [...rows], button = make("button", "sort order");
  if (rows.length < 2) return;
  let sorted = false;
  const order = on => {
    sorted = on;
    button.textContent = on ? "in the order of the runs" : "by value";
    if (on) sort_rows(rows, row => row.dataset.v, true);
    else given.forEach(row => row.parentNode.append(row));
  };
  button.type = "button";
  button.addEventListener("click", () => order(!sorted));
  figure.querySelector("figcaption").append(button);
  order(false);
});

// Saving: CSV and JSON of a table or chart, made here from the page's own data.
const flat = (value, name) => value === null || typeof value !== "object" ? [[name, value]]
  : Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? name + "." + key : key));
const csv = rows => {
  const flats = rows.map(row => new Map(flat(row, ""))), names = [...new Set(flats.flatMap(row => [...row.keys()]))];
  const field = v => /[",\r\n]/.test(v ?? "") ? '"' + String(v).replaceAll('"', '""') + '"' : String(v ?? "");
  return [names, ...flats.map(row => names.map(name => row.get(name)))].map(row => row.map(field).join(",") + "\r\n").join("");
};
const rows_of = part => Array.isArray(part) ? part : !part.series ? [part] : part.series.flatMap(
  s => s.x.map((x, i) => ({ method: s.method ?? s.name, [s.method ? "step" : "x"]: x, mean: s.mean[i], low: s.low[i], high: s.high[i] })));
const wire_links = root => all(root, ".save").forEach(box => {
  const { part: path, ...only } = box.dataset;
  let part = path.split("/").reduce((value, key) => value?.[key], data);
  if (!part) return;
  if (Array.isArray(part)) part = part.filter(row => Object.entries(only).every(([key, v]) => String(row[key]) === v));
  const name = [part.key ?? part.title ?? path, ...Object.values(only)].join(" ").replace(/[^a-z0-9]+/gi, "-");
  for (const [kind, type, text] of [["CSV", "text/csv", () => csv(rows_of(part))],
                                    ["JSON", "application/json", () => JSON.stringify(part, null, 1)]]) {
    const link = make("a", "", kind);
    link.href = "#";
    link.download = name.replace(/-$/, "") + "." + kind.toLowerCase();
    link.addEventListener("click", () => { link.href = URL.createObjectURL(new Blob([text()], { type })); });
    box.append(link);
  }
});

// Charts: the values at the step under the pointer, or chosen with the arrow keys.
const short = v => {
  const [size, unit] = Math.abs(v) >= 1e6 ? [1e6, "M"] : Math.abs(v) >= 1e4 ? [1e3, "k"] : [1, ""];
  return +(v / size).toPrecision(4) + unit;
};
const wire_charts = root => all(root, "figure[data-curve]").forEach(figure => {
  const svg = figure.querySelector("svg"), out = figure.querySelector(".readout");
  if (!svg) return;
  const many = figure.closest(".many");  // their values stand with names, the largest first
  const curve = data.curves[+figure.dataset.curve];
  const [low, high, from, to] = svg.dataset.x.split(" ").map(Number), [top, bottom] = svg.dataset.y.split(" ").map(Number);
  const steps = [...new Set(curve.series.flatMap(s => s.x))].sort((a, b) => a - b);
  const cursor = document.createElementNS(svg.namespaceURI, "line");
  cursor.setAttribute("class", "cursor");
  let at = steps.length;
  const read = i => {
    at = Math.max(0, Math.min(steps.length - 1, i));
    const step = steps[at], x = from + (step - low) / (high - low) * (to - from);
    for (const [k, v] of [["x1", x], ["x2", x], ["y1", top], ["y2", bottom]]) cursor.setAttribute(k, v);
    svg.append(cursor);
    out.replaceChildren(make("span", "", "step " + short(step)));
    const percent = curve.unit === "%", values = curve.series.filter(s => !hidden.has(s.method)).map(s => {
      let best = 0;
      s.x.forEach((v, j) => { if (Math.abs(v - step) < Math.abs(s.x[best] - step)) best = j; });
      return { method: s.method, value: s.mean[best] };
    });
    if (many) values.sort((a, b) => b.value - a.value);
    for (const { method, value } of values) {
      const item = make("span", "tag"), text = short(percent ? 100 * value : value) + (percent ? " %" : "");
      item.append(make("i", "mark " + classes(method)), many ? method + " " + text : text);
      item.title = method;
      out.append(item);
    }
  };
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const step = low + (x - from) / (to - from) * (high - low);
    let best = 0;
    steps.forEach((v, i) => { if (Math.abs(v - step) < Math.abs(steps[best] - step)) best = i; });
    read(best);
  });
  svg.addEventListener("keydown", event => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) { event.preventDefault(); read(at + move); }
  });
  const hide = () => { cursor.remove(); out.replaceChildren(); at = steps.length; };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
});

const wire = root => [wire_legends, wire_tables, wire_dots, wire_links, wire_charts].forEach(one => one(root));
wire(document);
show();

// Loading anew, as long as the page is written anew.
if (data.watch) {
  const written = new Date(data.written * 1000), late = (Date.now() - written) / 1000 > 3 * data.watch + 60;
  $("reload").checked = state.reload !== false && !late;
  $("reload").addEventListener("change", () => { state.reload = $("reload").checked; keep(); });
  $("written").textContent = "written " + written.toLocaleString() + (late ? ": pope report --watch seems to have ended" : "");
  setInterval(() => { if ($("reload").checked) location.reload(); }, data.watch * 1000);
}

)js";

}  // namespace pope
