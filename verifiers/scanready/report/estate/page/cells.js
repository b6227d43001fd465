// Read the packed matrix: agents, kinds of results, and one row of states and values for each target.

// The kinds of lines, and the states of a cell, as in the writer of the page.
const [KIND, TARGET, AGENT, TEXT] = [0, 1, 2, 3];
const [NOT_ASSIGNED, MISSING, FIRST] = [0, 1, 2];
const [OBJECT, NAME, ZERO, ADDRESS] = ["\ue002", "\ue003", "\ue004", 0xe005];
const OURS = /[\ue002-\ue00f]/g;
const DIGITS = [...Array(94).keys()].map((n) => String.fromCharCode(n + 33)).filter((char) => !'"#&:<\\'.includes(char)).join("");
const BASE = DIGITS.length / 2;
const VALUES = new Uint8Array(128).fill(255);
[...DIGITS].forEach((digit, value) => { VALUES[digit.charCodeAt(0)] = value; });

/** Return the numbers of a text: base 44, the lowest digit first, the last one of a number from the upper half. */
function numbers(text) {
  const found = [];
  let [number, scale] = [0, 1];
  for (let at = 0; at < text.length; at++) {
    const value = VALUES[text.charCodeAt(at)];
    number += (value % BASE) * scale;
    scale *= BASE;
    if (value >= BASE) {
      found.push(number);
      [number, scale] = [0, 1];
    }
  }
  return found;
}

/** One agent, and what replaces its placeholders. */
class Column {
  constructor([name, platform, addresses, sites, absent, profile], place) {
    Object.assign(this, { name, platform, addresses, sites, absent, profile, place });
    this.words = new Map();
  }

  introduce(object, addresses) {
    this.words = new Map([[OBJECT, object], [NAME, JSON.stringify(this.name).slice(1, -1)], [ZERO, "0.0"]]);
    addresses.forEach((address, n) => this.words.set(String.fromCharCode(ADDRESS + n), address));
  }
}

/** A kind of result: the parts of its ladder, and what filters need. */
class Kind {
  constructor(ladder, verdict, code, owner) {
    Object.assign(this, { ladder, verdict, code, owner, rank: GRAVITY.indexOf(verdict) });
  }
}

/** One target, with its packed cells. */
class Row {
  constructor(line, place) {
    [, this.host, this.name, this.type, this.states, this.tokens, this.values] = line;
    const [verdict, by, overruled, standing, code = "", step = "", owner = "", met = -1, told] = line[7];
    Object.assign(this, { place, verdict, by, overruled, standing, code, step, owner, met, told, rank: GRAVITY.indexOf(verdict), key: this.name.toLowerCase() });
  }

  /** The values of the result in a column, or undefined. */
  value(column) {
    const before = STATES.subarray(this.place * COLUMNS.length, this.place * COLUMNS.length + column);
    return this.values.split(" ")[before.reduce((count, state) => count + (state >= FIRST), 0)];
  }

  /** What overrules the result in a column: its own and the counted verdict, the agent that met the cause, and why. */
  overruling(column) {
    this.groups ??= new Map(this.overruled.flatMap((group) => numbers(group[4]).map((place) => [place, group])));
    const found = this.groups.get(column);
    return found && { own: found[0], counted: found[1], by: COLUMNS[found[2]], why: said(found[3]) };
  }
}

const PARTS = [];
const LADDERS = [];
const KINDS = [];
const TEXTS = [];
let COLUMNS = [];
let ROWS = [];
// For each row and each column: not assigned, missing, or the number of a kind.
let STATES = new Uint32Array(0);

const said = (text) => (typeof text === "number" ? TEXTS[text] : text);
const stateAt = (row, column) => STATES[row.place * COLUMNS.length + column];
const kindAt = (row, column) => KINDS[stateAt(row, column) - FIRST];

function partOf(shown) {
  if (typeof shown === "number") return PARTS[shown];
  if (PARTS.length < MOST_PARTS) PARTS.push(shown);
  return shown;
}

function ladderOf(shown) {
  if (typeof shown === "number") return LADDERS[shown];
  const parts = shown.map(partOf);
  if (LADDERS.length < MOST_LADDERS) LADDERS.push(parts);
  return parts;
}

/** One result: it has the methods that the component for a target needs. */
class Cell {
  constructor(row, column) {
    [this.row, this.column, this.kind] = [row, COLUMNS[column], kindAt(row, column)];
    const text = this.kind.ladder.join("");
    const value = row.value(column);
    this.text = value ? this.filled(text, numbers(value)) : text;
    this.end = this.text.indexOf("\n");
  }

  filled(text, [count, ...rest]) {
    const tokens = this.row.tokens.split(" ");
    const kept = rest.slice(0, count).map((number) => (number % 2 ? new Date(RUN.estate.clock + (number - 1) / 2).toISOString() : tokens[number / 2]));
    const seconds = rest.slice(count);
    let next = 0;
    const host = JSON.stringify(this.row.host).slice(1, -1);
    const first = (found) => (found === NEXT ? String(seconds[next++] / 1e6) : found === HOST ? host : OURS.test(found) ? found : kept[found.charCodeAt(0) - KEPT] ?? found);
    return text.replace(PLACEHOLDER, first).replace(OURS, (found) => this.column.words.get(found) ?? found);
  }

  whole() {
    return JSON.parse(this.text.slice(0, this.end));
  }

  /** Return the bytes sent, meaning and manual check of each check, and the tickets. */
  story() {
    return JSON.parse(this.text.slice(this.end + 1));
  }
}

/** Read all lines, in slices, so that the page stays responsive. */
async function readMatrix() {
  COLUMNS = RUN.estate.columns.map((column, place) => new Column(column, place));
  let read = 0;
  for (const line of RUN.matrix) {
    if (line[0] === KIND) KINDS.push(new Kind(ladderOf(line[1]), line[2], line[3], line[4]));
    else if (line[0] === AGENT) COLUMNS[line[1]].introduce(line[2], line[3]);
    else if (line[0] === TEXT) TEXTS.push(line[1]);
    else ROWS.push(new Row(line, ROWS.length));
    if (++read % SLICE === 0) await pause();
  }
  RUN.matrix = [];
  STATES = new Uint32Array(ROWS.length * COLUMNS.length);
  for (const row of ROWS) {
    STATES.set(numbers(row.states), row.place * COLUMNS.length);
    row.states = "";
  }
}
