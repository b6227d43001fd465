// Start the page: read the matrix, draw it, and follow clicks, keys and links.

const RUN = JSON.parse(byId("scanready-run").textContent);
// Targets that are printed.
const PRINTED = 500;
let typing = 0;

function draw() {
  clearTimeout(typing);  // otherwise the rows are replaced again, under the pointer
  const columns = chosenColumns();
  const rows = chosenRows(columns);
  drawGrid(rows, columns);
  const all = columns.length === COLUMNS.length;
  const agents = all ? plural(columns.length, "agent") : `${plural(columns.length, "chosen agent")}`;
  const left = columns.length > grid.columns.length ? `; the matrix shows the first ${grid.columns.length} of them, choose others by agent or site` : "";
  const [proven, ready] = provenIn(rows, columns);
  const more = ready ? `, ${grouped(ready)} more up to the login prompt` : "";
  byId("count").textContent = `${grouped(rows.length)} of ${plural(ROWS.length, "target")}; ${grouped(proven)} of them proven by at least one of ${agents}${more}${left}`;
  byId("reset").disabled = !byId("text").value && NAMES.every((name) => !byId(name).value);
  for (const button of document.querySelectorAll("[data-filter][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(byId(button.dataset.filter).value === button.dataset.value));
  }
}

function clear() {
  for (const name of NAMES) byId(name).value = "";
  byId("text").value = "";
  draw();
}

function toggle(name, value) {
  const set = byId(name).value !== value;
  byId(name).value = set ? value : "";
  draw();
  if (!set) return;
  byId("results").scrollIntoView();
  byId("results").focus({ preventScroll: true });  // so that the next Tab reaches the filters
}

/** Open what a cell stands for: a target, a result, or an agent. */
function open(row, column) {
  if (row === HEAD && column >= BEFORE) showAgent(grid.columns[column - BEFORE].place);
  else if (row !== HEAD && column >= BEFORE) showCell(row, grid.columns[column - BEFORE].place);
  else if (row !== HEAD) showTarget(row);
}

/** Follow a link: `#agent=NAME` shows an agent; `#verdict=blocked`, `#cause=...` and `#site=...` filter. */
function follow() {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { text = ""; }  // a link may be cut off
  const at = text.indexOf("=");
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (name === "agent") {
    const agent = COLUMNS.find((column) => column.name === value);
    if (agent) showAgent(agent.place);
  } else if (NAMES.includes(name) && [...byId(name).options].some((option) => option.value === value)) {
    for (const other of NAMES) byId(other).value = other === name ? value : "";
    draw();
    byId("results").scrollIntoView();
  }
}

/** Return the agents of a target by what they found, in words. */
function byVerdict(row) {
  const found = new Map();
  for (const column of COLUMNS) {
    const state = stateAt(row, column.place);
    if (state === NOT_ASSIGNED) continue;
    const kind = KINDS[state - FIRST];
    const words = kind ? [kind.verdict, kind.code].filter(Boolean).join(" ") : "no result";
    found.set(words, [...(found.get(words) ?? []), column.name]);
  }
  const few = (names) => (names.length > 6 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", "));
  return [...found].map(([words, names]) => make("p", "", visible(`${words}: ${few(names)}`, 600)));
}

function beforePrint() {
  const open = ROWS.filter((row) => !FINE.includes(row.verdict)).sort(ORDERS.verdict);
  const lines = open.slice(0, PRINTED).map((row) => make("tr", "", [
    make("td", "", visible(row.name, 400)), make("td", "", badge(row.verdict)),
    make("td", "", [row.code ? make("code", "", visible(row.code)) : "", make("p", "dim", visible(metBy(row), 200))]), make("td", "", byVerdict(row)),
  ]));
  const top = make("tr", "", ["target", "estate verdict", "cause", "agents"].map((text) => make("th", "", text)));
  const rest = open.length > PRINTED ? make("p", "dim", `and ${plural(open.length - PRINTED, "more target")} in the file`) : "";
  byId("paper").replaceChildren(
    make("h2", "", `Targets that are not ready: ${grouped(open.length)} of ${grouped(ROWS.length)}`),
    open.length ? make("table", "notready", [make("thead", "", top), make("tbody", "", lines)]) : "", rest,
  );
}

function onClick(event) {
  const button = event.target.closest("button");
  if (button?.matches(".copy")) copy(button);
  else if (button?.dataset.filter) toggle(button.dataset.filter, button.dataset.value);
  else if (button?.dataset.agent) showAgent(Number(button.dataset.agent));
  else {
    const there = event.target.closest("#grid [data-column]");
    if (there) {
      grid.at = { row: Number(there.parentElement.dataset.row), column: Number(there.dataset.column) };
      mark();
      open(grid.at.row, grid.at.column);
    }
  }
  if (event.target === byId("detail")) byId("detail").close();
}

function onKey(event) {
  if (event.altKey || event.shiftKey) return;
  const to = led(event);
  if (to) moveTo(...to);
  else if (event.key === "Enter" || event.key === " ") open(grid.at.row, grid.at.column);
  else return;
  event.preventDefault();
}

function listen() {
  document.addEventListener("click", onClick);
  byId("grid").addEventListener("keydown", onKey);
  byId("grid").addEventListener("focusin", (event) => {
    const there = event.target.closest("[data-column]");
    if (there) grid.at = { row: Number(there.parentElement.dataset.row), column: Number(there.dataset.column) };
  });
  byId("grid").addEventListener("scroll", drawRows, { passive: true });
  addEventListener("resize", drawRows);
  byId("detail").addEventListener("close", () => { if (document.activeElement === document.body) active()?.focus({ preventScroll: true }); });
  for (const name of [...NAMES, "order"]) byId(name).addEventListener("change", draw);
  byId("text").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(draw, 120); });
  document.querySelector(".filters").addEventListener("submit", (event) => { event.preventDefault(); draw(); });
  byId("reset").addEventListener("click", clear);
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", () => byId("paper").replaceChildren());
}

async function start() {
  await readMatrix();
  fillAll();
  listen();
  draw();
  if (location.hash) follow();
  document.documentElement.dataset.drawn = "yes";
  performance.mark("drawn");
}

start().catch(reportError);
