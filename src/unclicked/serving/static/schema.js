// JSON Schema (OpenAPI 3.1) as words and nested lists of keys.

import { toJson } from "./api.js";
import { el } from "./dom.js";

const DEEPEST = 4;
let schemas = {};
let hints = {};

/** The schemas that `$ref` may name, and values that are right for keys of some names. */
export function useSchemas(found, right) {
  schemas = found;
  hints = right;
}

/** The name that a reference ends in. */
function refName(schema) {
  return schema?.$ref?.split("/").at(-1);
}

/** The schema behind a reference, with what stands beside the reference. */
export function resolve(schema) {
  const seen = new Set();
  let now = schema ?? {};
  while (now.$ref && !seen.has(now.$ref)) {
    seen.add(now.$ref);
    const { $ref, ...beside } = now;
    now = { ...schemas[refName({ $ref })], ...beside };
  }
  return now;
}

function choices(schema) {
  return schema.anyOf ?? schema.oneOf ?? null;
}

// A type within another one, in brackets where it is a choice.
function grouped(schema) {
  const parts = typeOf(schema);
  return parts.includes(" or ") ? ["(", ...parts, ")"] : parts;
}

/** A schema's type as text and links. */
export function typeOf(schema) {
  const name = refName(schema);
  if (name && schemas[name]?.type === "object") {
    return [el("a", { href: `#schema-${name}` }, name)];
  }
  const full = resolve(schema);
  if (choices(full)) {
    return choices(full).flatMap((one, number) => [...(number ? [" or "] : []), ...typeOf(one)]);
  }
  if (full.const !== undefined) return [el("code", {}, toJson(full.const))];
  if (full.enum) {
    return full.enum.flatMap((value, number) =>
      [...(number ? [" or "] : []), el("code", {}, toJson(value))]);
  }
  if (full.type === "array" || full.items) return ["list of ", ...grouped(full.items ?? {})];
  const values = full.additionalProperties;
  if (full.type === "object" && values && typeof values === "object") {
    return ["object of ", ...grouped(values)];
  }
  const types = { string: "text", number: "number", integer: "integer", boolean: "true or false" };
  const kinds = [full.type ?? "any value"].flat().map((kind) => types[kind] ?? kind);
  return [kinds.join(" or ") + (full.format ? ` (${full.format})` : "")];
}

const BOUNDS = {
  minimum: "at least", exclusiveMinimum: "above", maximum: "at most", exclusiveMaximum: "below",
  minLength: "characters at least", maxLength: "characters at most", minItems: "entries at least",
  maxItems: "entries at most", minProperties: "keys at least", maxProperties: "keys at most",
  pattern: "pattern", multipleOf: "multiple of",
};

/** Bounds and default of a schema as one line; those of each choice too. */
export function boundsOf(schema) {
  const full = resolve(schema);
  const told = [];
  const parts = [full, ...(choices(full) ?? []).map(resolve)];
  for (const part of [...parts, ...parts.map((one) => one.items).filter(Boolean).map(resolve)]) {
    for (const [key, words] of Object.entries(BOUNDS)) {
      if (part[key] !== undefined) told.push(`${words} ${part[key]}`);
    }
  }
  if (full.default !== undefined && full.default !== null) {
    told.push(`default ${toJson(full.default)}`);
  }
  return [...new Set(told)].join(", ");
}

/** Paragraphs of a description; `code` stays code. */
export function prose(text) {
  return (text ?? "").trim().split(/\n\s*\n/).filter(Boolean).map((paragraph) =>
    el("p", {}, ...paragraph.split(/(`[^`]+`)/).map((part) =>
      part.startsWith("`") && part.length > 2 ? el("code", {}, part.slice(1, -1)) : part)));
}

/** One key: its name, type, bounds and description, and the keys of what it holds. */
export function keyRow(name, schema, required, depth, trail = []) {
  const full = resolve(schema);
  const bounds = boundsOf(schema);
  return el("div", { class: "key", role: "listitem" },
    el("div", {}, el("code", { class: "called" }, name),
      required ? el("span", { class: "must" }, "required") : null),
    el("div", {}, el("span", { class: "type" }, ...typeOf(schema)),
      bounds ? el("div", { class: "bounds" }, bounds) : null, ...prose(full.description)),
    ...within(schema, depth, trail));
}

// The objects inside a value, each once on the way down.
function within(schema, depth, trail) {
  if (depth >= DEEPEST) return [];
  const name = refName(schema);
  if (name && trail.includes(name)) return [];
  const full = resolve(schema);
  const next = name ? [...trail, name] : trail;
  if (full.properties) {
    return [el("details", { class: "deeper" }, el("summary", {}, name ?? "Keys"),
      keysOf(full, depth + 1, next))];
  }
  const inner = [...(choices(full) ?? []), full.items, full.additionalProperties]
    .filter((one) => one && typeof one === "object");
  return inner.flatMap((one) => within(one, depth, next));
}

/** All keys of an object schema. */
export function keysOf(schema, depth = 0, trail = []) {
  const full = resolve(schema);
  return el("div", { class: "keys", role: "list" },
    ...Object.entries(full.properties ?? {}).map(([name, part]) =>
      keyRow(name, part, full.required?.includes(name), depth, trail)));
}

/** A schema in full: its description, its type or choices, its keys. */
export function schemaBox(schema) {
  const full = resolve(schema);
  if (full.properties) return [keysOf(full, 0, [refName(schema)].filter(Boolean))];
  const named = (choices(full) ?? [full.items]).filter((one) => one && resolve(one).properties);
  return [el("p", { class: "type" }, ...typeOf(schema)),
    ...named.flatMap((one) => [el("h4", {}, refName(one) ?? "One of them"), keysOf(one)])];
}

/** An example value for a schema under a name, from hints, its own examples and defaults. */
export function exampleOf(schema, name = "", depth = 0) {
  const full = resolve(schema);
  if (hints[name] !== undefined) return hints[name];
  if (full.example !== undefined) return full.example;
  if (full.examples?.length) return full.examples[0];
  if (full.const !== undefined) return full.const;
  if (full.enum) return full.enum[0];
  if (choices(full)) {
    const text = choices(full).find((one) => resolve(one).type === "string");
    return exampleOf(text ?? choices(full)[0], name, depth);
  }
  if (full.default !== undefined) return full.default;
  if (full.properties && depth < DEEPEST) {
    return Object.fromEntries(Object.entries(full.properties)
      .filter(([key]) => full.required?.includes(key))
      .map(([key, part]) => [key, exampleOf(part, key, depth + 1)]));
  }
  const plain = { string: "text", integer: Math.max(1, Number(full.minimum ?? 1)), number: 0.5,
    boolean: true };
  if (full.type === "array") return full.items ? [exampleOf(full.items, "", depth + 1)] : [];
  return plain[full.type] ?? {};
}
