// The page: list and matrix of what the filters let through, drawn a screenful at a time.

const PAGE = 200;
// So many targets, and so many ladders, are printed with the whole page.
const PRINTED = 500;
const LADDER = JSON.parse(byId("scanready-ladder").textContent);
const RUN = JSON.parse(byId("scanready-run").textContent);
// A text that was told before is a number.
const TOLD = [];
function told(text) {
  if (typeof text === "number") return TOLD[text];
  if (text && TOLD.length < 2000) TOLD.push(text);
  return text;
}
RUN.results.forEach((result, place) => {
  const [rungs, ...asked] = result.story;
  result.place = place;
  result.rungs = rungs.map(([sent, means, byHand]) => ({ sent: told(sent), means: told(means), byHand }));
  result.asked = asked.filter(Boolean).map((lines) => lines.map(told));
});
const state = { sort: { by: "verdict", down: 1 }, view: "list", shown: [], drawn: 0 };

/** Eight small squares: how far it came. */
function mini(result) {
  const found = {};
  const rank = ["skipped", "passed", "warned", "failed"];
  for (const check of result.checks) {
    const before = found[check.step];
    if (before === undefined || rank.indexOf(check.outcome) > rank.indexOf(before)) found[check.step] = check.outcome;
  }
  const said = result.reached ? `reached ${result.reached}` : "reached nothing";
  return make("span", "mini", LADDER.map((step) => {
    const outcome = found[step] ?? "skipped";
    return make("span", outcome, outcome === "skipped" ? "" : SIGNS[outcome], { title: `${step}: ${found[step] ?? "not asked"}` });
  }), { role: "img", "aria-label": said });
}

function row(result) {
  const open = make("button", "open", visible(result.target.name, 4000), { type: "button", "aria-haspopup": "dialog" });
  const cells = [
    make("td", "", badge(result.verdict)), make("td", "", open), make("td", "", visible(result.target.type, 40)), make("td", "opt", mini(result)),
    make("td", "", result.cause ? make("code", "", result.cause.code) : ""), make("td", "opt", result.cause?.owner ?? ""),
    make("td", "num opt", took(result.seconds)),
  ];
  return make("tr", "row", cells, { "data-place": result.place });
}

const HEAD = [["verdict", "verdict", ""], ["target", "target", ""], ["type", "type", ""], [null, "ladder", "opt"], ["cause", "cause", ""], ["owner", "owner", "opt"], ["time", "time", "opt num"]];

function list(results) {
  const head = HEAD.map(([by, label, className]) => {
    const sorted = by !== null && state.sort.by === by;
    const cell = make("th", className, by === null ? label : make("button", "", label, { type: "button", "data-sort": by }), { scope: "col" });
    if (by !== null) cell.setAttribute("aria-sort", sorted ? (state.sort.down > 0 ? "ascending" : "descending") : "none");
    return cell;
  });
  return make("table", "list", [make("thead", "", make("tr", "", head)), make("tbody", "", results.map(row))]);
}

/** Host by host, a column a type; a cell shows the gravest of its targets. */
function matrix(results) {
  const hosts = new Map();
  const types = [...new Set(results.map((result) => result.target.type))].sort(natural);
  for (const result of results) {
    const of = hosts.get(result.target.host) ?? hosts.set(result.target.host, new Map()).get(result.target.host);
    of.set(result.target.type, [...(of.get(result.target.type) ?? []), result]);
  }
  return { types, hosts: [...hosts] };
}

function matrixRow([host, found], types) {
  const cells = types.map((type) => {
    const members = (found.get(type) ?? []).sort(SORTS.verdict);
    if (!members.length) return make("td", "");
    const worst = members[0];
    const label = `${host} as ${type}: ${worst.verdict}${worst.cause ? `, ${worst.cause.code}` : ""}${members.length > 1 ? `, the gravest of ${members.length}` : ""}`;
    const cell = make("button", `cell v-${worst.verdict}`, [make("i", "", [], { "aria-hidden": "true" }), members.length > 1 ? String(members.length) : ""], { type: "button", "data-place": worst.place, title: visible(label), "aria-label": visible(label) });
    return make("td", "", cell);
  });
  return make("tr", "", [make("th", "", visible(host, 120), { scope: "row" }), ...cells]);
}

function draw() {
  clearTimeout(state.typing);  // or the rows are replaced once more, under the pointer
  state.shown = filtered(RUN.results, state.sort);
  state.drawn = 0;
  const view = byId("view");
  if (!state.shown.length) {
    view.replaceChildren(make("p", "dim", RUN.results.length ? "No target is like that." : "The run has no results."));
  } else if (state.view === "list") {
    view.replaceChildren(list([]));
  } else {
    state.matrix = matrix(state.shown);
    const head = make("tr", "", [make("th", "", ""), ...state.matrix.types.map((type) => make("th", "", visible(type, 40), { scope: "col" }))]);
    view.replaceChildren(make("table", "matrix", [make("thead", "", head), make("tbody", "")]));
  }
  byId("count").textContent = `${state.shown.length} of ${RUN.results.length} targets`;
  byId("reset").disabled = !chosen().length && !byId("text").value;
  for (const button of document.querySelectorAll("[data-filter][aria-pressed], .types [data-filter]")) {
    button.setAttribute("aria-pressed", String(byId(button.dataset.filter).value === button.dataset.value));
  }
  more();
}

