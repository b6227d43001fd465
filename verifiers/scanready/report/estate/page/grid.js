// Draw the visible rows of the matrix, and lead the keyboard through them.

const SYMBOLS = { scannable: "✓✓", ready: "✓", limited: "!", undecided: "?", blocked: "✗" };
const NO_RESULT = "∅";
// The height of a row in pixels, as in the style; rows drawn above and below the visible ones.
const HEIGHT = 34;
const SPARE = 6;
// Columns before those of the agents: name and estate verdict.
const BEFORE = 2;
const HEAD = -1;

const grid = { rows: [], columns: [], drawn: new Map(), from: 0, to: 0, at: { row: 0, column: 0 } };

function head(column, place) {
  const why = column.absent ? `no results: ${column.absent}` : "";
  const label = visible(`${column.name}${why ? `, ${why}` : ""}`);
  const text = make("span", "", [make("b", "", visible(column.name, 60)), column.absent ? make("i", "", visible(column.absent, 60)) : ""]);
  return make("th", column.absent ? "agent absent" : "agent", text, { scope: "col", "data-column": place + BEFORE, "aria-colindex": place + BEFORE + 1, "aria-label": label, title: label, tabindex: "-1" });
}

/** Return the agent that met the cause, or the agents that the verdict rests on or waits for. */
function metBy(row) {
  if (row.met >= 0) return `met by ${COLUMNS[row.met].name}`;
  const missing = COLUMNS.filter((column) => stateAt(row, column.place) === MISSING).map((column) => column.name);
  const waits = row.verdict === "undecided" && missing.length > 0;
  const names = waits ? missing : numbers(row.by).map((place) => COLUMNS[place].name);
  if (!names.length) return "";
  return `${waits ? "no result from" : "by"} ${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ""}`;
}

function estateCell(row) {
  const who = visible(metBy(row), 200);
  const known = row.standing === "waived" ? "known failure" : "";
  const label = visible([row.verdict, known, row.code, who].filter(Boolean).join(", "));
  const sign = make("span", `badge v-${row.verdict}`, [make("i", "", [], { "aria-hidden": "true" }), row.verdict]);
  const parts = [sign, known ? make("span", "", "known") : "", row.code ? make("code", "", visible(row.code)) : "", make("span", "dim", who)];
  return make("td", "estate", parts.flatMap((one) => [one, one ? " " : ""]), { "data-column": 1, "aria-colindex": 2, title: label, tabindex: "-1" });
}

function cell(row, column, place) {
  const state = stateAt(row, column.place);
  const attributes = { "data-column": place + BEFORE, "aria-colindex": place + BEFORE + 1, tabindex: "-1" };
  if (state === NOT_ASSIGNED) return make("td", "", [], { ...attributes, "aria-label": visible(`${column.name}: not assigned`) });
  const kind = KINDS[state - FIRST];
  const label = visible(`${column.name}: ${kind ? [kind.verdict, kind.code].filter(Boolean).join(", ") : `no result${column.absent ? `, ${column.absent}` : ""}`}`);
  return make("td", kind ? `v-${kind.verdict}` : "missing", kind ? SYMBOLS[kind.verdict] : NO_RESULT, { ...attributes, "aria-label": label, title: label });
}

function line(number) {
  const row = grid.rows[number];
  const name = make("th", "name", make("span", "", visible(row.name, 4000)), { scope: "row", "data-column": 0, "aria-colindex": 1, title: visible(row.name, 4000), tabindex: "-1" });
  return make("tr", "", [name, estateCell(row), ...grid.columns.map((column, place) => cell(row, column, place))], { "aria-rowindex": number + 2, "data-row": number });
}

