// Draw the list and the matrix of the filtered results, one page at a time.

const PAGE = 100;
// The most targets, and the most ladders, that are printed with the whole page.
const PRINTED = 500;
// The most types with a column in the matrix.
const COLUMNS = 60;
const LADDER = JSON.parse(byId("scanready-ladder").textContent);
const RUN = JSON.parse(byId("scanready-run").textContent);
RUN.results = [];
const state = { sort: { by: "verdict", down: 1 }, view: "list", shown: [], from: 0 };

// The sign of each outcome, drawn in a square of 13 by 13.
const DRAWN = { passed: "l2.5 3 4-6", warned: "m3.5-4v5m0 2.5v.1", failed: "m1-3 5 6m0-6-5 6", skipped: "" };

/** Draw one small square for each step. The picture has few nodes, as each row has one. */
function mini(is) {
  if (is.mini) return is.mini.cloneNode(true);
  const found = {};
  const rank = Object.keys(SIGNS);
  for (const [step, outcome] of is.steps) {
    if (found[step] === undefined || rank.indexOf(outcome) > rank.indexOf(found[step])) found[step] = outcome;
  }
  const squares = {};
  let signs = "";
  LADDER.forEach((step, place) => {
    const outcome = found[step] ?? "skipped";
    squares[outcome] = `${squares[outcome] ?? ""}M${place * 15 + 2} 0h9a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2z`;
    if (DRAWN[outcome]) signs += `M${place * 15 + 3} 6.5${DRAWN[outcome]}`;
  });
  const reached = is.reached ? `reached ${is.reached}` : "reached nothing";
  const outcomes = Object.entries(found).filter(([, outcome]) => outcome !== "skipped").map(([step, outcome]) => `${step} ${outcome}`);
  is.mini = vector("svg", { class: "mini", viewBox: `0 0 ${LADDER.length * 15} 13`, width: LADDER.length * 15, height: 13, role: "img", "aria-label": visible(reached) });
  const title = vector("title", {});
  title.textContent = visible(outcomes.join(", "));
  is.mini.append(title, ...Object.entries(squares).map(([outcome, d]) => vector("path", { class: outcome, d })), vector("path", { class: "signs", d: signs }));
  return is.mini.cloneNode(true);
}

function row(result) {
  const { is } = result;
  const open = make("button", "open", visible(result.name, 4000), { type: "button", "aria-haspopup": "dialog" });
  const cells = [
    make("td", "", [badge(is.verdict), is.standing === "waived" ? " known" : ""]), make("td", "", open), make("td", "", visible(is.type, 40)), make("td", "opt", mini(is)),
    make("td", "", is.code ? make("code", "", visible(is.code)) : is.as.length ? `as ${visible(is.as.join(", "), 200)}` : ""), make("td", "opt", is.owner), make("td", "num opt", took(result.seconds)),
  ];
  return make("tr", "row", cells, { "data-place": result.place });
}

const HEAD = [["verdict", "verdict", ""], ["target", "target", ""], ["type", "type", ""], [null, "steps", "opt"], ["cause", "cause", ""], ["owner", "owner", "opt"], ["time", "time", "opt num"]];

function list(results) {
  const head = HEAD.map(([by, label, className]) => {
    const sorted = by !== null && state.sort.by === by;
    const cell = make("th", className, by === null ? label : make("button", "", label, { type: "button", "data-sort": by }), { scope: "col" });
    if (by !== null) cell.setAttribute("aria-sort", sorted ? (state.sort.down > 0 ? "ascending" : "descending") : "none");
    return cell;
  });
  return make("table", "list", [make("thead", "", make("tr", "", head)), make("tbody", "", results.map(row))]);
}

/** Group the results by host and type; a cell shows the gravest of its targets. */
function matrix(results) {
  const hosts = new Map();
  const types = [...new Set(results.map((result) => result.is.type))].sort(natural).slice(0, COLUMNS);
  for (const result of results) {
    const of = hosts.get(result.host) ?? hosts.set(result.host, new Map()).get(result.host);
    const there = of.get(result.is.type);
    if (there) there.push(result);
    else of.set(result.is.type, [result]);
  }
  return { types, hosts: [...hosts] };
}

function matrixRow([host, found], types) {
  const cells = types.map((type) => {
    const members = (found.get(type) ?? []).sort(SORTS.verdict);
    if (!members.length) return make("td", "");
    const worst = members[0];
    const label = `${host} as ${type}: ${worst.is.verdict}${worst.is.code ? `, ${worst.is.code}` : ""}${members.length > 1 ? `, the gravest of ${members.length}` : ""}`;
    const cell = make("button", `cell v-${worst.is.verdict}`, [make("i", "", [], { "aria-hidden": "true" }), members.length > 1 ? String(members.length) : ""], { type: "button", "data-place": worst.place, title: visible(label), "aria-label": visible(label) });
    return make("td", "", cell);
  });
  return make("tr", "", [make("th", "", visible(host, 120), { scope: "row" }), ...cells]);
}