/** Draw the next page of rows; all that are left for a printer. */
function more(count = PAGE) {
  const body = byId("view").querySelector("tbody");
  const all = state.view === "list" || !state.shown.length ? state.shown : state.matrix.hosts;
  if (body) {
    const next = all.slice(state.drawn, state.drawn + count);
    body.append(...next.map((entry) => (state.view === "list" ? row(entry) : matrixRow(entry, state.matrix.types))));
    state.drawn += next.length;
  }
  const left = all.length - state.drawn;
  byId("more").hidden = left <= 0 || !body;
  byId("more").textContent = `Show more (${left} left)`;
}

function open(place) {
  if (state.shown[place]) detail(state.shown[place], place, state.shown.length, open);
}

/** Set a filter, or take it away where it is set and `kept` is not asked for; then go to what it filters. */
function toggle(name, value, kept) {
  const set = kept || byId(name).value !== value;
  byId(name).value = set ? value : "";
  draw();
  if (!set) return;
  byId("results").scrollIntoView();
  byId("results").focus({ preventScroll: true });  // the next Tab is at the filters, not above
}

function beforePrint() {
  if (document.documentElement.dataset.print !== "whole") return;
  for (const one of document.querySelectorAll("details:not([open])")) {
    if (!one.matches(".more:not(.fixes)")) { one.dataset.closed = ""; one.open = true; }
  }
  more(PRINTED - state.drawn);
  const bad = state.shown.filter((result) => result.cause).slice(0, PRINTED);
  const blocks = bad.map((result) => make("div", "ladderblock", [make("h3", "", [badge(result.verdict), " ", visible(result.target.name, 4000), result.cause ? ` ${result.cause.code}` : ""]), ladder(result, false)]));
  byId("ladders").hidden = false;
  byId("ladders").replaceChildren(...(bad.length ? [make("h2", "", "The ladders of what fails"), ...blocks] : []));
}

function afterPrint() {
  delete document.documentElement.dataset.print;
  for (const one of document.querySelectorAll("details[data-closed]")) { delete one.dataset.closed; one.open = false; }
  byId("ladders").hidden = true;
  byId("ladders").replaceChildren();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches(".copy")) copy(button);
  else if (button?.dataset.filter) toggle(button.dataset.filter, button.dataset.value, !button.closest(".headline"));
  else if (button?.dataset.sort) {
    state.sort = { by: button.dataset.sort, down: state.sort.by === button.dataset.sort ? -state.sort.down : 1 };
    draw();
  } else {
    const at = event.target.closest("#view [data-place]");
    if (at) open(state.shown.indexOf(RUN.results[at.dataset.place]));
  }
  if (event.target === byId("detail")) byId("detail").close();
});
for (const name of Object.keys(FILTERS)) {
  fillSelect(name, RUN.results);
  byId(name).addEventListener("change", draw);
}
byId("text").addEventListener("input", () => { clearTimeout(state.typing); state.typing = setTimeout(draw, 120); });
document.querySelector(".filters").addEventListener("submit", (event) => { event.preventDefault(); draw(); });
byId("reset").addEventListener("click", () => {
  for (const name of Object.keys(FILTERS)) byId(name).value = "";
  byId("text").value = "";
  draw();
});
for (const view of ["list", "matrix"]) {
  byId(`view-${view}`).addEventListener("click", () => {
    state.view = view;
    for (const other of ["list", "matrix"]) byId(`view-${other}`).setAttribute("aria-pressed", String(other === view));
    draw();
  });
}
byId("more").addEventListener("click", () => more());
byId("print-whole").addEventListener("click", () => {
  document.documentElement.dataset.print = "whole";
  print();
});
byId("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
/** A link such as `#owner=network` shows the part of one owner and its targets; `#verdict=blocked` and the like filter. */
function follow() {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { text = ""; }  // a link may be cut off
  const [name, value] = text.split("=", 2);
  const owner = name === "owner" ? value : "";
  let there = false;
  for (const part of document.querySelectorAll(".owner")) {
    const meant = part.id === `owner=${owner}`;
    part.hidden = Boolean(owner) && !meant;
    if (meant) { part.open = true; there = true; }
  }
  if (owner && !there) for (const part of document.querySelectorAll(".owner")) part.hidden = false;
  if (byId("one-owner")) byId("one-owner").hidden = !there;
  if (Object.hasOwn(FILTERS, name) && [...byId(name).options].some((option) => option.value === value)) {
    for (const other of Object.keys(FILTERS)) byId(other).value = other === name ? value : "";
    draw();
  } else if (name === "handover") {
    byId("owner").value = "";
    draw();
  }
  byId(there ? `owner=${owner}` : Object.hasOwn(FILTERS, name) ? "results" : name)?.scrollIntoView();
}

addEventListener("hashchange", follow);
addEventListener("beforeprint", beforePrint);
addEventListener("afterprint", afterPrint);
draw();
if (location.hash) follow();
document.documentElement.dataset.drawn = "yes";
