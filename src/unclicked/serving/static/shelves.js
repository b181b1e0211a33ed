// The lists of all models side by side, with the lines between them.

import { keyOf } from "./api.js";
import { svg } from "./dom.js";
import { drawLinks, lightLinks } from "./links.js";
import { Shelf } from "./shelf.js";
import { aboutOf } from "./words.js";

const PLACES = 10;

export class Shelves {
  constructor(root, infos, titles, act) {
    this.lists = Object.entries(infos).map(([name, info]) =>
      new Shelf(name, titles[name], aboutOf(info), act));
    this.canvas = svg("svg", { class: "links", "aria-hidden": "true" });
    const [main, beside] = this.lists;
    root.classList.toggle("alone", !beside);
    document.getElementById("across-keys").hidden = !beside;
    root.replaceChildren(main.root, ...(beside ? [this.canvas, beside.root] : []));
    for (const list of this.lists) list.waitAtFirst(PLACES);
    if (!beside) return;
    main.across = (place) => beside.focusRow(place);
    beside.across = (place) => main.focusRow(place);
    for (const event of ["pointerover", "focusin"]) {
      root.addEventListener(event, ({ target }) => this.#light(target.closest(".row")));
    }
    root.addEventListener("pointerleave", () => this.#light(null));
    new ResizeObserver(() => drawLinks(this.canvas, main, beside)).observe(root);
  }

  #light(row) {
    lightLinks(this.canvas, this.lists, row?.dataset.key);
  }

  /** Show the answers of all models. */
  draw({ lists, change, items, field, user }) {
    const ranks = Object.fromEntries(Object.entries(lists).map(([name, answer]) =>
      [name, new Map(answer.items.map((placed) => [keyOf(placed.item_id), placed.rank]))]));
    for (const list of this.lists) {
      const other = this.lists.find((one) => one !== list);
      list.draw({ answer: lists[list.name], change: change[list.name], items, field, user,
        others: other && ranks[other.name] });
    }
    if (this.lists.length > 1) drawLinks(this.canvas, ...this.lists);
  }
}
