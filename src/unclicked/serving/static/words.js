// The sentences of the page.

import { keyOf, nameOf } from "./api.js";

/** "1 item", "3 items", "no items". */
export function count(number, noun, none = "no") {
  const many = number === 1 ? noun : `${noun}s`;
  return `${number === 0 ? none : number} ${many}`;
}

/** The names of the models in plain words, by "main" and "beside". */
export function titlesOf(infos) {
  const plain = (info) => (info.reads_unclicked ? "Unclicked-aware model" : "Clicks-only model");
  const kinds = Object.values(infos).map(plain);
  const alike = new Set(kinds).size < kinds.length;
  return Object.fromEntries(Object.entries(infos).map(([name, info]) =>
    [name, alike ? `${plain(info)} (${info.name ?? name})` : plain(info)]));
}

/** A title within a sentence. */
export function inside(title) {
  return title.charAt(0).toLowerCase() + title.slice(1);
}

export function aboutOf(info) {
  return info.reads_unclicked ? "Reads clicks and what was passed over." : "Reads clicks only.";
}

/** A user as the subject of a sentence; a label may be a whole description. */
function subject({ label }) {
  return label.length > 24 ? "This user" : label.charAt(0).toUpperCase() + label.slice(1);
}

/** Who did what: "Ann clicked 5 items and passed over 8." */
export function told(user) {
  const clicked = count(user.clicked.length, "item", "no");
  const passed = user.unclicked.length;
  return `${subject(user)} clicked ${clicked} and passed over ${passed === 0 ? "none" : passed}.`;
}

/** At how many places two lists hold different items. */
export function placesApart(one, other) {
  let apart = 0;
  for (let place = 0; place < Math.max(one.length, other.length); place += 1) {
    const [left, right] = [one[place], other[place]];
    if (!left || !right || keyOf(left.item_id) !== keyOf(right.item_id)) apart += 1;
  }
  return apart;
}

function shared(one, other) {
  const keys = new Set(one.map((item) => keyOf(item.item_id)));
  return count(other.filter((item) => keys.has(keyOf(item.item_id))).length, "item");
}

/** What the model made of it, against the list it is compared with. */
export function moved(lists, titles, start) {
  const main = lists.main.items;
  const title = `The ${inside(titles.main)}`;
  if (main.length === 0) return `${title} has no item to show.`;
  const places = (other) =>
    `${placesApart(main, other)} of ${Math.max(main.length, other.length)} places`;
  if (lists.beside) {
    return `${title} moved ${places(lists.beside.items)}, compared with the `
      + `${inside(titles.beside)}; the two lists share ${shared(main, lists.beside.items)}.`;
  }
  return start ? `${title} moved ${places(start.main.items)}, compared with the first list.` : "";
}

function joined(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** One list's change: "2 came in, 3 moved up and 1 moved down". */
export function changed(change) {
  const parts = [];
  if (change.came) parts.push(`${change.came} came in`);
  if (change.up) parts.push(`${change.up} moved up`);
  if (change.down) parts.push(`${change.down} moved down`);
  return parts.length ? joined(parts) : "nothing moved";
}

/** The last action, in the past tense. */
export function acted(what, items, undone = false) {
  const one = what.ids.length === 1 ? nameOf(items.get(what.ids[0]))
    : count(what.ids.length, "item");
  const short = one.length > 60 ? `${one.slice(0, 59)}…` : one;
  const verb = { click: "Clicked", pass: "Passed over", remove: "Removed" }[what.act];
  return undone ? `Undone: ${verb.toLowerCase()} ${short}.` : `${verb} ${short}.`;
}

/** What the model read of the history. */
export function readOf(user, explain) {
  if (!explain || user.clicked.length + user.unclicked.length === 0) return "";
  const parts = [`${count(explain.clicked.length, "click")} as the last session`];
  if (explain.long_term?.length) parts.push(`${count(explain.long_term.length, "earlier click")}`);
  parts.push(`${count(explain.unclicked.length, "passed-over item")}`);
  return `Of this, the model read ${joined(parts)}.`;
}

/** Ids that the service does not know, as a sentence. */
export function unknown(ignored) {
  const { also_clicked: known, ...lost } = ignored ?? {};
  const ids = Object.values(lost).filter(Array.isArray).flat();
  if (ids.length === 0) return "";
  const some = ids.slice(0, 5).map(String).join(", ");
  const more = ids.length > 5 ? ` and ${ids.length - 5} more` : "";
  return `Not known to the model, and left out: ${some}${more}.`;
}
