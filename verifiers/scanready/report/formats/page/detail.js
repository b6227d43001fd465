// Show one target: its cause, ladder, story, facts and footprint.

const SIGNS = { skipped: "–", passed: "✓", warned: "!", failed: "✗" };

function pairs(entries) {
  const list = make("dl", "pairs");
  for (const [name, value] of entries) list.append(make("div", "", [make("dt", "", visible(name, 60)), make("dd", "", visible(words(value)))]));
  return list;
}

/** Draw the ladder, one rung for each check: bytes sent, answer, meaning, and the manual check. */
function ladder(result, rungs = null) {
  const list = make("ol", "ladder");
  const usual = [address(result.target), result.target.host];
  result.checks.forEach((check, number) => {
    const what = make("div", "what", visible(check.summary, 600));
    if (!usual.includes(check.endpoint)) what.append(make("span", "end", visible(check.endpoint, 200)));
    if (check.cause) what.append(make("span", "end code", check.cause));
    const rung = make("li", `rung ${check.outcome}`, [
      make("span", "mark", SIGNS[check.outcome], { role: "img", "aria-label": check.outcome }),
      make("b", "", check.step),
      what,
      make("span", "time", check.outcome === "skipped" ? "" : took(check.seconds)),
    ]);
    if (rungs) rung.append(...tellOf(check, rungs[number] ?? ["", ""]));
    list.append(rung);
  });
  return list;
}

function tellOf(check, [sent, means, ...byHand]) {
  const lines = [];
  if (sent) lines.push(make("p", "", [make("b", "label", "sent"), visible(sent, 1200)]));
  if (means && check.outcome !== "skipped") lines.push(make("p", "", [make("b", "label", "meaning"), ...prose(means)]));
  for (const line of byHand) lines.push(make("p", "label", "check manually"), copyable(line));
  const facts = Object.entries(check.facts);
  if (facts.length) lines.push(make("p", "label", "facts"), pairs(facts));
  if (!lines.length) return [];
  const box = make("details", "", [make("summary", "", "details"), ...lines]);
  box.open = check.outcome === "failed" || check.outcome === "warned";
  return [box];
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
  for (const other of cause.also) {
    card.append(make("p", "", [make("b", "label", `Alternative (owner: ${other.owner})`), ...prose(other.remedy)]));
    if (other.fix) card.append(make("p", "label", `Alternative fix (owner: ${other.owner})`), copyable(other.fix));
  }
  return card;
}

/** For a host without a type: the result of one type that was tried. */
function typeLine(result) {
  const why = result.cause ? [" ", make("code", "", result.cause.code), " ", make("span", "mono", visible(result.cause.detail, 600))] : [];
  return make("li", "", [badge(result.verdict), " ", make("b", "", visible(`${result.target.type} ${result.target.port}`, 60)), ...why]);
}

/** One cause besides the decisive one, with its fix. */
function second(cause) {
  const lines = [make("p", "", [make("code", "", cause.code), ` at ${cause.step}, owner `, make("b", "", cause.owner)]), make("p", "mono", visible(cause.detail, 1200))];
  if (cause.fix) lines.push(copyable(cause.fix));
  return make("div", "", lines);
}

function part(title, ...children) {
  return make("section", "", [make("h3", "", title), ...children]);
}

function detail(shown, place, count, go) {
  const [result, story] = [shown.whole(), shown.story()];
  const dialog = byId("detail");
  const step = (label, sign, to) => {
    const button = make("button", "quiet", sign, { type: "button", "aria-label": label });
    button.disabled = to < 0 || to >= count;
    button.addEventListener("click", () => go(to));
    return button;
  };
  const close = make("button", "quiet", "✕", { type: "button", "aria-label": "Close" });
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", "mono", visible(result.target.name, 4000), { id: "detail-title", tabindex: "-1" });
  const known = result.standing ? [make("p", "dim", `${result.standing}, until ${visible(result.target.expected.until, 20)} ${visible(result.target.expected.reason, 400)}`)] : [];
  const parts = [make("header", "", [badge(result.verdict), title, step("Previous target", "↑", place - 1), step("Next target", "↓", place + 1), close])];
  if (known.length) parts.push(part("Known failure", ...known));
  if (result.types) parts.push(part("Types that were tried", make("ul", "where", result.types.map(typeLine))));
  if (result.cause) parts.push(part("Cause", finding(result)));
  if (result.besides.length) parts.push(part("Also found", ...result.besides.map(second)));
  parts.push(part("Steps", ladder(result, story.rungs)));
  for (const [whom, ...lines] of story.asked) parts.push(part(`Ask ${visible(whom)}`, copyable(lines.join("\n"))));
  const facts = Object.entries(result.facts).sort();
  if (facts.length) parts.push(part("Facts", pairs(facts)));
  const target = [["options", result.target.options], ["credential", result.target.credential ?? "none"], ["tags", result.target.tags ?? []]];
  const cost = result.footprint;
  parts.push(part("Target and footprint", pairs([
    ...target.filter(([, value]) => words(value) !== ""),
    ["connections", cost.connections], ["login attempts with a credential", cost.login_attempts], ["login attempts with an invented account", cost.probe_logins],
    ["began", result.started], ["took", took(result.seconds)],
  ])));
  const raw = make("details", "more", make("summary", "", "JSON"));
  raw.addEventListener("toggle", () => {
    if (raw.open && raw.childElementCount === 1) raw.append(make("pre", "raw", JSON.stringify(result, null, 1).replace(UNPRINTABLE, (char) => (char === "\n" ? char : visible(char))), { tabindex: "0" }));
  });
  parts.push(make("section", "", raw));
  dialog.replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus({ preventScroll: true });
}
