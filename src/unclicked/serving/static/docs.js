// The reference page, made from openapi.json.

import { call, ServiceError, toJson } from "./api.js";
import { at, copyButton, el } from "./dom.js";
import { exampleOf, keyRow, keysOf, prose, resolve, schemaBox, useSchemas } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function idOf(method, path) {
  return `${method}${path.replaceAll(/[^a-zA-Z0-9]+/g, "-")}`.replace(/-$/, "");
}

/** The examples of a body or an answer: label and value. */
function examplesOf(media, schema) {
  if (media.examples) {
    return Object.entries(media.examples).map(([name, one]) => [one.summary ?? name, one.value]);
  }
  if (media.example !== undefined) return [["Example", media.example]];
  const own = resolve(schema).examples;
  return own?.length ? own.map((value) => ["Example", value]) : [];
}

function quoted(text) {
  return /^[\w:/.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function curlOf(method, path, parameters, body) {
  const value = (one) => String(one.example ?? Object.values(one.examples ?? {})[0]?.value
    ?? exampleOf(one.schema, one.name));
  const filled = path.replaceAll(/\{([^}:]+)[^}]*\}/g, (whole, name) => {
    const one = parameters.find((other) => other.in === "path" && other.name === name);
    return encodeURIComponent(one ? value(one) : whole);
  });
  const query = parameters.filter((one) => one.in === "query" && (one.required || one.example))
    .map((one) => `${one.name}=${encodeURIComponent(value(one))}`).join("&");
  const root = new URL("./", location.origin + location.pathname);
  const address = new URL(filled.replace(/^\//, ""), root).href + (query ? `?${query}` : "");
  return ["curl -s", ...(method === "get" || body !== undefined && method === "post" ? []
    : [`-X ${method.toUpperCase()}`]), quoted(address),
  ...(body === undefined ? [] : ["\\\n  -H 'Content-Type: application/json' \\\n  -d",
    quoted(toJson(body))])].join(" ");
}

function code(text) {
  const pre = el("pre", { tabindex: "0" }, text);
  return el("div", { class: "copyable" }, pre, copyButton(() => text));
}

function parametersBox(parameters, place, title) {
  const found = parameters.filter((one) => one.in === place);
  if (found.length === 0) return [];
  return [el("h3", {}, title), el("div", { class: "keys", role: "list" }, ...found.map((one) =>
    keyRow(one.name, { ...one.schema, description: one.description ?? one.schema?.description },
      one.required, 0)))];
}

function mediaBox(content) {
  return Object.entries(content ?? {}).flatMap(([type, media]) => [
    ...(type === "application/json" ? [] : [el("p", { class: "type" }, type)]),
    ...(media.schema ? schemaBox(media.schema) : []),
  ]);
}

function exampleBoxes(content) {
  return Object.values(content ?? {}).flatMap((media) => examplesOf(media, media.schema ?? {})
    .map(([label, value]) => el("details", {}, el("summary", {}, label),
      code(typeof value === "string" ? value : toJson(value, 2)))));
}

function answerBox([status, answer]) {
  const full = resolve(answer);
  const headers = Object.entries(full.headers ?? {});
  const refused = Number(status) >= 400;
  const inside = [...(headers.length === 0 ? [] : [el("h3", {}, "Headers"), el("div",
    { class: "keys", role: "list" }, ...headers.map(([name, one]) =>
      keyRow(name, { ...one.schema, description: one.description }, one.required, 0)))]),
  ...mediaBox(full.content), ...exampleBoxes(full.content)];
  const head = [el("span", { class: refused ? "status refused" : "status" }, status),
    full.description ?? ""];
  return inside.length === 0 ? el("p", { class: "answer" }, ...head)
    : el("details", { class: "answer", open: !refused }, el("summary", {}, ...head), ...inside);
}

function routeBox(path, method, shared, route) {
  const id = idOf(method, path);
  const parameters = [...(shared ?? []), ...(route.parameters ?? [])].map(resolve);
  const body = resolve(route.requestBody);
  const media = body.content?.["application/json"];
  const first = media ? examplesOf(media, media.schema ?? {})[0]?.[1] ?? exampleOf(media.schema)
    : undefined;
  return el("section", { class: "route", id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` },
      el("span", { class: `method ${method}` }, method.toUpperCase()),
      el("a", { href: `#${id}` }, path)),
    ...(route.summary ? [el("p", { class: "lead" }, route.summary)] : []),
    ...prose(route.description), code(curlOf(method, path, parameters, first)),
    ...parametersBox(parameters, "path", "In the path"),
    ...parametersBox(parameters, "query", "In the query"),
    ...parametersBox(parameters, "header", "In the headers"),
    ...(body.content ? [el("h3", {}, "Request body"), ...prose(body.description),
      ...mediaBox(body.content), ...exampleBoxes(body.content)] : []),
    el("h3", {}, "Answers"), ...Object.entries(route.responses ?? {}).map(answerBox));
}

// Ids that exist make lines that work; without any the lines only show the form.
async function fetchHints() {
  try {
    const { items } = await call("items?limit=1");
    return { user_id: "a-user", ...(items[0] ? { item_id: items[0].item_id } : {}) };
  } catch {
    return {};
  }
}

function draw(api, hints) {
  useSchemas(api.components?.schemas ?? {}, hints);
  const routes = Object.entries(api.paths ?? {}).flatMap(([path, all]) =>
    METHODS.filter((method) => all[method]).map((method) => [path, method, all]));
  at("kicker").textContent = `${api.info.title} ${api.info.version}`;
  at("about").replaceChildren(...prose(api.info.description),
    el("p", { class: "note" }, "Made from ", el("a", { href: "openapi.json" }, "openapi.json"),
      `, OpenAPI ${api.openapi}.`));
  at("routes").replaceChildren(...routes.map(([path, method, all]) =>
    routeBox(path, method, all.parameters, all[method])));
  const named = Object.entries(api.components?.schemas ?? {});
  at("schemas-part").hidden = named.length === 0;
  at("schemas").replaceChildren(...named.map(([name, schema]) =>
    el("details", { class: "answer", id: `schema-${name}` },
      el("summary", {}, el("code", {}, name)),
      ...prose(schema.description), ...(schema.properties ? [keysOf(schema, 0, [name])]
        : schemaBox(schema)))));
  at("contents").replaceChildren(...routes.map(([path, method]) => el("li", {},
    el("a", { href: `#${idOf(method, path)}` },
      el("span", { class: `method ${method}` }, method.toUpperCase()), el("span", {}, path)))),
  ...(named.length ? [el("li", { class: "apart" },
    el("a", { href: "#schemas-title" }, "Schemas"))] : []));
  // The address may name a part that was not here when the page was opened.
  showNamed();
}

// Go to the part that the address names, and open it.
function showNamed() {
  const part = document.getElementById(location.hash.slice(1));
  if (part?.tagName === "DETAILS") part.open = true;
  part?.scrollIntoView();
}

async function boot() {
  try {
    const [api, hints] = await Promise.all([call("openapi.json"), fetchHints()]);
    at("trouble").replaceChildren();
    draw(api, hints);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const [title, sentence] = error.words;
    const retry = el("button", { type: "button", id: "retry", on: { click: boot } }, "Try again");
    at("wait")?.remove();
    at("trouble").replaceChildren(el("div", { class: "trouble" },
      el("div", {}, el("p", { class: "title" }, title), el("p", {}, sentence)), retry));
  }
}

addEventListener("hashchange", showNamed);
boot();
