// The rollout browser, and links to a place on the page: #rollout-ID opens that rollout, the id of a folded
// part opens it.
#include "report/script.h"

namespace pope {

const char* const kRolloutScript = R"js(
// Rollouts.
const filters = { "f-method": "method", "f-set": "set", "f-guided": "prompt", "f-verdict": "verdict" };
const page = 20, cards = new Map();  // id → the card of a rollout
let rows = [], found = [], shown = 0, guidance = new Map();  // of a problem, in others of these rollouts
const part = (title, text, cls) => {
  const box = make("div", cls || "");
  box.append(make("h4", "", title), make("div", "text", text || "–"));
  return box;
};
const body_of = r => {
  const body = make("div", "body"), beside = make("div", "beside"), answers = make("div", "answers");
  const unseen = r.guided ? "" : guidance.get(r.problem_id);
  if (r.guided) beside.append(part("Privileged guidance — input only", r.guidance, "guidance"));
  if (unseen) beside.append(part("Guidance of this problem — this rollout did not see it", unseen, "guidance unseen"));
  beside.append(part("Completion", r.completion));
  answers.append(part("Verdict", r.verdict + (r.reason ? ": " + r.reason : "")), part("Extracted answer", r.extracted),
                 part("Reference answer", r.answer), part("Run", r.run));
  const link = make("a", "link", "link to this rollout");
  link.href = "#rollout-" + r.id;
  body.append(part("Problem", r.problem), beside, answers, link);
  return body;
};
const card = r => {
  if (cards.has(r.id)) return cards.get(r.id);
  const box = make("details", "rollout"), head = make("summary"), name = make("span", "tag");
  box.id = "rollout-" + r.id;
  name.append(make("i", "mark " + classes(r.method)), r.method);
  const where = r.set === r.prompt ? [r.prompt, r.problem_id] : [r.set, r.prompt, r.problem_id];
  if (r.step !== null) where.push("step " + r.step);
  if (r.tokens !== null) where.push(r.tokens + " tokens");
  head.append(make("span", "chip " + r.verdict, r.verdict), name, make("span", "muted", where.join(" · ")),
              make("span", "what", r.problem));
  box.append(head);
  box.addEventListener("toggle", () => { if (box.open && box.children.length === 1) box.append(body_of(r)); });
  cards.set(r.id, box);
  return box;
};
const list = most => {
  shown = Math.min(found.length, most);
  arrange($("list"), found.slice(0, shown).map(card));
  $("more").hidden = shown >= found.length;
};
const filter = most => {
  const words = $("f-text").value.toLowerCase().split(/\s+/).filter(Boolean);
  found = rows.filter(r => Object.entries(filters).every(([id, key]) => !$(id).value || r[key] === $(id).value) &&
                           words.every(word => r.all.includes(word)));
  if ($("f-order")?.value) found = found.filter(r => r.written).sort((a, b) => b.written[0] - a.written[0] || b.written[1] - a.written[1]);
  list(most);
  $("count").textContent = found.length + " of " + rows.length + " rollouts";
};
// Takes the rollouts of `data`; one that is open stays, also where the selection has dropped it.
const take_rollouts = () => {
  const fresh = new Map(data.rollouts.map(r => [r.id, r]));
  rows = [...fresh.values(), ...rows.filter(r => !fresh.has(r.id) && cards.get(r.id)?.open)];
  rows.forEach(r => {
    r.prompt = r.guided ? "guided" : "unguided";
    r.all = (r.problem_id + "\n" + r.problem + "\n" + r.completion).toLowerCase();
    if (r.guided) guidance.set(r.problem_id, r.guidance);
  });
  for (const [id, key] of Object.entries(filters)) {
    const had = new Set([...$(id).options].map(option => option.value));
    ["", ...new Set(rows.map(r => r[key]))].forEach(value => {
      if (!had.has(value)) $(id).append(new Option(value || "all", value));
    });
  }
  filter(Math.max(page, shown));
};
const start_rollouts = () => {
  if (!$("list")) return;
  document.querySelector(".filters").addEventListener("input", () => filter(page));
  document.querySelector(".filters").addEventListener("submit", event => event.preventDefault());
  $("more").addEventListener("click", () => list(shown + page));
  $("f-order")?.append(new Option("spread evenly", ""), new Option("newest first", "newest"));
  take_rollouts();
};
// Opens what the address names.
const visit = () => {
  const id = location.hash.slice(1), rollout = id.match(/^rollout-([0-9a-f]{16})$/)?.[1];
  if (rollout && $("list")) {
    const row = rows.find(r => r.id === rollout);
    if (!row) {
      $("count").textContent = "The rollout of this link is not in the selection on this page: report.rollouts says how many are.";
      $("count").scrollIntoView({ behavior: "instant" });
      return;
    }
    if (!found.includes(row)) {
      document.querySelector(".filters").reset();
      filter(page);
    }
    list(Math.max(shown, found.indexOf(row) + 1));
  }
  for (let node = $(id); node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  $(id)?.scrollIntoView({ behavior: "instant" });
};
start_rollouts();
if (location.hash) visit();
else if ($("list")?.firstChild) $("list").firstChild.open = true;
addEventListener("hashchange", visit);
)js";

}  // namespace pope
