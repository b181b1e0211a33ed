// One list of the shelf: its rows, their marks, and the keys.

import { factsOf, keyOf, nameOf, wholeOf } from "./api.js";
import { cover } from "./cover.js";
import { calm, el, heard } from "./dom.js";

function markOf(move) {
  if (move === "new") return ["new", "new", "new in the list"];
  if (move > 0) return ["up", `▲ ${move}`, `up ${move}`];
  if (move < 0) return ["down", `▼ ${-move}`, `down ${-move}`];
  return ["", "", ""];
}

/** A list of one model. `act(name, id)` takes "click", "pass" and "undo". */
export class Shelf {
  constructor(name, title, about, act) {
    this.name = name;
    this.act = act;
    this.items = [];
    this.flag = el("span", { class: "flag", hidden: true }, "fallback");
    this.about = el("p", { class: "about" }, about);
    this.plain = about;
    this.rows = el("ol", { class: "rows", "aria-label": `List of the ${title}` });
    this.left = el("div", { class: "left", hidden: true });
    this.root = el("div", { class: `list ${name}`, role: "group", "aria-label": title },
      el("h3", {}, title, " ", this.flag), this.about, this.rows, this.left);
    this.rows.addEventListener("keydown", (event) => this.#key(event));
    this.rows.addEventListener("focusin", (event) => this.#roam(event.target.closest(".row")));
  }

  /** Grey places until the first answer comes. */
  waitAtFirst(length) {
    if (this.rows.children.length) return;
    this.rows.replaceChildren(...Array.from({ length }, () =>
      el("li", { class: "skeleton", "aria-hidden": "true" })));
  }

  /** Show a list, with what changed since the one before. */
  draw({ answer, change, items, field, user, others }) {
    const held = this.#held();
    const tops = new Map([...this.rows.children].map((row) => [row.dataset.key, row.offsetTop]));
    this.items = answer.items;
    this.flag.hidden = !answer.fallback;
    this.about.textContent = answer.fallback
      ? "No known click to read, so these are the items clicked most." : this.plain;
    this.rows.replaceChildren(...answer.items.map((placed) => {
      const item = items.get(placed.item_id);
      const key = keyOf(placed.item_id);
      return this.#row(placed, item, change.moves.get(key), user.mark(placed.item_id),
        field, others?.get(key));
    }));
    if (answer.items.length === 0) {
      this.rows.append(el("li", { class: "none" }, "The list is empty: no item is left to show."));
    }
    this.#drawLeft(change.out, items);
    this.#roam(this.rows.querySelector(".row"));
    this.#slide(tops, change.moves.size > 0);
    if (held) this.focusRow(held.place, held.button);
  }

  #row(placed, item, move, mark, field, twin) {
    const name = nameOf(item);
    const [kind, sign, said] = markOf(move);
    const there = twin === undefined ? "" : twin ? `, place ${twin} in the other list`
      : ", not in the other list";
    const button = (act, text, key) => el("button", {
      type: "button", tabindex: "-1", "data-act": act, "aria-label": `${text}: ${name}`,
      title: `${text} (${key})`,
    }, text);
    const told = [name, said, mark].filter(Boolean).join(", ");
    const row = el("li", {
      class: "row", tabindex: "-1", "data-key": keyOf(placed.item_id),
      "aria-keyshortcuts": "C S U",
      "aria-label": `Place ${placed.rank}: ${told}${there}`,
    },
    el("span", { class: "rank" }, String(placed.rank)), cover(item, field),
    el("span", { class: "words", title: wholeOf(item, field) },
      el("span", { class: "name" }, el("span", {}, name),
        mark ? el("span", { class: "tag" }, mark) : null),
      el("span", { class: "facts" }, factsOf(item, field))),
    el("span", { class: `move ${kind}` },
      el("span", { "aria-hidden": "true" }, sign), heard(said)),
    el("span", { class: "doing" }, button("click", "Click", "C"),
      button("pass", "Pass over", "S")));
    row.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-act]");
      if (pressed) this.act(pressed.dataset.act, placed.item_id);
    });
    return row;
  }

  #drawLeft(out, items) {
    this.left.hidden = out.length === 0;
    this.left.replaceChildren(el("h4", {}, "Left the list"),
      el("ul", {}, ...out.map((placed) => el("li", { title: nameOf(items.get(placed.item_id)) },
        nameOf(items.get(placed.item_id)), " ",
        el("span", { class: "was" }, `was ${placed.rank}`)))));
  }

  // Rows move from where they were to where they are, so that the eye can follow.
  #slide(tops, changed) {
    if (!changed || calm()) return;
    for (const row of this.rows.children) {
      const top = tops.get(row.dataset.key);
      const from = top === undefined ? [{ opacity: 0 }, { opacity: 1 }]
        : [{ transform: `translateY(${top - row.offsetTop}px)` }, { transform: "none" }];
      if (top !== row.offsetTop) row.animate(from, { duration: 420, easing: "ease-out" });
    }
  }

  // The place and the button that have the focus, where they are in this list.
  #held() {
    const row = document.activeElement?.closest?.(".row");
    if (!row || row.parentElement !== this.rows) return null;
    const place = [...this.rows.children].indexOf(row);
    return { place, button: document.activeElement.dataset.act };
  }

  // One row at a time can be reached by Tab; arrows go on from there.
  #roam(row) {
    if (!row) return;
    for (const other of this.rows.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
    for (const button of row.querySelectorAll("button")) button.tabIndex = 0;
  }

  /** Focus a row by its place from 0, or the last one; and its button, if named. */
  focusRow(place, button) {
    const rows = this.rows.querySelectorAll(".row");
    if (rows.length === 0) {
      this.rows.setAttribute("tabindex", "-1");
      this.rows.focus();
      return;
    }
    const row = rows[Math.max(0, Math.min(place, rows.length - 1))];
    this.#roam(row);
    (button ? row.querySelector(`[data-act="${button}"]`) : row).focus();
  }

  #key(event) {
    const held = this.#held();
    if (!held || event.ctrlKey || event.metaKey || event.altKey) return;
    const { place } = held;
    const keys = {
      ArrowDown: () => this.focusRow(place + 1),
      ArrowUp: () => this.focusRow(place - 1),
      Home: () => this.focusRow(0),
      End: () => this.focusRow(Infinity),
      ArrowRight: () => this.across?.(place),
      ArrowLeft: () => this.across?.(place),
      c: () => this.act("click", this.items[place].item_id),
      s: () => this.act("pass", this.items[place].item_id),
      u: () => this.act("undo"),
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.repeat && event.key.length === 1) return;
    event.preventDefault();
    act();
  }
}
