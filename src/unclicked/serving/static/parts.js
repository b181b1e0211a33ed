// The parts around the lists: settings, pictures, the request, the models, errors.

import { toJson } from "./api.js";
import { at, copyButton, el } from "./dom.js";
import { drawDistances, drawGate, drawShares, shares } from "./pictures.js";

/** A select for each profile field; a change is written to the user. */
export function drawSettings(info, user, changed) {
  const made = Object.entries(info.profile_fields ?? {}).map(([field, values], number) => {
    const own = user.profile[field];
    const all = own === undefined || values.includes(own) ? values : [own, ...values];
    const select = el("select", { id: `profile-${number}` },
      el("option", { value: "" }, "not told"),
      ...all.map((value) => el("option", { value, selected: value === own }, String(value))));
    select.addEventListener("change", () => {
      if (select.selectedIndex === 0) delete user.profile[field];
      else user.profile[field] = all[select.selectedIndex - 1];
      changed();
    });
    return el("div", { class: "field profile" }, el("label", { for: select.id }, field), select);
  });
  for (const old of at("settings").querySelectorAll(".profile")) old.remove();
  at("settings").prepend(...made);
}

/** The pictures of what changed inside the models. */
export function drawInside({ lists, start, titles, items, field }) {
  at("shares-legend").replaceChildren(...Object.entries(titles).map(([name, title]) =>
    el("span", {}, el("span", { class: `swatch ${name}` }), title)));
  drawShares(at("shares"), Object.keys(lists).map((name) => ({
    name, title: titles[name], now: shares(lists[name].items, items, field),
    start: shares(start[name]?.items, items, field),
  })));
  const { explain } = lists.main;
  const first = start.main.explain;
  drawGate(at("gate"), explain?.gate, start === lists ? null : first?.gate);
  drawDistances(at("distances"), explain?.distances);
}

/** The request for the present list as a line for a shell. */
export function drawRequest(body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const root = new URL("./", location.href);
  const address = new URL("recommend", root.origin + root.pathname).href;
  const pre = at("curl");
  pre.textContent = `curl -s ${quoted(address)} \\\n  -H 'Content-Type: application/json' \\\n`
    + `  -d ${quoted(toJson(body))}`;
  if (!pre.nextElementSibling) pre.after(copyButton(() => pre.textContent));
}

// Split to {metrics: {name: {mean}}}, as an evaluation is kept.
function scoresOf(metrics) {
  return Object.entries(metrics ?? {}).flatMap(([split, found]) =>
    Object.entries(found?.metrics ?? {}).map(([name, score]) =>
      [`${name}, ${split}`, `${(100 * score.mean).toFixed(2)}\u00a0%`]));
}

/** What the service tells of its models. */
export function drawModels({ models, state, versions }, titles) {
  const line = (name, value) => [el("dt", {}, name), el("dd", {}, String(value))];
  at("models").replaceChildren(...Object.entries(models).map(([name, info]) => {
    const scores = scoresOf(info.metrics);
    const facts = ["name", "encoder", "fusion", "items", "dim", "cut"]
      .filter((key) => info[key] !== undefined && info[key] !== null);
    return el("div", {}, el("h3", {}, titles[name]), el("dl", {},
      ...facts.flatMap((key) => line(key, info[key])),
      ...scores.flatMap(([key, value]) => line(key, value)),
      ...line("sha256", `${String(info.sha256).slice(0, 16)}…`)),
    ...(info.card ? [el("pre", { tabindex: "0" }, info.card)] : []));
  }), el("div", {}, el("h3", {}, "The service"), el("dl", {}, ...line("events kept in", state),
    ...Object.entries(versions ?? {}).flatMap(([key, value]) => line(key, value)))));
}

/** Tell an error, and offer to try again. */
export function tellTrouble(error, again) {
  const [title, sentence] = error.words;
  const retry = el("button", { type: "button", id: "retry" }, "Try again");
  retry.addEventListener("click", () => {
    retry.disabled = true;
    retry.textContent = "Trying…";
    again();
  });
  at("trouble").replaceChildren(el("div", { class: "trouble" },
    el("div", {}, el("p", { class: "title" }, title), el("p", {}, sentence)), retry));
}
