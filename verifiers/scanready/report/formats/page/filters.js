// Which results are shown: by verdict, type, owner, tag and cause, and by text.

const GRAVITY = ["blocked", "undecided", "limited", "ready", "scannable"];
const FILTERS = {
  verdict: (result) => [result.verdict],
  type: (result) => [result.target.type],
  // Everybody who can do something about it, as in the parts above.
  owner: (result) => [...new Set(causesOf(result).flatMap((cause) => [cause.owner, ...(cause.also ?? []).map((other) => other.owner)]))],
  tag: (result) => result.target.tags ?? [],
  cause: (result) => (result.cause ? [result.cause.code] : []),
};

function causesOf(result) {
  return result.cause ? [result.cause, ...result.besides] : result.besides;
}

const natural = new Intl.Collator("en", { numeric: true }).compare;
const SORTS = {
  target: (one, other) => natural(one.target.host, other.target.host) || one.target.port - other.target.port || natural(one.target.name, other.target.name),
  type: (one, other) => natural(one.target.type, other.target.type),
  verdict: (one, other) => GRAVITY.indexOf(one.verdict) - GRAVITY.indexOf(other.verdict),
  cause: (one, other) => natural(one.cause?.code ?? "~", other.cause?.code ?? "~"),
  owner: (one, other) => natural(one.cause?.owner ?? "~", other.cause?.owner ?? "~"),
  time: (one, other) => other.seconds - one.seconds,
};

/** What a text search looks through; made when it is first needed. */
function hay(result) {
  result.hay ??= [
    result.target.name, address(result.target), words(result.target.options), words(result.target.tags ?? []), result.verdict,
    result.cause ? `${result.cause.code} ${result.cause.detail} ${result.cause.owner}` : "", words(result.facts),
    ...result.checks.map((check) => `${check.endpoint} ${check.summary}`),
  ].join("\n").toLowerCase();
  return result.hay;
}

function fillSelect(name, results) {
  const counts = new Map();
  for (const result of results) for (const value of FILTERS[name](result)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = name === "verdict" ? GRAVITY.filter((verdict) => counts.has(verdict)) : [...counts.keys()].sort(natural);
  const any = make("option", "", counts.size ? "any" : "none", { value: "" });
  byId(name).replaceChildren(any, ...values.map((value) => make("option", "", `${visible(value, 60)} (${counts.get(value)})`, { value })));
  byId(name).disabled = !counts.size;
}

function chosen() {
  return Object.keys(FILTERS).filter((name) => byId(name).value).map((name) => [name, byId(name).value]);
}

function filtered(results, sort) {
  const wanted = chosen();
  const terms = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = results.filter((result) =>
    wanted.every(([name, value]) => FILTERS[name](result).includes(value)) && terms.every((term) => hay(result).includes(term)));
  const compare = SORTS[sort.by];
  return shown.sort((one, other) => sort.down * compare(one, other) || SORTS.verdict(one, other) || SORTS.target(one, other));
}
