// One target: why, the ladder, the story, the facts, what it cost.

const SIGNS = { passed: "✓", warned: "!", failed: "✗", skipped: "–" };

function pairs(entries) {
  const list = make("dl", "pairs");
  for (const [name, value] of entries) list.append(make("div", "", [make("dt", "", visible(name, 60)), make("dd", "", visible(words(value)))]));
  return list;
}

/** The ladder, a rung a check. */
function ladder(result) {
  const list = make("ol", "ladder");
  const usual = [address(result.target), result.target.host];
  for (const check of result.checks) {
    const what = make("div", "what", visible(check.summary, 600));
    if (!usual.includes(check.endpoint)) what.append(make("span", "end", visible(check.endpoint, 200)));
    if (check.cause) what.append(make("span", "end code", check.cause));
    const rung = make("li", `rung ${check.outcome}`, [
      make("span", "mark", SIGNS[check.outcome], { role: "img", "aria-label": check.outcome }),
      make("b", "", check.step),
      what,
      make("span", "time", check.outcome === "skipped" ? "" : took(check.seconds)),
    ]);
    const facts = Object.entries(check.facts);
    if (facts.length) rung.append(make("details", "", [make("summary", "", `${facts.length} ${facts.length === 1 ? "fact" : "facts"}`), pairs(facts)]));
    list.append(rung);
  }
  return list;
}

function finding(result) {
  const cause = result.cause;
  const card = make("div", `finding ${result.verdict}`, [
    make("p", "", [make("code", "", cause.code), ` at ${cause.step}, owner `, make("b", "", cause.owner)]),
    make("p", "mono", visible(cause.detail, 1200)),
    make("p", "", prose(cause.meaning)),
    make("p", "", [make("b", "label", "Remedy"), ...prose(cause.remedy)]),
  ]);
  if (cause.fix) card.append(make("p", "label", "Fix"), copyable(cause.fix));
  return card;
}

function part(title, ...children) {
  return make("section", "", [make("h3", "", title), ...children]);
}

function detail(result, place, count, go) {
  const dialog = byId("detail");
  const step = (label, sign, to) => {
    const button = make("button", "quiet", sign, { type: "button", "aria-label": label });
    button.disabled = to < 0 || to >= count;
    button.addEventListener("click", () => go(to));
    return button;
  };
  const close = make("button", "quiet", "✕", { type: "button", "aria-label": "Close" });
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", "mono", visible(`${result.target.type}://${address(result.target)}`, 300), { id: "detail-title", tabindex: "-1" });
  const parts = [make("header", "", [badge(result.verdict), title, step("Previous target", "↑", place - 1), step("Next target", "↓", place + 1), close])];
  if (result.cause) parts.push(part("Why", finding(result)));
  parts.push(part("The ladder", ladder(result)));
  if (result.story) parts.push(part("The story", story(result.story)));
  const facts = Object.entries(result.facts).sort();
  if (facts.length) parts.push(part("Facts", pairs(facts)));
  const target = [["options", result.target.options], ["credential", result.target.credential ?? "none"], ["tags", result.target.tags ?? []]];
  const cost = result.footprint;
  parts.push(part("What it was, and what it cost", pairs([
    ...target.filter(([, value]) => words(value) !== ""),
    ["connections", cost.connections], ["login attempts", cost.login_attempts], ["probe logins", cost.probe_logins],
    ["began", result.started], ["took", took(result.seconds)],
  ])));
  const raw = make("details", "more", make("summary", "", "JSON"));
  raw.addEventListener("toggle", () => {
    if (raw.open && raw.childElementCount === 1) raw.append(make("pre", "raw", JSON.stringify(plain(result), null, 1).replace(UNPRINTABLE, (char) => (char === "\n" ? char : visible(char)))));
  });
  parts.push(make("section", "", raw));
  dialog.replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus({ preventScroll: true });
}

/** The result as it was, without what this page added to it. */
function plain(result) {
  const { story: _story, place: _place, hay: _hay, ...rest } = result;
  return rest;
}

/** [[step, [[label, text, to copy?], ...]], ...] */
function story(told) {
  const list = make("ol", "story");
  for (const [step, lines] of told) {
    list.append(make("li", "", [make("b", "", step), ...lines.map(([label, text, paste]) =>
      paste ? make("div", "", [make("span", "label", label), copyable(text)]) : make("div", "", [make("span", "label", label), visible(text, 1200)]))]));
  }
  return list;
}
