// Small pictures of what changed inside: shares of the list, the gate, the distances.

import { at, svg } from "./dom.js";

const MOST = 8;
const BAR = 9;

function widthOf(box) {
  return Math.max(220, Math.floor(box.clientWidth));
}

function canvas(box, height, said, ...children) {
  const width = widthOf(box);
  box.replaceChildren(svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said,
  }, ...children));
}

function text(x, y, written, options = {}) {
  return svg("text", { x, y, ...options }, written);
}

function shortened(written, width) {
  const room = Math.max(4, Math.floor(width / 7.5));
  return written.length > room ? `${written.slice(0, room - 1)}…` : written;
}

/** Share of the list for each value of an item field. */
export function shares(list, items, field) {
  const found = new Map();
  for (const placed of list ?? []) {
    const values = items.get(placed.item_id).fields?.[field] ?? [];
    for (const value of new Set(values.length ? values.map(String) : ["no value"])) {
      found.set(value, (found.get(value) ?? 0) + 1 / list.length);
    }
  }
  return found;
}

const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

/** Bars for each value and model, with a mark where the share was at the start. */
export function drawShares(box, models) {
  const width = widthOf(box);
  const most = (value) => Math.max(...models.flatMap(({ now, start }) =>
    [now.get(value) ?? 0, start.get(value) ?? 0]));
  const all = [...new Set(models.flatMap(({ now, start }) => [...now.keys(), ...start.keys()]))]
    .sort((one, other) => most(other) - most(one) || (one < other ? -1 : 1));
  const values = all.slice(0, MOST);
  const room = width - 52;
  const parts = [];
  const said = [];
  const step = 22 + models.length * (BAR + 4) + 8;
  values.forEach((value, number) => {
    const y = number * step + 13;
    parts.push(text(0, y, shortened(value, width)));
    models.forEach(({ name, title, now, start }, place) => {
      const top = y + 7 + place * (BAR + 4);
      const [share, was] = [now.get(value) ?? 0, start.get(value) ?? 0];
      parts.push(
        svg("rect", { class: "track", x: 0, y: top, width: room, height: BAR, rx: 2 }),
        svg("rect", { class: name, x: 0, y: top, width: share * room, height: BAR, rx: 2 }),
        text(room + 8, top + BAR, percent(share), { class: "small" }));
      if (Math.abs(was - share) > 1e-9) {
        parts.push(svg("rect", { class: "mark", x: was * room - 1.25, y: top - 2, width: 2.5,
          height: BAR + 4 }));
      }
      said.push(`${value}, ${title}: ${percent(share)}, at the start ${percent(was)}`);
    });
  });
  if (all.length > MOST) {
    parts.push(text(0, values.length * step + 8, `and ${all.length - MOST} more values`,
      { class: "small" }));
  }
  canvas(box, values.length * step + (all.length > MOST ? 14 : 0), said.join("; "), ...parts);
}

/** The gate between 0 and 1: the range over its numbers, and their mean. */
export function drawGate(box, gate, start) {
  const caption = at("gate-caption");
  if (!gate) {
    box.replaceChildren();
    caption.textContent = "No gate was used: it opens only where the model reads a click and an "
      + "item that was passed over.";
    return;
  }
  const width = widthOf(box);
  const place = (value) => 8 + Math.min(1, Math.max(0, value)) * (width - 16);
  const number = (value) => value.toFixed(2);
  const parts = [
    svg("rect", { class: "track", x: 8, y: 24, width: width - 16, height: 12, rx: 6 }),
    svg("rect", { class: "band", x: place(gate.min), y: 24,
      width: Math.max(2, place(gate.max) - place(gate.min)), height: 12, rx: 6 }),
  ];
  if (start) {
    parts.push(svg("rect", { class: "mark", x: place(start.mean) - 1.25, y: 21, width: 2.5,
      height: 18 }));
  }
  const anchor = gate.mean < 0.12 ? "start" : gate.mean > 0.88 ? "end" : "middle";
  parts.push(svg("circle", { class: "main", cx: place(gate.mean), cy: 30, r: 8 }),
    text(place(gate.mean), 14, number(gate.mean), { "text-anchor": anchor }),
    text(8, 54, "0", { class: "small" }),
    text(width - 8, 54, "1", { class: "small", "text-anchor": "end" }));
  canvas(box, 58, `Gate: mean ${number(gate.mean)}, from ${number(gate.min)} to `
    + `${number(gate.max)}`, ...parts);
  caption.textContent = "How much of the passed-over direction is taken out of the user's vector: "
    + `at 0 nothing, at 1 all of it. On average ${number(gate.mean)}; its numbers lie between `
    + `${number(gate.min)} and ${number(gate.max)}.`
    + (start ? " The thin mark is the mean before your first action." : "");
}

/** The lengths between the three vectors as bars on one scale. */
export function drawDistances(box, distances) {
  const caption = at("distances-caption");
  if (!distances) {
    box.replaceChildren();
    caption.textContent = "No distances to show: the model read no click, or nothing that was "
      + "passed over.";
    return;
  }
  // The service gives squares; a length is what one can picture.
  const length = (name) => Math.sqrt(Math.max(0, distances[name] ?? 0));
  const rows = [
    ["How far the user vector moved", "main", length("moved")],
    ["Clicked to passed over", "beside", length("clicked_unclicked")],
    ["Length of the clicked vector", "beside", length("clicked_length")],
    ["Length of the passed-over vector", "beside", length("unclicked_length")],
  ];
  const width = widthOf(box);
  const room = width - 52;
  const most = Math.max(...rows.map((row) => row[2]), 1e-9);
  const parts = rows.flatMap(([label, kind, value], number) => {
    const y = number * 40 + 13;
    return [text(0, y, shortened(label, width)),
      svg("rect", { class: "track", x: 0, y: y + 7, width: room, height: BAR, rx: 2 }),
      svg("rect", { class: kind, x: 0, y: y + 7, width: (room * value) / most, height: BAR,
        rx: 2 }),
      text(room + 8, y + 7 + BAR, value.toFixed(2), { class: "small" })];
  });
  canvas(box, rows.length * 40, rows.map(([label, , value]) => `${label}: ${value.toFixed(2)}`)
    .join("; "), ...parts);
  const clicked = length("clicked_length");
  const part = clicked > 0
    ? `, ${percent(length("moved") / clicked)} of the length of the clicked vector` : "";
  caption.textContent = "The farther what was passed over lies from what was clicked, the easier "
    + `the two are told apart; here the user vector moved by ${length("moved").toFixed(2)}${part}.`;
}
