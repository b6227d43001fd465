// Show one target, one result, or one agent in the dialog.

// Targets of an agent that are listed at a time.
const PAGE = 100;

function closer() {
  const close = make("button", "quiet", "✕", { type: "button", "aria-label": "Close" });
  close.addEventListener("click", () => byId("detail").close());
  return close;
}

function present(title, sign, parts, buttons = []) {
  const heading = make("h2", "mono", visible(title, 4000), { id: "detail-title", tabindex: "-1" });
  byId("detail").replaceChildren(make("header", "", [sign, heading, ...buttons, closer()]), ...parts);
  if (!byId("detail").open) byId("detail").showModal();
  byId("detail").scrollTop = 0;
  heading.focus({ preventScroll: true });
}

function link(text, className, go) {
  const button = make("button", className, text, { type: "button" });
  button.addEventListener("click", go);
  return button;
}

const named = (places) => places.map((place) => COLUMNS[place].name).join(", ");

/** Show the result of one agent, as the report of that agent shows it, with what it counts as. */
function showCell(number, column) {
  const rows = grid.rows;
  const row = rows[number];
  if (stateAt(row, column) < FIRST) return showTarget(number);
  const has = (to, by) => { while (rows[to] && stateAt(rows[to], column) < FIRST) to += by; return to; };
  detail(new Cell(row, column), number, rows.length, (to) => {
    const next = has(to, to < number ? -1 : 1);
    if (rows[next]) showCell(next, column);
  });
  const agent = COLUMNS[column];
  const facts = [["agent", [agent.name, agent.platform, agent.addresses.join(", ")].filter(Boolean).join(", ")]];
  const over = row.overruling(column);
  if (over) facts.push(["counts as", `${over.counted}: ${over.why}${over.by ? ` (met by ${over.by.name})` : ""}`]);
  const more = make("p", "", [link("All agents of this target", "quiet", () => showTarget(number)), link("This agent", "quiet", () => showAgent(column))]);
  byId("detail").querySelector("header").after(part("Agent", pairs(facts), more));
}

/** Return the cause of an estate verdict with its texts: those of the agent that met it, or the page's own. */
function causeOf(row) {
  if (row.told !== undefined) return JSON.parse(said(row.told).replaceAll(HOST, JSON.stringify(row.host).slice(1, -1)));
  if (row.met < 0 || stateAt(row, row.met) < FIRST) return null;
  const result = new Cell(row, row.met).whole();
  const all = [result, ...(result.types ?? [])].flatMap((one) => [one.cause, ...one.besides]);
  return all.find((cause) => cause && cause.code === row.code && cause.step === row.step) ?? null;
}

function estatePart(row) {
  const by = numbers(row.by);
  const facts = [["rests on", by.length ? named(by) : "no result"]];
  if (row.standing) facts.push(["known failure", row.standing]);
  if (row.met >= 0) facts.push(["cause met by", COLUMNS[row.met].name]);
  const missing = COLUMNS.filter((column) => stateAt(row, column.place) === MISSING);
  if (missing.length) facts.push(["no result from", missing.map((column) => column.name + (column.absent ? ` (${column.absent})` : "")).join("; ")]);
  const cause = causeOf(row);
  const none = row.code ? [make("p", "", [make("code", "", visible(row.code)), ` at ${row.step}, owner ${row.owner}`])] : [];
  return part("Estate verdict", ...(cause ? [finding({ cause, verdict: row.verdict })] : none), pairs(facts));
}

function agentLine(row, number, column) {
  const kind = kindAt(row, column.place);
  const sign = kind ? badge(kind.verdict) : make("span", "badge missing", [make("i", "", NO_RESULT, { "aria-hidden": "true" }), "no result"]);
  const name = visible(column.name, 200);
  const open = kind ? link(name, "open", () => showCell(number, column.place)) : make("b", "", name);
  const over = kind && row.overruling(column.place);
  const why = over ? make("span", "dim over", visible(`counts as ${over.counted}: ${over.why}${over.by ? ` (met by ${over.by.name})` : ""}`, 600)) : "";
  return make("li", "", [sign, open, kind?.code ? make("code", "", visible(kind.code)) : "", kind || !column.absent ? "" : make("span", "dim", visible(column.absent, 200)), why]);
}

