// Who is on the page: the row of users, the cards of the history, the search of the catalogue.

import { factsOf, nameOf, wholeOf } from "./api.js";
import { cover } from "./cover.js";
import { at, el } from "./dom.js";
import { count } from "./words.js";

const PILLS = 8;
const CARDS = matchMedia("(max-width: 36rem)").matches ? 4 : 8;
const opened = { clicked: false, unclicked: false, users: false };

function words(item, field) {
  return el("span", { class: "words", title: wholeOf(item, field) },
    el("span", { class: "name" }, el("span", {}, nameOf(item))),
    el("span", { class: "facts" }, factsOf(item, field)));
}

/** The users to choose from; `chosen` is a number of the list, or "own". */
export function drawUsers(examples, chosen, choose) {
  const hidden = !opened.users && examples.length > PILLS + 1;
  const shown = hidden ? examples.slice(0, Math.max(PILLS, Number(chosen) + 1 || 0)) : examples;
  const pill = (label, key, style) => el("button", {
    type: "button", class: style, "data-key": key, "aria-pressed": String(key === chosen),
    title: label, on: { click: () => choose(key) },
  }, el("span", { class: "two-lines" }, label));
  const more = el("button", { type: "button", class: "more", on: { click: () => {
    opened.users = true;
    drawUsers(examples, chosen, choose);
    at("users").children[shown.length]?.focus();
  } } }, `${examples.length - shown.length} more`);
  at("users").replaceChildren(
    ...shown.map((example, number) => pill(example.label, number)),
    ...(examples.length > shown.length ? [more] : []), pill("Build a user", "own", "own"));
}

/** The cards of one list of the history, the latest first. */
export function drawHistory(list, user, items, field, remove) {
  const box = at(list);
  const title = at(`${list}-title`);
  title.querySelector(".count")?.remove();
  title.append(el("span", { class: "count" }, ` ${user[list].length}`));
  if (user[list].length === 0) {
    box.replaceChildren(el("p", { class: "none" }, list === "clicked"
      ? "Nothing yet. Without a click the service shows what is clicked most."
      : "Nothing yet. Pass over an item below and see what changes."));
    return;
  }
  const order = user[list].map((id, position) => [id, position]).reverse();
  const shown = opened[list] ? order : order.slice(0, CARDS);
  const cards = shown.map(([id, position]) => {
    const item = items.get(id);
    return el("li", {}, cover(item, field), words(item, field), el("button", {
      type: "button", class: "remove", "aria-label": `Remove ${nameOf(item)}`, title: "Remove",
      on: { click: () => remove(list, position) },
    }, "×"));
  });
  const more = el("button", { type: "button", class: "earlier", on: { click: () => {
    opened[list] = true;
    drawHistory(list, user, items, field, remove);
    box.querySelectorAll(".remove")[CARDS]?.focus();
  } } }, `and ${count(order.length - shown.length, "earlier item")}`);
  box.replaceChildren(
    el("ul", { class: list === "clicked" ? "cards" : "cards passed" }, ...cards),
    ...(order.length > shown.length ? [more] : []));
}

/** Close what was opened, as another user comes. */
export function foldHistory() {
  opened.clicked = false;
  opened.unclicked = false;
}

/** The search of the catalogue; `add(act, id)` takes what is chosen. */
export function startFinder(items, fieldNow, add) {
  let going;
  let timer;
  const draw = (found) => at("found").replaceChildren(...found.map((item) => {
    const act = (name, text) => el("button", {
      type: "button", "aria-label": `${text}: ${nameOf(item)}`,
      on: { click: () => add(name, item.item_id) },
    }, text);
    return el("li", {}, cover(item, fieldNow()), words(item, fieldNow()),
      act("click", "Clicked"), act("pass", "Passed over"));
  }));
  const search = async () => {
    going?.abort();
    going = new AbortController();
    const query = at("query").value.trim();
    const { signal } = going;
    try {
      const found = await items.search(query, signal);
      if (signal.aborted) return;
      draw(found);
      at("found-note").textContent = found.length === 0 ? `Nothing fits “${query}”.`
        : query === "" ? "The items that are clicked most:"
          : `${count(found.length, "item")} found.`;
    } catch (error) {
      if (signal.aborted) return;
      draw([]);
      at("found-note").textContent = error.words?.join(" ") ?? String(error);
    }
  };
  at("query").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 200);
  });
  at("finder").addEventListener("toggle", () => {
    if (at("finder").open && at("found").children.length === 0) search();
  });
}
