// What interactive figures share: elements, controls, a player. A control is { el, set(value) }; it reports what the reader does.

const SVG = "http://www.w3.org/2000/svg";

function build(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const h = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

// A name beside its curve, in the curve's colour, darker or lighter so that it can be read on the page.
export const direct = (x, y, color, text) => s("text", { class: "nn-direct nn-tinted", x, y, style: `--nn-tint: ${color}` }, text);

// A short number: 0.25, 60, 3.1e-5.
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 9.95e3 || size < 9.95e-4) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

// Numbers evenly spread over decades, 10 to each: 1, 1.2, 1.5, 2, ... times powers of ten.
export function decades(low, high) {
  const values = [];
  for (let power = low; power < high; power++) {
    for (const lead of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]) values.push(Number(`${lead}e${power}`));
  }
  return [...values, Number(`1e${high}`)];
}

// Colour the part of a range input's track that lies before its thumb.
export const fill = (input) => input.style.setProperty("--nn-fill", `${(100 * input.value) / Math.max(1, input.max)}%`);

// A slider over a list of values. `name` is what a screen reader calls it, `label` what stands beside it.
export function slider({ label, name = label, values, format = String, onInput }) {
  const input = h("input", { type: "range", min: 0, max: values.length - 1, step: 1, "aria-label": name });
  const output = h("span", { class: "nn-value", "aria-hidden": "true" });
  input.addEventListener("input", () => onInput(values[Number(input.value)]));
  const set = (value) => {
    const distance = values.map((known) => Math.abs(known - value));
    input.value = distance.indexOf(Math.min(...distance));
    fill(input);
    input.setAttribute("aria-valuetext", format(value));
    output.textContent = format(value);
  };
  return { el: h("div", { class: "nn-slider" }, h("span", { class: "nn-label", "aria-hidden": "true" }, label), input, output), set };
}

let groups = 0;

// One choice of several: radio buttons, drawn as a row of tabs. `options` maps values to labels.
export function choice({ name, options, onInput }) {
  const group = `nn-choice-${++groups}`;
  const inputs = Object.keys(options).map((value) =>
    h("input", { type: "radio", name: group, value, onchange: () => onInput(value) }),
  );
  const labels = inputs.map((input) => h("label", {}, input, h("span", {}, options[input.value])));
  return {
    el: h("div", { class: "nn-choice", role: "radiogroup", "aria-label": name }, ...labels),
    set: (value) => inputs.forEach((input) => (input.checked = input.value === value)),
  };
}

export const button = (label, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, label);

// What copies the figure's link; nothing in a live notebook, where the figure has none.
export function linkButton(model) {
  if (!model.link) return "";
  const label = "Copy link to this setting";
  const link = button(label, async () => {
    const done = await navigator.clipboard?.writeText(model.link()).then(() => true, () => false);
    link.textContent = done ? "Link copied" : "The link is in the address bar";
    setTimeout(() => (link.textContent = label), 2500);
  });
  return link;
}

export const stillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Count from 0 to `length()` in `seconds()`, a few unless told; `show(step)` draws. play, pause and stop as the reader likes.
export function player({ length, show, changed, seconds = () => Math.min(4.5, Math.max(2, length() / 25)) }) {
  let frame = null;
  const pause = () => {
    cancelAnimationFrame(frame);
    frame = null;
    changed(false);
  };
  const play = (from) => {
    const began = performance.now();
    const perSecond = length() / seconds();
    const tick = (now) => {
      const step = Math.min(length(), Math.floor(from + ((now - began) / 1000) * perSecond));
      frame = requestAnimationFrame(tick);
      show(Math.max(from, step));
      if (step >= length()) pause();
    };
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(tick);
    changed(true);
  };
  return { play, pause, playing: () => frame !== null };
}

// Call `run` once when half of the element is in view.
export function whenSeen(element, run) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    run();
  }, { threshold: 0.5 });
  observer.observe(element);
  return () => observer.disconnect();
}

// A sentence that is also spoken, once the reader has stopped moving things.
export function announcer() {
  const el = h("p", { class: "nn-verdict", "aria-live": "polite" });
  let timer = null;
  const say = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (el.textContent !== text) el.textContent = text; }, 300);
  };
  return { el, say };
}

// Let `move(event)` follow a mouse pressed anywhere on a drawing. A finger drags the handle or taps, so that it can still scroll.
export function draggable(svg, handle, move) {
  let dragging = false;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType !== "mouse" && !handle.contains(event.target))) return;
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") move(event);
    event.preventDefault();
    handle.focus({ preventScroll: true });
  });
  svg.addEventListener("pointermove", (event) => { if (dragging) move(event); });
  svg.addEventListener("pointerup", () => (dragging = false));
  svg.addEventListener("pointercancel", () => (dragging = false));
  svg.addEventListener("click", (event) => { if (event.pointerType !== "mouse" && !handle.contains(event.target)) move(event); });
}

// Set several fields of the model at once.
export function assign(model, changes) {
  for (const [key, value] of Object.entries(changes)) model.set(key, value);
  model.save_changes();
}

// Call `take` once after the model has changed, however many fields did; returns what ends this.
export function follow(model, take) {
  let waiting = false;
  const update = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => { waiting = false; take(); });
  };
  model.on("change", update);
  return () => model.off("change", update);
}

// Keys pressed in a figure stay there: JupyterLab and the site's shortcuts would take the arrows away from its sliders.
export const keepKeys = (el) =>
  el.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });
