// Select the shown results by verdict, type, owner, tag, cause and text.

const FILTERS = {
  verdict: (is) => [is.verdict],
  type: (is) => is.types,
  owner: (is) => is.owners,
  tag: (is) => is.tags,
  cause: (is) => (is.code ? [is.code] : []),
};
// The most values that a filter lists, the most frequent ones: an estate may have a tag for each target.
const CHOICES = 400;

const natural = new Intl.Collator("en", { numeric: true }).compare;

/** Return a key for natural sorting: db2 before db10. */
function counting(text) {
  return text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
}

const plainly = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

/** Number all results in the order of their targets, so that every other order compares numbers. */
function number(all) {
  for (const result of all) result.key = counting(result.host);
  const order = (one, other) => plainly(one.key, other.key) || one.is.port - other.is.port || plainly(one.name, other.name);
  [...all].sort(order).forEach((result, at) => { result.at = at; });
}

const SORTS = {
  target: (one, other) => one.at - other.at,
  type: (one, other) => plainly(one.is.type, other.is.type),
  verdict: (one, other) => one.is.rank - other.is.rank,
  cause: (one, other) => plainly(one.is.code || "~", other.is.code || "~"),
  owner: (one, other) => plainly(one.is.owner || "~", other.is.owner || "~"),
  time: (one, other) => other.seconds - one.seconds,
};

/** Return all results in one order; each order is computed once. */
const ORDERS = new Map();
function ordered(all, { by, down }) {
  const name = `${by} ${down}`;
  if (!ORDERS.has(name)) {
    if (all.length && all[0].at === undefined) number(all);
    const compare = SORTS[by];
    ORDERS.set(name, [...all].sort((one, other) => down * compare(one, other) || SORTS.verdict(one, other) || SORTS.target(one, other)));
  }
  return ORDERS.get(name);
}

/** Count the results of each summary; most results share the one of their ladder. */
function summaries(all) {
  const shared = new Map();
  for (const { is } of all) shared.set(is, (shared.get(is) ?? 0) + 1);
  return shared;
}

function fillSelect(name, shared) {
  const counts = new Map();
  for (const [is, count] of shared) for (const value of FILTERS[name](is)) counts.set(value, (counts.get(value) ?? 0) + count);
  const frequent = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one)).slice(0, CHOICES);
  const values = name === "verdict" ? GRAVITY.filter((verdict) => counts.has(verdict)) : frequent.sort(natural);
  const any = make("option", "", counts.size ? "any" : "none", { value: "" });
  byId(name).replaceChildren(any, ...values.map((value) => make("option", "", `${visible(value, 60)} (${counts.get(value)})`, { value })));
  byId(name).disabled = !counts.size;
}

function chosen() {
  return Object.keys(FILTERS).filter((name) => byId(name).value).map((name) => [name, byId(name).value]);
}

function filtered(all, sort) {
  const wanted = chosen();
  const terms = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const known = new Map();
  const fits = (is) => {
    if (!known.has(is)) known.set(is, wanted.every(([name, value]) => FILTERS[name](is).includes(value)));
    return known.get(is);
  };
  return ordered(all, sort).filter((result) => fits(result.is) && terms.every((term) => result.hay.includes(term)));
}
