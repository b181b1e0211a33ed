// The user on the page: what they clicked and passed over, and the way back.

import { keyOf } from "./api.js";

export class User {
  constructor({ label, clicked = [], long_term = [], unclicked = [], profile = {} }, own = false) {
    this.label = label;
    this.own = own;
    this.clicked = [...clicked];
    this.longTerm = [...long_term];
    this.unclicked = [...unclicked];
    this.profile = { ...profile };
    this.past = [];
  }

  /** What happened last, or nothing. */
  get last() {
    return this.past.at(-1)?.what;
  }

  #remember(what) {
    this.past.push({ what, clicked: this.clicked, unclicked: this.unclicked });
  }

  /** A clicked item is no longer an unclicked one. */
  click(id) {
    this.#remember({ act: "click", ids: [id] });
    this.clicked = [...this.clicked, id];
    this.unclicked = this.unclicked.filter((other) => keyOf(other) !== keyOf(id));
  }

  passOver(ids) {
    this.#remember({ act: "pass", ids });
    this.unclicked = [...this.unclicked, ...ids];
  }

  remove(list, position) {
    this.#remember({ act: "remove", ids: [this[list][position]] });
    this[list] = this[list].filter((_, number) => number !== position);
  }

  /** Take the last action back and return it. */
  undo() {
    const { what, clicked, unclicked } = this.past.pop();
    Object.assign(this, { clicked, unclicked });
    return what;
  }

  restart() {
    if (this.past.length) Object.assign(this, this.past[0], { past: [] });
  }

  /** Whether an item was clicked, passed over, or neither. */
  mark(id) {
    const has = (list) => list.some((other) => keyOf(other) === keyOf(id));
    if (has(this.clicked)) return "clicked";
    return has(this.unclicked) ? "passed over" : "";
  }
}

/** How a list changed: for each key a move (places up, below 0 down) or "new"; what went out. */
export function changes(before, after) {
  const moves = new Map();
  if (!before) return { moves, came: 0, up: 0, down: 0, out: [] };
  const old = new Map(before.map((item) => [keyOf(item.item_id), item.rank]));
  const now = new Set(after.map((item) => keyOf(item.item_id)));
  for (const item of after) {
    const rank = old.get(keyOf(item.item_id));
    moves.set(keyOf(item.item_id), rank === undefined ? "new" : rank - item.rank);
  }
  const numbers = [...moves.values()];
  return {
    moves,
    came: numbers.filter((move) => move === "new").length,
    up: numbers.filter((move) => move > 0).length,
    down: numbers.filter((move) => move < 0).length,
    out: before.filter((item) => !now.has(keyOf(item.item_id))),
  };
}
