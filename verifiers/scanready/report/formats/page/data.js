// Read the packed results: each ladder once, as a template, and one row of values for each target.

const HOST = "\ue000";
const NEXT = "\ue001";
const KEPT = 0xe010;
const PLACEHOLDER = /[\ue000-\ue0ff]/g;
// The most numbered parts and ladders, as in the writer of the page.
const MOST_PARTS = 60000;
const MOST_LADDERS = 20000;

// Results, or searched texts, that are prepared without a pause.
const SLICE = 500;
// The number of results in each slice.
const slices = [];

const GOOD = ["scannable", "ready", "limited"];

/** Return the results with causes to fix: for a host without a type, those of its types, as in the hand-over. */
function telling(view) {
  if (!view.types) return [view];
  if (GOOD.includes(view.verdict)) return view.types.filter((one) => GOOD.includes(one.verdict));
  const answered = view.types.filter((one) => one.checks.some((check) => check.step === "connect" && ["passed", "warned"].includes(check.outcome)));
  return answered.length ? answered : [view];
}

/** Return the fields of a result that filters, list and matrix need. */
function summary(view) {
  const causes = telling(view).flatMap((one) => (one.cause ? [one.cause, ...one.besides] : one.besides));
  const as = view.as ?? [];
  return {
    verdict: view.verdict,
    rank: GRAVITY.indexOf(view.verdict),
    reached: view.reached,
    type: view.target.type,
    port: view.target.port,
    tags: view.target.tags ?? [],
    code: view.cause?.code ?? "",
    standing: view.standing ?? "",
    as,
    // The types that a filter finds it by: for a host without a type, also the leading one and those that hold.
    types: view.types ? [...new Set([view.target.type, view.types[0].target.type, ...as])] : [view.target.type],
    owner: view.cause?.owner ?? "",
    // All owners who can act, as in the hand-over.
    owners: [...new Set(causes.flatMap((cause) => [cause.owner, ...(cause.also ?? []).map((other) => other.owner)]))],
    steps: view.checks.map((check) => [check.step, check.outcome]),
  };
}

/** Return the text that a search looks through. */
function searched(view) {
  return [
    view.target.name, address(view.target), words(view.target.options), words(view.target.tags ?? []), view.verdict,
    view.cause ? `${view.cause.code} ${view.cause.detail} ${view.cause.owner}` : "", words(view.facts),
    ...view.checks.map((check) => `${check.endpoint} ${check.summary}`),
  ].join("\n").toLowerCase();
}

class Ladder {
  constructor(text) {
    this.text = text;
    this.line = text.slice(0, text.indexOf("\n"));
    let seconds = 0;
    for (let at = this.line.indexOf(NEXT); at >= 0; at = this.line.indexOf(NEXT, at + 1)) seconds++;
    this.seconds = this.line.endsWith(`"seconds":${NEXT}}`) ? seconds - 1 : -1;
    this.view = JSON.parse(seconds ? this.line.replaceAll(NEXT, "0") : this.line);
    this.summary = summary(this.view);
    // If the type or a tag has a placeholder, each row has its own values to filter by.
    const { types, tags, verdict, standing, reached, code, as, owners, steps } = this.summary;
    this.mixed = [verdict, standing, reached, code, ...types, ...as, ...tags, ...owners, ...steps.flat()].join().search(PLACEHOLDER) >= 0;
  }

  /** The searched text: literal pieces with placeholders between them. */
  get pieces() {
    this.cut ??= searched(this.view).split(/([\ue000-\ue0ff])/);
    return this.cut;
  }
}

class Result {
  constructor(row, ladder, place) {
    this.row = row;
    this.ladder = ladder;
    this.place = place;
    this.is = ladder.mixed ? summary(this.whole()) : ladder.summary;
    this.host = row[1] ?? ladder.view.target.host;
    this.seconds = ladder.seconds < 0 ? ladder.view.seconds : row[3 + ladder.seconds] / 1e6;
  }

  value(placeholder) {
    if (placeholder === HOST) return this.row[1];
    this.kept ??= this.row[2].split(" ");
    return this.kept[placeholder.charCodeAt(0) - KEPT] ?? placeholder;
  }

  /** Return the JSON of the result, or of the story that follows it. */
  json(template) {
    if (this.row[1] === null) return template;
    let next = 3;
    const filled = (found) => (found === NEXT ? String(this.row[next++] / 1e6) : found === HOST ? JSON.stringify(this.row[1]).slice(1, -1) : this.value(found));
    return template.replace(PLACEHOLDER, filled);
  }

  whole() {
    return JSON.parse(this.json(this.ladder.line));
  }

  /** Return the bytes sent, meaning and manual check of each check, and the tickets. */
  story() {
    return JSON.parse(this.json(this.ladder.text.slice(this.ladder.line.length + 1)));
  }

  get name() {
    if (this.row[1] === null || this.ladder.mixed) return this.whole().target.name;
    return this.ladder.view.target.name.replace(PLACEHOLDER, (found) => this.value(found));
  }

  get hay() {
    if (this.found === undefined) {
      if (this.row[1] === null || this.ladder.mixed) this.found = searched(this.whole());
      else this.found = this.ladder.pieces.map((piece, n) => (n % 2 ? this.value(piece).toLowerCase() : piece)).join("");
    }
    return this.found;
  }
}

/** Wait until the browser has handled its other events. */
const pause = () => new Promise((done) => { setTimeout(done); });

/** Return the results of the rows in their order; made in slices, so that the page stays responsive. */
async function results(rows) {
  const parts = [];
  const ladders = [];
  const part = (shown) => {
    if (typeof shown === "number") return parts[shown];
    if (parts.length < MOST_PARTS) parts.push(shown);
    return shown;
  };
  const made = [];
  for (const row of rows) {
    let ladder = ladders[row[0]];
    if (typeof row[0] !== "number") {
      ladder = new Ladder(row[0].map(part).join(""));
      if (ladders.length < MOST_LADDERS) ladders.push(ladder);
    }
    row[0] = null;
    made.push(new Result(row, ladder, made.length));
    if (made.length % SLICE === 0) {
      slices.push(SLICE);
      await pause();
    }
  }
  slices.push(made.length % SLICE);
  return made;
}
