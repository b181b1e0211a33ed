// Elements of the page. Data only ever becomes text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element: el("p", {class: "note", on: {click}}, "text", child). */
export function el(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** An SVG element, made like `el`. */
export function svg(tag, options = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

/** The element with this id. */
export function at(id) {
  return document.getElementById(id);
}

/** Text that is only heard. */
export function heard(text) {
  return el("span", { class: "hidden-text" }, text);
}

/** A button that copies the text it reads, and says so for a moment. */
export function copyButton(read) {
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
  return button;
}

export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