/** Show the estate verdict of one target, and what each agent found. */
function showTarget(number) {
  const row = grid.rows[number];
  const step = (label, sign, to) => {
    const button = make("button", "quiet", sign, { type: "button", "aria-label": label });
    button.disabled = !grid.rows[to];
    button.addEventListener("click", () => showTarget(to));
    return button;
  };
  const assigned = COLUMNS.filter((column) => stateAt(row, column.place) !== NOT_ASSIGNED);
  const list = make("ul", "agents", assigned.map((column) => agentLine(row, number, column)));
  const buttons = [step("Previous target", "↑", number - 1), step("Next target", "↓", number + 1)];
  present(row.name, badge(row.verdict), [estatePart(row), part(`Results of ${plural(assigned.length, "agent")}`, list)], buttons);
}

/** Return the numbers of results by verdict and by cause of one agent, and its rows. */
function tally(column) {
  const found = { verdicts: new Map(), causes: new Map(), rows: [] };
  const count = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const row of ROWS) {
    const state = stateAt(row, column);
    if (state === NOT_ASSIGNED) continue;
    found.rows.push(row);
    const kind = KINDS[state - FIRST];
    count(found.verdicts, kind?.verdict ?? "no result");
    if (kind?.code) count(found.causes, `${kind.code} ${kind.owner}`);
  }
  return found;
}

/** List the targets of an agent, a page at a time; `verdict` and `code` narrow them. */
function targetsOf(column, rows, { verdict = "", code = "" } = {}) {
  const box = make("div", "targets");
  const fits = (row) => {
    const kind = kindAt(row, column);
    return (!verdict || (kind?.verdict ?? "no result") === verdict) && (!code || kind?.code === code);
  };
  const wanted = rows.filter(fits);
  const show = (from) => {
    const lines = wanted.slice(from, from + PAGE).map((row) => {
      const kind = kindAt(row, column);
      const sign = kind ? badge(kind.verdict) : make("span", "badge missing", [make("i", "", NO_RESULT, { "aria-hidden": "true" }), "no result"]);
      return make("li", "", [sign, link(visible(row.name, 400), "open", () => { choose(row); showCell(grid.rows.indexOf(row), column); }), kind?.code ? make("code", "", visible(kind.code)) : ""]);
    });
    const back = link("Previous", "", () => show(from - PAGE));
    const on = link("Next", "", () => show(from + PAGE));
    [back.disabled, on.disabled] = [from === 0, from + PAGE >= wanted.length];
    const range = `${wanted.length ? from + 1 : 0} to ${Math.min(from + PAGE, wanted.length)} of ${plural(wanted.length, "target")}`;
    box.replaceChildren(make("p", "dim", [verdict || code ? `${visible(verdict || code)}: ` : "", range]), make("ul", "agents", lines), wanted.length > PAGE ? make("p", "turn", [back, on]) : "");
  };
  show(0);
  return box;
}

/** Show all rows if the filters hide one of an agent's targets. */
function choose(row) {
  if (!grid.rows.includes(row)) clear();
}

/** Show one agent: what it is, its own counts and causes, and its targets. */
function showAgent(column) {
  const agent = COLUMNS[column];
  const { verdicts, causes: found, rows } = tally(column);
  const facts = [["platform", agent.platform || "unknown"], ["addresses", agent.addresses.join(", ") || "unknown"], ["sites", agent.sites.join(", ") || "none"]];
  if (agent.profile) facts.push(["profile", agent.profile]);
  if (agent.absent) facts.push(["no results", agent.absent]);
  let list = targetsOf(column, rows);
  const narrow = (by) => {
    const next = targetsOf(column, rows, by);
    list.replaceWith(next);
    list = next;
    list.scrollIntoView({ block: "nearest" });
  };
  const chips = [...GRAVITY, "no result"].filter((verdict) => verdicts.has(verdict)).map((verdict) => {
    const missing = verdict === "no result";
    return link([make("i", "", missing ? NO_RESULT : [], { "aria-hidden": "true" }), verdict, make("b", "", grouped(verdicts.get(verdict)))], `chip ${missing ? "missing" : `v-${verdict}`}`, () => narrow({ verdict }));
  });
  const lines = [...found].sort((one, other) => other[1] - one[1]).map(([key, count]) => {
    const [code, owner] = key.split(" ");
    return make("li", "", [make("code", "", visible(code)), make("span", "dim", `owner ${visible(owner)}`), link(plural(count, "target"), "quiet", () => narrow({ code }))]);
  });
  const all = link("All targets", "quiet", () => narrow({}));
  present(agent.name, "", [
    part("Agent", pairs(facts)),
    part(`Own results for ${plural(rows.length, "target")}`, make("p", "chips", chips)),
    ...(lines.length ? [part("Causes that this agent met", make("ul", "agents", lines))] : []),
    part("Targets", make("p", "", [all]), list),
  ]);
}