/** Draw the table anew: its head, and the rows that are visible. */
function drawGrid(rows, columns) {
  grid.rows = rows;
  grid.columns = columns.slice(0, WIDEST);
  grid.drawn.clear();
  const corner = [["target", "name"], ["estate verdict", "estate"]].map(([text, className], place) => make("th", className, text, { scope: "col", "data-column": place, "aria-colindex": place + 1, tabindex: "-1" }));
  const top = make("tr", "", [...corner, ...grid.columns.map(head)], { "aria-rowindex": 1, "data-row": HEAD });
  const spacer = () => make("tbody", "", make("tr", "", make("td", "spacer", [], { colspan: grid.columns.length + BEFORE })), { "aria-hidden": "true" });
  const table = make("table", "cells", [make("thead", "", top), spacer(), make("tbody", "shown"), spacer()], { role: "grid", "aria-label": "Targets and agents", "aria-rowcount": rows.length + 1, "aria-colcount": grid.columns.length + BEFORE });
  table.style.setProperty("--columns", grid.columns.length);
  byId("grid").replaceChildren(rows.length ? table : make("p", "dim none", ROWS.length ? "No target matches the filters." : "The estate view has no targets."));
  byId("grid").scrollTop = 0;
  grid.at = { row: Math.min(grid.at.row, rows.length - 1, 0), column: Math.min(grid.at.column, grid.columns.length + BEFORE - 1) };
  [grid.from, grid.to] = [0, 0];
  drawRows();
}

/** Draw the rows that are visible, and remove the others, so that the document stays small. */
function drawRows() {
  const box = byId("grid");
  const body = box.querySelector(".shown");
  if (!body) return;
  const from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - SPARE);
  const to = Math.min(grid.rows.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + SPARE);
  if (from === grid.from && to === grid.to && grid.drawn.size) return;
  [grid.from, grid.to] = [from, to];
  const focused = box.contains(document.activeElement);
  for (const [number, shown] of grid.drawn) {
    if (number < from || number >= to) {
      shown.remove();
      grid.drawn.delete(number);
    }
  }
  const wanted = [];
  for (let number = from; number < to; number++) {
    if (!grid.drawn.has(number)) grid.drawn.set(number, line(number));
    wanted.push(grid.drawn.get(number));
  }
  wanted.forEach((one, place) => { if (body.children[place] !== one) body.insertBefore(one, body.children[place] ?? null); });
  const [above, below] = box.querySelectorAll(".spacer");
  above.style.height = `${from * HEIGHT}px`;
  below.style.height = `${(grid.rows.length - to) * HEIGHT}px`;
  mark();
  if (focused && !box.contains(document.activeElement)) (active() ?? box).focus({ preventScroll: true });
}

function active() {
  return byId("grid").querySelector(`[data-row="${grid.at.row}"] [data-column="${grid.at.column}"]`);
}

/** Let the Tab key reach one cell: the active one, or the first that is drawn. */
function mark() {
  byId("grid").querySelector("[data-column][tabindex='0']")?.setAttribute("tabindex", "-1");
  (active() ?? byId("grid").querySelector("tbody [data-column]"))?.setAttribute("tabindex", "0");
}

/** Make a cell the active one, scroll it into view, and focus it. */
function moveTo(row, column) {
  const box = byId("grid");
  grid.at = { row: Math.max(HEAD, Math.min(row, grid.rows.length - 1)), column: Math.max(0, Math.min(column, grid.columns.length + BEFORE - 1)) };
  if (grid.at.row >= 0) {
    const room = box.clientHeight - box.querySelector("thead").offsetHeight - HEIGHT;
    const top = grid.at.row * HEIGHT;
    if (box.scrollTop > top) box.scrollTop = top;
    else if (box.scrollTop < top - room) box.scrollTop = top - room;
  }
  drawRows();
  mark();
  const there = active();
  there?.focus({ preventScroll: true });
  if (grid.at.column < BEFORE) box.scrollLeft = 0;
  else there?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Return where a key leads from the active cell, or null for other keys. */
function led(event) {
  const { row, column } = grid.at;
  const page = Math.max(1, Math.floor(byId("grid").clientHeight / HEIGHT) - 4);
  const far = event.ctrlKey || event.metaKey;
  const last = grid.columns.length + BEFORE - 1;
  switch (event.key) {
    case "ArrowUp": return [row - 1, column];
    case "ArrowDown": return [row + 1, column];
    case "ArrowLeft": return [row, column - 1];
    case "ArrowRight": return [row, column + 1];
    case "PageUp": return [Math.max(0, row - page), column];
    case "PageDown": return [row + page, column];
    case "Home": return far ? [0, 0] : [row, 0];
    case "End": return far ? [grid.rows.length - 1, last] : [row, last];
    default: return null;
  }
}