function draw() {
  clearTimeout(state.typing);  // otherwise the rows are replaced again, under the pointer
  state.shown = filtered(RUN.results, state.sort);
  state.from = 0;
  const view = byId("view");
  if (!state.shown.length) {
    view.replaceChildren(make("p", "dim", RUN.results.length ? "No target matches the filters." : "The run has no results."));
  } else if (state.view === "list") {
    view.replaceChildren(list([]));
  } else {
    state.matrix = matrix(state.shown);
    const head = make("tr", "", [make("td", ""), ...state.matrix.types.map((type) => make("th", "", visible(type, 40), { scope: "col" }))]);
    view.replaceChildren(make("table", "matrix", [make("thead", "", head), make("tbody", "")]));
  }
  byId("count").textContent = `${state.shown.length} of ${RUN.results.length} targets`;
  byId("reset").disabled = !chosen().length && !byId("text").value;
  for (const button of document.querySelectorAll("[data-filter][aria-pressed], .types [data-filter]")) {
    button.setAttribute("aria-pressed", String(byId(button.dataset.filter).value === button.dataset.value));
  }
  show();
}

/** Draw one page of rows, starting at `state.from`. It replaces the previous rows, so that the document stays small. */
function show(count = PAGE) {
  const body = byId("view").querySelector("tbody");
  const all = state.view === "list" || !state.shown.length ? state.shown : state.matrix.hosts;
  const drawn = all.slice(state.from, state.from + count);
  body?.replaceChildren(...drawn.map((entry) => (state.view === "list" ? row(entry) : matrixRow(entry, state.matrix.types))));
  const end = state.from + drawn.length;
  byId("pages").hidden = all.length <= PAGE || !body;
  byId("earlier").disabled = state.from === 0;
  byId("later").disabled = end >= all.length;
  byId("range").textContent = `${state.from + 1} to ${end} of ${all.length}`;
}

function turn(by) {
  state.from = Math.max(0, state.from + by);
  show();
  byId("results").scrollIntoView();
}

function open(place) {
  if (state.shown[place]) detail(state.shown[place], place, state.shown.length, open);
}

/** Set a filter, or clear it if it is set and `kept` is false; then scroll to the results. */
function toggle(name, value, kept) {
  const set = kept || byId(name).value !== value;
  byId(name).value = set ? value : "";
  draw();
  if (!set) return;
  byId("results").scrollIntoView();
  byId("results").focus({ preventScroll: true });  // so that the next Tab reaches the filters
}

function beforePrint() {
  if (document.documentElement.dataset.print !== "whole") return;
  for (const one of document.querySelectorAll("details:not([open])")) {
    if (!one.matches(".more:not(.fixes)")) { one.dataset.closed = ""; one.open = true; }
  }
  state.from = 0;
  show(PRINTED);
  const bad = state.shown.filter((result) => result.is.code).slice(0, PRINTED);
  const blocks = bad.map((result) => make("div", "ladderblock", [make("h3", "", [badge(result.is.verdict), " ", visible(result.name, 4000), ` ${visible(result.is.code)}`]), ladder(result.whole())]));
  byId("ladders").hidden = false;
  byId("ladders").replaceChildren(...(bad.length ? [make("h2", "", "Steps of the failing targets"), ...blocks] : []));
}

function afterPrint() {
  if (document.documentElement.dataset.print !== "whole") return;
  delete document.documentElement.dataset.print;
  show();
  for (const one of document.querySelectorAll("details[data-closed]")) { delete one.dataset.closed; one.open = false; }
  byId("ladders").hidden = true;
  byId("ladders").replaceChildren();
}

/** Follow the link: `#owner=network` shows one owner's part and its targets; `#verdict=blocked` and others filter. */
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

/** Prepare the searched texts while the browser is idle, a few at a time. */
const idle = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, 20));
function prepare(place) {
  const end = Math.min(place + SLICE, RUN.results.length);
  for (; place < end; place++) RUN.results[place].hay;
  if (end < RUN.results.length) idle(() => prepare(end));
  else document.documentElement.dataset.prepared = "yes";
}

async function start() {
  RUN.results = await results(RUN.rows);
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
  const shared = summaries(RUN.results);
  for (const name of Object.keys(FILTERS)) {
    fillSelect(name, shared);
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
  byId("earlier").addEventListener("click", () => turn(-PAGE));
  byId("later").addEventListener("click", () => turn(PAGE));
  byId("print-whole").addEventListener("click", () => {
    document.documentElement.dataset.print = "whole";
    print();
  });
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  draw();
  if (location.hash) follow();
  document.documentElement.dataset.drawn = "yes";
  performance.mark("drawn");
  idle(() => prepare(0));
}

start().catch(reportError);
