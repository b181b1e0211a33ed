// A small picture for each item: the colour tells its category, the figure is drawn from its id.

import { keyOf } from "./api.js";
import { svg } from "./dom.js";

const hues = new Map();

/** A hue for each value, far from those given before. */
function hueOf(value) {
  if (!hues.has(value)) hues.set(value, (250 + hues.size * 137.5) % 360);
  return hues.get(value);
}

function seedOf(text) {
  let seed = 2166136261;
  for (const sign of text) seed = Math.imul(seed ^ sign.codePointAt(0), 16777619);
  return seed >>> 0;
}

const FIGURES = [
  () => [svg("circle", { class: "figure", cx: 20, cy: 20, r: 11 }),
    svg("circle", { class: "detail", cx: 20, cy: 20, r: 4.5 })],
  () => [svg("path", { class: "figure", d: "M6 20a14 14 0 0 1 28 0z" }),
    svg("path", { class: "detail", d: "M13 22a7 7 0 0 0 14 0z" })],
  () => [svg("path", { class: "figure", d: "M20 6 34 20 20 34 6 20z" }),
    svg("path", { class: "detail", d: "M20 14 26 20 20 26 14 20z" })],
  () => [svg("path", { class: "figure", d: "M8 8h10v24H8z" }),
    svg("path", { class: "detail", d: "M22 16h10v16H22z" })],
  () => [svg("path", { class: "figure", d: "M0 40A40 40 0 0 1 40 0v14A26 26 0 0 0 14 40z" }),
    svg("circle", { class: "detail", cx: 31, cy: 31, r: 5 })],
  () => [svg("path", { class: "figure", d: "M8 32 20 9l12 23z" }),
    svg("circle", { class: "detail", cx: 20, cy: 25, r: 4 })],
  () => [svg("circle", { class: "figure", cx: 15, cy: 17, r: 9 }),
    svg("circle", { class: "detail", cx: 26, cy: 25, r: 7 })],
];

/** The cover of an item; `field` names the item field that gives the colour. */
export function cover(item, field) {
  const seed = seedOf(keyOf(item.item_id));
  const turned = `rotate(${90 * ((seed >>> 8) % 4)} 20 20)`;
  const drawn = svg("svg", { class: "cover", viewBox: "0 0 40 40", "aria-hidden": "true" },
    svg("rect", { class: "ground", width: 40, height: 40 }),
    svg("g", { transform: turned }, ...FIGURES[seed % FIGURES.length]()));
  drawn.style.setProperty("--hue", String(hueOf(String(item.fields?.[field]?.[0] ?? ""))));
  return drawn;
}
