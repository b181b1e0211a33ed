// The service over HTTP: requests, errors in plain words, and what is known of each item.

const ROOT = new URL("../", import.meta.url);
const PATIENCE_MS = 20000;
// What one address may ask for: the service takes 200 ids, and proxies take 8 KB.
const MOST_IDS = 100;
const MOST_SIGNS = 6000;

/** What the service, or the way to it, refused. `status` is 0 where nothing answered. */
export class ServiceError extends Error {
  constructor({ status, message, path = "", wait = "" }) {
    super(message);
    Object.assign(this, { status, path, wait });
  }

  /** The error as a title and a sentence. */
  get words() {
    const wait = this.wait ? ` It asks to wait ${this.wait} s.` : "";
    const where = this.path ? `${this.path}: ` : "";
    if (this.status === 0) {
      return ["The service cannot be reached.", "What you chose is kept; try again in a moment."];
    }
    if (this.status === 503) {
      return ["The service is busy or not ready.", `${where}${this.message}${wait}`];
    }
    if (this.status === 422 || this.status === 400) {
      return ["The service refused the request.", `${where}${this.message}`];
    }
    return [`The service answered with an error (${this.status}).`, `${where}${this.message}`];
  }
}

// Integers beyond 2^53 lose digits as numbers; as BigInt they go back exactly as they came.
function exact(_key, value, context) {
  const large = Number.isInteger(value) && !Number.isSafeInteger(value);
  return large && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}

function plain(_key, value) {
  if (typeof value !== "bigint") return value;
  return JSON.rawJSON ? JSON.rawJSON(String(value)) : String(value);
}

/** JSON text with integers of any size. */
export function toJson(value, indent) {
  return JSON.stringify(value, plain, indent);
}

async function refusal(answer) {
  let told = {};
  try {
    told = JSON.parse(await answer.text()).error ?? {};
  } catch { /* No JSON: something between here and the service answered. */ }
  return new ServiceError({
    status: answer.status,
    message: told.message ?? "No reason was given.",
    path: told.path ?? "",
    wait: answer.headers.get("Retry-After") ?? "",
  });
}

/** GET, or POST where there is a body; the parsed answer, or a ServiceError. */
export async function call(path, { body, signal } = {}) {
  const given = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: toJson(body),
  };
  const late = AbortSignal.timeout(PATIENCE_MS);
  let answer;
  let text;
  try {
    answer = await fetch(new URL(path, ROOT), {
      ...given, signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    if (!answer.ok) throw await refusal(answer);
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted || error instanceof ServiceError) throw error;
    throw new ServiceError({ status: 0, message: "No answer." });
  }
  try {
    return JSON.parse(text, exact);
  } catch {
    throw new ServiceError({ status: answer.status, message: "The answer is not JSON." });
  }
}

/** A key for an id: 7 and "7" are two items. */
export function keyOf(id) {
  return typeof id === "string" ? `text:${id}` : `number:${id}`;
}

/** Ids in queries that are short enough for one address each. */
function queriesOf(ids) {
  const queries = [];
  let signs = Infinity;
  for (const id of ids) {
    const part = `id=${encodeURIComponent(String(id))}`;
    if (signs + part.length > MOST_SIGNS || queries.at(-1).ids.length === MOST_IDS) {
      queries.push({ ids: [], parts: [] });
      signs = 0;
    }
    queries.at(-1).ids.push(id);
    queries.at(-1).parts.push(part);
    signs += part.length + 1;
  }
  return queries;
}

/** What the catalogue tells of each item; asked once and kept. */
export class Items {
  constructor() {
    this.known = new Map();
  }

  keep(items) {
    for (const item of items) this.known.set(keyOf(item.item_id), item);
  }

  /** One item; only its id where the service could not tell more. */
  get(id) {
    return this.known.get(keyOf(id)) ?? { item_id: id, fields: {} };
  }

  /** Fetch what is not known yet, many with one request. */
  async fetch(ids) {
    const missing = [...new Map(ids.map((id) => [keyOf(id), id])).values()]
      .filter((id) => !this.known.has(keyOf(id)));
    await Promise.all(queriesOf(missing).map(async (query) => {
      try {
        const { items } = await call(`items?${query.parts.join("&")}`);
        const found = new Map(items.map((item) => [String(item.item_id), item]));
        // An unknown item stays unknown.
        for (const id of query.ids) {
          this.known.set(keyOf(id), found.get(String(id)) ?? { item_id: id, fields: {} });
        }
      } catch (error) {
        // After a failure they are asked again next time.
        if (!(error instanceof ServiceError)) throw error;
      }
    }));
  }

  async search(query, signal) {
    const found = await call(`items?limit=12&query=${encodeURIComponent(query)}`, { signal });
    this.keep(found.items);
    return found.items;
  }
}

/** The name of an item, or its id. */
export function nameOf(item) {
  const name = item.name ?? "";
  return name === "" ? String(item.item_id) : String(name);
}

/** All that a card says of an item, for whoever points at it. */
export function wholeOf(item, field) {
  return [nameOf(item), factsOf(item, field)].filter((text) => text !== "").join("\n");
}

/** The values of an item as one line, `field` first; the id too where a name stands above. */
export function factsOf(item, field) {
  const { [field]: first = [], ...others } = item.fields ?? {};
  const values = [first, ...Object.values(others)].map((list) => list.join(", "));
  const id = item.name ? [String(item.item_id)] : [];
  return [...values, ...id].filter((text) => text !== "").join(" · ");
}
