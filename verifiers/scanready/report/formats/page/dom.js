"use strict";
// Make elements and text. No code of the page makes elements from text: texts of targets are textContent only.

const MOST = 400;
const GRAVITY = ["blocked", "undecided", "limited", "ready", "scannable"];
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Return text on one line, with unprintable characters as escapes, cut after `most` characters. */
function visible(text, most = MOST) {
  const whole = String(text);
  const shown = whole.slice(0, most).replace(UNPRINTABLE, (char) => {
    const code = char.codePointAt(0);
    if (code <= 0xff) return "\\x" + code.toString(16).padStart(2, "0");
    return code <= 0xffff ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0");
  });
  return whole.length > most ? `${shown}... (${whole.length - most} more characters)` : shown;
}

/** Do the same for a text of several lines. */
function visibleLines(text) {
  return String(text).replace(/\r\n/g, "\n").split("\n").slice(0, 400).map((line) => visible(line, 2000)).join("\n");
}

/** Make an element with its class, its children (strings become text) and its attributes. */
function make(tag, className, children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of [children].flat()) if (child !== null && child !== "") element.append(child);
  return element;
}

/** Make an SVG element with its attributes. */
function vector(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const byId = (id) => document.getElementById(id);

function address(target) {
  return `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}

function took(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

function badge(verdict) {
  return make("span", `badge v-${verdict}`, [make("i", "", [], { "aria-hidden": "true" }), verdict]);
}

/** Return a fact as text. */
function words(value) {
  if (Array.isArray(value)) return value.map(words).join(", ");
  if (value && typeof value === "object") return Object.entries(value).map(([key, held]) => `${key}: ${words(held)}`).join("; ");
  return String(value);
}

/** Return a sentence of the catalogue as nodes; text in backticks becomes code. */
function prose(text) {
  return visible(text, 4000).split("`").map((part, n) => (n % 2 ? make("code", "", part) : part));
}

function copyable(text) {
  const shown = visibleLines(text);
  const long = shown.split("\n").length > 16;  // it scrolls, so it needs keyboard focus
  return make("div", "fix", [make("pre", long ? "long" : "", shown, long ? { tabindex: "0" } : {}), make("button", "copy", "Copy", { type: "button" })]);
}

async function copy(button) {
  const block = button.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(block.textContent);
  } catch {
    // The page has no clipboard access: select the text, and copy it with the old command or let the user do so.
    const selection = getSelection();
    selection.selectAllChildren(block);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
}
