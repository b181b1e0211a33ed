// The page: asks the service for both lists after every action, and shows what changed.

import { call, Items, ServiceError } from "./api.js";
import { at, el } from "./dom.js";
import { drawHistory, drawUsers, foldHistory, startFinder } from "./history.js";
import { drawInside, drawModels, drawRequest, drawSettings, tellTrouble } from "./parts.js";
import { Shelves } from "./shelves.js";
import { changes, User } from "./user.js";
import { acted, changed, moved, readOf, titlesOf, told, unknown } from "./words.js";

const SLOW_MS = 150;
const MOST_IDS = 1000;
const items = new Items();
const app = {
  infos: {}, titles: {}, examples: [], chosen: "own", user: null, field: "",
  lists: null, start: null, going: null,
};
let shelves;

function nameList() {
  return Object.keys(app.infos);
}

/** The body of the request for one model, as the service reads it. */
function bodyOf(name) {
  const fields = app.infos[name].profile_fields ?? {};
  const profile = Object.entries(app.user.profile).filter(([field]) => field in fields);
  return {
    clicked: app.user.clicked.slice(-MOST_IDS), unclicked: app.user.unclicked.slice(-MOST_IDS),
    ...(app.user.longTerm.length && { long_term: app.user.longTerm.slice(-MOST_IDS) }),
    ...(profile.length ? { profile: Object.fromEntries(profile) } : {}),
    top_k: Number(at("length").value),
    ...(at("unseen").checked ? { exclude_seen: true } : {}),
    ...(name === "main" ? {} : { model: name }),
    explain: true,
  };
}

async function fetchLists(signal) {
  const names = nameList();
  const bodies = names.map(bodyOf);
  const answers = names.length === 1
    ? [await call("recommend", { body: bodies[0], signal })]
    : (await call("recommend", { body: { users: bodies }, signal })).users;
  await items.fetch([...answers.flatMap((answer) => answer.items.map((item) => item.item_id)),
    ...app.user.clicked.slice(-50), ...app.user.unclicked.slice(-50)]);
  return Object.fromEntries(names.map((name, number) => [name, answers[number]]));
}

/** Ask for the lists and show them; `line` is told with what changed, where there is one. */
async function ask(line = "", fresh = false) {
  app.going?.abort();
  const going = new AbortController();
  app.going = going;
  drawUser();
  at("shelves").setAttribute("aria-busy", "true");
  const slow = setTimeout(() => at("shelves").classList.add("waiting"), SLOW_MS);
  try {
    const lists = await fetchLists(going.signal);
    if (going.signal.aborted) return;
    at("trouble").replaceChildren();
    show(lists, line, fresh);
  } catch (error) {
    if (going.signal.aborted) return;
    fail(error, () => ask(line, fresh));
  } finally {
    clearTimeout(slow);
    if (app.going === going) {
      at("shelves").classList.remove("waiting");
      at("shelves").removeAttribute("aria-busy");
    }
  }
}

function fail(error, again) {
  if (!(error instanceof ServiceError)) throw error;
  tellTrouble(error, again);
  at("toast").hidden = true;
  at("told").textContent = app.user ? told(app.user) : "The models could not be asked.";
  at("compared").textContent = app.user ? "The lists below are from before this." : "";
}

function show(lists, line, fresh) {
  const before = fresh ? null : app.lists;
  const change = Object.fromEntries(nameList().map((name) =>
    [name, changes(before?.[name].items, lists[name].items)]));
  app.lists = lists;
  if (app.user.past.length === 0) app.start = lists;
  drawUser();
  shelves.draw({ lists, change, items, field: app.field, user: app.user });
  drawInside({ lists, start: app.start, titles: app.titles, items, field: app.field });
  drawRequest(bodyOf("main"));
  at("told").textContent = told(app.user);
  at("compared").textContent = moved(lists, app.titles, app.user.past.length ? app.start : null);
  at("read").textContent = [readOf(app.user, lists.main.explain), unknown(lists.main.ignored)]
    .filter(Boolean).join(" ");
  if (!line) return;
  const parts = nameList().map((name) => `${app.titles[name]}: ${changed(change[name])}.`);
  at("change").textContent = [line, ...parts].join(" ");
  at("toast").hidden = false;
}

