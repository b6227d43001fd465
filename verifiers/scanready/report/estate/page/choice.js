// Choose the rows and columns of the matrix by name, agent, site, estate verdict, cause and agreement.

const NAMES = ["agent", "site", "verdict", "cause", "agreement"];
const FINE = ["scannable", "ready"];
// The most values that a filter lists, and the most columns that the matrix draws.
const CHOICES = 400;
const WIDEST = 120;
// The cause filter has two groups: causes of estate verdicts, and causes that an agent met.
const UNKNOWN = "(a result is missing)";

const AGREEMENTS = {
  one: "only one agent can scan it",
  disagree: "agents disagree",
  none: "no result shows that a scan may run",
  missing: "a result is missing",
};

const inOrder = new Intl.Collator("en", { numeric: true }).compare;
const ORDERS = {
  inventory: (one, other) => one.place - other.place,
  verdict: (one, other) => one.rank - other.rank || one.place - other.place,
  name: (one, other) => inOrder(one.name, other.name),
};

/** Return the verdict that a result counts as in the estate verdict. */
function counted(row, column) {
  return (row.overruled.length && row.overruling(column)?.counted) || kindAt(row, column).verdict;
}

/** Return how the agents of a row agree, as names of AGREEMENTS; computed once. */
function agreement(row) {
  if (row.agree) return row.agree;
  const verdicts = new Set();
  let able = 0;
  let missing = false;
  for (let column = 0; column < COLUMNS.length; column++) {
    const state = stateAt(row, column);
    if (state === MISSING) missing = true;
    if (state < FIRST) continue;
    verdicts.add(KINDS[state - FIRST].verdict);
    if (GOOD.includes(counted(row, column))) able++;
  }
  row.agree = [];
  if (able === 1) row.agree.push("one");
  if (verdicts.size > 1) row.agree.push("disagree");
  if (!able) row.agree.push("none");
  if (missing) row.agree.push("missing");
  return row.agree;
}

/** Return the columns that the filters for agent and site leave. */
function chosenColumns() {
  const [agent, site] = [byId("agent").value, byId("site").value];
  return COLUMNS.filter((column) => (!agent || String(column.place) === agent) && (!site || column.sites.includes(site)));
}

/** Return the rows that all filters leave, in the chosen order. */
function chosenRows(columns) {
  const [verdict, cause, agree] = [byId("verdict").value, byId("cause").value, byId("agreement").value];
  const terms = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const narrowed = columns.length < COLUMNS.length;
  const [group, code] = [cause.slice(0, cause.indexOf(":")), cause.slice(cause.indexOf(":") + 1)];
  const having = KINDS.map((kind) => kind.code === code);
  const fits = (row) => {
    if (verdict && row.verdict !== verdict) return false;
    if (!terms.every((term) => row.key.includes(term))) return false;
    if (agree && !agreement(row).includes(agree)) return false;
    if (narrowed && !columns.some(({ place }) => stateAt(row, place) !== NOT_ASSIGNED)) return false;
    if (!cause) return true;
    return group === "estate" ? estateCause(row) === code : columns.some(({ place }) => having[stateAt(row, place) - FIRST]);
  };
  return ROWS.filter(fits).sort(ORDERS[byId("order").value]);
}

/** Return how many of the rows at least one of the columns proves, and how many more are ready; an overruled result proves nothing. */
function provenIn(rows, columns) {
  const shows = (row, verdict) => columns.some(({ place }) => KINDS[stateAt(row, place) - FIRST]?.verdict === verdict && !row.overruling(place));
  const [proven, others] = [[], []];
  for (const row of rows) (shows(row, "scannable") ? proven : others).push(row);
  return [proven.length, others.filter((row) => shows(row, "ready")).length];
}

const grouped = (number) => number.toLocaleString("en");
const plural = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;

function fill(name, options) {
  const any = make("option", "", options.length ? "any" : "none", { value: "" });
  byId(name).replaceChildren(any, ...options.slice(0, CHOICES).map(([value, text]) => make("option", "", text, { value })));
  byId(name).disabled = !options.length;
}

/** Return the cause of an estate verdict, or what stands for it if only a missing result leaves it undecided. */
function estateCause(row) {
  return row.code || (row.verdict === "undecided" ? UNKNOWN : "");
}

/** Return how many targets each cause has: as the cause of the estate verdict, and as one that an agent met. */
function causes() {
  const [estate, agents] = [new Map(), new Map()];
  const count = (counts, code) => counts.set(code, (counts.get(code) ?? 0) + 1);
  for (const row of ROWS) {
    const found = new Set();
    for (let column = 0; column < COLUMNS.length; column++) {
      const state = stateAt(row, column);
      if (state >= FIRST && KINDS[state - FIRST].code) found.add(KINDS[state - FIRST].code);
    }
    for (const code of found) count(agents, code);
    if (estateCause(row)) count(estate, estateCause(row));
  }
  return { estate, agents };
}

function fillCauses() {
  const { estate, agents } = causes();
  const group = (label, prefix, counts) => {
    const frequent = [...counts].sort((one, other) => other[1] - one[1]).slice(0, CHOICES);
    const options = frequent.sort((one, other) => inOrder(one[0], other[0])).map(([code, count]) => make("option", "", `${visible(code, 60)} (${grouped(count)})`, { value: `${prefix}:${code}` }));
    return options.length ? make("optgroup", "", options, { label }) : "";
  };
  fill("cause", []);
  byId("cause").append(...[group("of the estate verdict", "estate", estate), group("met by an agent", "agent", agents)].filter(Boolean));
  byId("cause").disabled = !estate.size && !agents.size;
  if (!byId("cause").disabled) byId("cause").options[0].textContent = "any";
}

function fillAll() {
  fill("agent", COLUMNS.map((column) => [String(column.place), visible(column.name, 60)]));
  fill("site", [...new Set(COLUMNS.flatMap((column) => column.sites))].sort(inOrder).map((site) => [site, visible(site, 60)]));
  const verdicts = GRAVITY.map((verdict) => [verdict, ROWS.filter((row) => row.verdict === verdict).length]).filter(([, count]) => count);
  fill("verdict", verdicts.map(([verdict, count]) => [verdict, `${verdict} (${grouped(count)})`]));
  fillCauses();
  const agreements = Object.entries(AGREEMENTS).map(([name, text]) => [name, text, ROWS.filter((row) => agreement(row).includes(name)).length]);
  fill("agreement", agreements.map(([name, text, count]) => [name, `${text} (${grouped(count)})`]));
}
