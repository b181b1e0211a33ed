// Lines between the two lists: the same item at its place on either side.

import { svg } from "./dom.js";

/** Draw the lines into `canvas`, between the rows of two lists. */
export function drawLinks(canvas, left, right) {
  const width = canvas.clientWidth;
  // Offsets, unlike rectangles, do not see the rows that are still sliding.
  const middles = (shelf) => new Map([...shelf.rows.querySelectorAll(".row")].map((row) =>
    [row.dataset.key, row.offsetTop + row.offsetHeight / 2]));
  const [from, to] = [middles(left), middles(right)];
  const half = width / 2;
  const drawn = [];
  for (const [key, start] of from) {
    const end = to.get(key);
    if (end === undefined) {
      drawn.push(svg("circle", { cx: 9, cy: start, r: 3, "data-key": key }));
    } else {
      const curve = `M6 ${start}C${half} ${start} ${half} ${end} ${width - 6} ${end}`;
      drawn.push(svg("path", { d: curve, "data-key": key }));
    }
  }
  for (const [key, end] of to) {
    if (from.has(key)) continue;
    drawn.push(svg("circle", { class: "beside", cx: width - 9, cy: end, r: 3, "data-key": key }));
  }
  canvas.replaceChildren(...drawn);
}

/** Light up an item on both sides and the line between. */
export function lightLinks(canvas, shelves, key) {
  for (const shelf of shelves) {
    for (const row of shelf.rows.children) row.classList.toggle("twin", row.dataset.key === key);
  }
  for (const line of canvas.children) line.classList.toggle("on", line.dataset.key === key);
}