function drawUser() {
  const { user } = app;
  const shelf = at("shelves");
  const top = shelf.getBoundingClientRect().top;
  const acting = at("shelf-part").contains(document.activeElement)
    || at("toast").contains(document.activeElement);
  const held = at("users").contains(document.activeElement);
  drawUsers(app.examples, app.chosen, choose);
  if (held) at("users").querySelector('[aria-pressed="true"]').focus();
  for (const list of ["clicked", "unclicked"]) drawHistory(list, user, items, app.field, remove);
  const none = user.past.length === 0;
  const focused = document.activeElement;
  for (const id of ["undo", "restart"]) at(id).disabled = none;
  at("toast-undo").hidden = none;
  if (none && ["undo", "restart", "toast-undo"].includes(focused?.id)) at("pass-all").focus();
  // Cards that come or go above must not move the shelf away from under the pointer.
  if (acting) scrollBy({ top: shelf.getBoundingClientRect().top - top, behavior: "instant" });
}

function choose(key) {
  const example = key === "own" ? { label: "Your user" } : app.examples[key];
  app.chosen = key;
  app.user = new User(example, key === "own");
  app.lists = null;
  at("toast").hidden = true;
  at("change").textContent = "";
  if (key === "own") at("finder").open = true;
  foldHistory();
  drawSettings(app.infos.main, app.user, () => ask("Profile changed."));
  history.replaceState(null, "", `#user=${key === "own" ? key : key + 1}`);
  ask("", true);
}

/** An action on the user; the lists follow at once. */
function act(name, id) {
  if (name === "undo") {
    undo();
  } else if (name === "click") {
    app.user.click(id);
    ask(acted(app.user.last, items));
  } else {
    app.user.passOver([id]);
    ask(acted(app.user.last, items));
  }
}

function undo() {
  if (app.user.past.length) ask(acted(app.user.undo(), items, true));
}

function passAll() {
  const ids = (app.lists?.main.items ?? []).map((item) => item.item_id)
    .filter((id) => app.user.mark(id) !== "clicked");
  if (ids.length === 0) return;
  app.user.passOver(ids);
  ask(acted(app.user.last, items));
}

function remove(list, position) {
  const place = [...at(list).querySelectorAll(".remove")].indexOf(document.activeElement);
  app.user.remove(list, position);
  ask(acted(app.user.last, items));
  const left = at(list).querySelectorAll(".remove");
  (left[Math.min(place, left.length - 1)] ?? at("users").querySelector('[aria-pressed="true"]'))
    .focus();
}

function redraw() {
  app.field = at("field").value;
  if (app.lists) show(app.lists, "", true);
}

function listen() {
  at("undo").addEventListener("click", undo);
  at("toast-undo").addEventListener("click", undo);
  at("pass-all").addEventListener("click", passAll);
  at("restart").addEventListener("click", () => {
    app.user.restart();
    ask("Started over.");
  });
  at("length").addEventListener("change", () => ask("", true));
  at("unseen").addEventListener("change", () => ask("Setting changed."));
  at("field").addEventListener("change", redraw);
  startFinder(items, () => app.field, act);
  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (!app.lists || document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    drawInside({ lists: app.lists, start: app.start, titles: app.titles, items, field: app.field });
  }).observe(document.body);
}

function build(model, examples) {
  app.infos = model.models;
  app.titles = titlesOf(app.infos);
  // The note below the users says it of all of them.
  app.examples = examples.examples.map((example) =>
    ({ ...example, label: example.label.replace(/^made up: /, "") }));
  const fields = app.infos.main.item_fields ?? [];
  // A category tells most at a glance.
  app.field = fields.find((field) => field.toLowerCase() === "category") ?? fields[0] ?? "";
  at("field").replaceChildren(...fields.map((field) =>
    el("option", { selected: field === app.field }, field)));
  at("field").parentElement.hidden = fields.length < 2;
  at("shares-title").closest("figure").hidden = fields.length === 0;
  const { name } = app.infos.main;
  at("kicker").textContent = name === "unclicked" ? name : `unclicked · ${name}`;
  at("source").textContent = app.examples.length === 0 ? ""
    : examples.source === "made_up" ? "These users are made up; nobody clicked this."
      : "These users are from the data set.";
  at("skips-note").hidden = Object.values(app.infos).every((info) => !info.reads_unclicked);
  shelves = new Shelves(at("shelves"), app.infos, app.titles, act);
  drawModels(model, app.titles);
  for (const id of ["user-part", "shelf-part", "why-part", "more-part"]) at(id).hidden = false;
}

async function boot() {
  try {
    const [model, examples] = await Promise.all([call("model"), call("examples")]);
    at("trouble").replaceChildren();
    build(model, examples);
  } catch (error) {
    fail(error, boot);
    return;
  }
  listen();
  const asked = Number(new URLSearchParams(location.hash.slice(1)).get("user")) - 1;
  choose(app.examples[asked] ? asked : app.examples.length ? 0 : "own");
}

boot();
