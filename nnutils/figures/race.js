// The optimizer race on a page: a map of the surface, the loss over the steps, and a row of sliders for each optimizer.
import { SURFACES, defaults, settings, spec, trajectories } from "./race_engine.js";
import { announcer, assign, button, choice, decades, draggable, fill, follow, h, keepKeys, linkButton, player, s, short, slider, stillness, whenSeen } from "./core.js";
import { apart, contour, dots, marker, polyline, power, shade, ticks } from "./plot.js";

const RATES = decades(-4, 1);
const KEEP = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999];
const STEPS = [10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 700, 1000];
const NOISE = [0, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3];

// The sliders of an optimizer: label, name for screen readers, values, and how to read and write the number.
const KNOBS = {
  lr: { label: "rate η", name: "learning rate", values: RATES },
  momentum: { label: "momentum μ", name: "momentum", values: KEEP.slice(0, 16) },
  alpha: { label: "average α", name: "averaging factor alpha", values: KEEP },
  "betas.0": { label: "β₁", name: "beta 1, average of the gradient", values: KEEP.slice(0, 16) },
  "betas.1": { label: "β₂", name: "beta 2, average of the squared gradient", values: KEEP },
};
const read = (hyper, knob) => knob.split(".").reduce((value, key) => value[key], hyper);
const exact = (value) => String(Number(value.toPrecision(4)));

const look = (name) => spec.optimizers[name];
const FIELDS = ["surface", "optimizers", "start", "steps", "noise", "seed", "hyper"];

function symbol(name, size) {
  return s("path", { d: marker(look(name).marker, size), fill: look(name).color, class: "nn-marker" });
}

// How an optimizer looks in both plots: its line with its marker.
function swatch(name) {
  const line = s("path", { d: "M0 8H30", stroke: look(name).color, "stroke-dasharray": look(name).dash, class: "nn-line" });
  const mark = symbol(name, 5);
  mark.setAttribute("transform", "translate(15 8)");
  return s("svg", { width: 30, height: 16, "aria-hidden": "true" }, line, mark);
}

function render({ model, el }) {
  const initial = settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
  let state = initial;
  let runs = trajectories(state);
  let shown = state.steps; // steps drawn, 0 to state.steps
  let drawing = null;
  let widths = [0, 0];

  const change = (changes) => assign(model, changes);
  const knobChange = (name, knob, value) => {
    const hyper = structuredClone(state.hyper);
    const [key, index] = knob.split(".");
    if (index === undefined) hyper[name][key] = value;
    else hyper[name][key][index] = value;
    change({ hyper });
  };

  // Controls
  const surfaces = choice({
    name: "Loss surface",
    options: Object.fromEntries(Object.entries(spec.surfaces).map(([name, about]) => [name, about.label])),
    onInput: (surface) => { shown = Infinity; change(defaults(surface)); if (!stillness()) race.play(0); },
  });
  const about = h("p", { class: "nn-about" });
  const race = player({
    length: () => state.steps,
    show: (step) => { shown = step; draw(); },
    changed: (playing) => {
      playButton.textContent = playing ? "❚❚ Pause" : "▶ Play";
      if (playing) verdict.say("Running.");
      else draw();
    },
  });
  const playButton = button("▶ Play", () => (race.playing() ? race.pause() : race.play(shown >= state.steps ? 0 : shown)), { class: "nn-play" });
  const stepButton = button("One step", () => { race.pause(); shown = shown >= state.steps ? 0 : shown + 1; draw(); });
  const scrub = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step shown" });
  scrub.addEventListener("input", () => { race.pause(); shown = Number(scrub.value); draw(); });
  const scrubText = h("span", { class: "nn-value", "aria-hidden": "true" });
  const length = slider({ label: "steps", name: "number of steps", values: STEPS, onInput: (steps) => { if (shown >= state.steps) shown = Infinity; change({ steps }); } });
  const sigma = slider({ label: "noise σ", name: "noise in the gradient", values: NOISE, onInput: (noise) => change({ noise }) });
  const draws = button("Other noise", () => change({ seed: (state.seed + 1) % 1000 }));
  const noisy = h("div", { class: "nn-noise" }, sigma.el, draws);
  const verdict = announcer();

  const rows = Object.fromEntries(Object.keys(spec.optimizers).map((name) => {
    const tick = h("input", { type: "checkbox" });
    tick.addEventListener("change", () => change({
      optimizers: Object.keys(spec.optimizers).filter((other) => (other === name ? tick.checked : state.optimizers.includes(other))),
    }));
    const knobs = Object.keys(KNOBS).filter((knob) => knob.split(".")[0] in { lr: 0, ...look(name).hyper });
    const sliders = knobs.map((knob) => slider({
      ...KNOBS[knob], name: `${look(name).label}: ${KNOBS[knob].name}`, format: exact,
      onInput: (value) => knobChange(name, knob, value),
    }));
    const loss = h("span", { class: "nn-loss-now" });
    const [rate, ...others] = sliders.map((one) => one.el);
    const holder = h("div", { class: "nn-sliders" }, rate, h("div", { class: "nn-others" }, ...others));
    const row = h("div", { class: "nn-row", role: "group", "aria-label": look(name).label, style: `--nn-accent: ${look(name).color}` },
      h("label", { class: "nn-name" }, tick, swatch(name), h("span", {}, look(name).label)), holder, loss);
    return [name, { row, tick, knobs, sliders, loss, holder }];
  }));

  const reset = button("Reset", () => { race.pause(); shown = Infinity; change(initial); });

  // The map
  const canvas = h("canvas", { "aria-hidden": "true" });
  const clip = `nn-clip-${Math.random().toString(36).slice(2)}`;
  const frame = s("rect", { class: "nn-frame" });
  const clipFrame = s("rect", {});
  const contours = s("path", { class: "nn-contours" });
  const axes = s("g", { class: "nn-axes" });
  const minima = s("g", { class: "nn-minima" });
  const lines = s("g", { "clip-path": `url(#${clip})` });
  const heads = s("g", {});
  const handle = s("g", { class: "nn-handle", tabindex: 0, role: "slider", "aria-label": "Start point: arrow keys move it", "aria-valuenow": 0 },
    s("circle", { r: 20, class: "nn-grip" }), s("circle", { r: 8, class: "nn-ring" }), s("circle", { r: 2.5, class: "nn-core" }),
    s("text", { y: -13, "text-anchor": "middle", class: "nn-direct" }, "start"));
  const svg = s("svg", { class: "nn-map-svg", role: "group", "aria-label": "Map of the loss" },
    s("clipPath", { id: clip }, clipFrame), contours, axes, minima, frame, lines, heads, handle);
  const map = h("div", { class: "nn-map" }, canvas, svg);

  // The loss plot
  const lossSvg = s("svg", { class: "nn-loss-svg", role: "img" });
  const lossPlot = h("div", { class: "nn-loss" }, lossSvg);

  const root = h("div", { class: "nn-ui nn-race" },
    surfaces.el, about, h("div", { class: "nn-plots" }, map, lossPlot),
    h("div", { class: "nn-transport" }, playButton, stepButton, h("div", { class: "nn-slider nn-scrub" }, scrub, scrubText), length.el),
    verdict.el, noisy, h("div", { class: "nn-rows" }, ...Object.values(rows).map(({ row }) => row)),
    h("div", { class: "nn-foot" }, reset, linkButton(model)));
  keepKeys(root);
  el.append(root);

  // Where the map stands: pixels of a point, point of a pixel.
  const inset = { left: 30, right: 6, top: 6, bottom: 34 };
  const box = () => {
    const [width] = widths;
    const inner = Math.max(1, width - inset.left - inset.right);
    return { width: inner, height: (inner * 2) / 3 };
  };
  const px = ([x, y]) => {
    const { x: [x0, x1], y: [y0, y1] } = spec.surfaces[state.surface];
    const { width, height } = box();
    const far = (value) => Math.max(-5e3, Math.min(5e3, value));
    return [inset.left + far(((x - x0) / (x1 - x0)) * width), inset.top + far(((y1 - y) / (y1 - y0)) * height)];
  };
  const pointAt = (event) => {
    const { x: [x0, x1], y: [y0, y1] } = spec.surfaces[state.surface];
    const { width, height } = box();
    const corner = svg.getBoundingClientRect();
    const x = x0 + ((event.clientX - corner.left - inset.left) / width) * (x1 - x0);
    const y = y1 - ((event.clientY - corner.top - inset.top) / height) * (y1 - y0);
    return clamp([x, y]);
  };
  const clamp = ([x, y]) => {
    const { x: [x0, x1], y: [y0, y1] } = spec.surfaces[state.surface];
    return [Math.min(x1, Math.max(x0, x)), Math.min(y1, Math.max(y0, y))].map((value) => Number(value.toFixed(3)));
  };

  draggable(svg, handle, (event) => change({ start: pointAt(event) }));
  handle.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!direction && event.key !== "Home") return;
    event.preventDefault();
    const { x, y, start } = spec.surfaces[state.surface];
    const part = event.shiftKey ? 0.002 : 0.02;
    change({ start: direction ? clamp([state.start[0] + direction[0] * part * (x[1] - x[0]), state.start[1] + direction[1] * part * (y[1] - y[0])]) : start });
  });

  function drawGround() {
    const { x, y, levels, minima: lowest, label, formula, text } = spec.surfaces[state.surface];
    const { width, height } = box();
    const outer = { width: width + inset.left + inset.right, height: height + inset.top + inset.bottom };
    svg.setAttribute("viewBox", `0 0 ${outer.width} ${outer.height}`);
    svg.style.height = `${outer.height}px`;
    for (const rect of [frame, clipFrame]) {
      for (const [key, value] of Object.entries({ x: inset.left, y: inset.top, width, height })) rect.setAttribute(key, value);
    }
    Object.assign(canvas.style, { left: `${inset.left}px`, top: `${inset.top}px`, width: `${width}px`, height: `${height}px` });
    const { loss } = SURFACES[state.surface];
    shade(canvas, loss, x, y, levels);
    contours.setAttribute("d", contour(loss, x, y, levels, px));
    const bottom = inset.top + height;
    axes.replaceChildren(
      ...ticks(...x, width / 70).map((value) => s("text", { x: px([value, 0])[0], y: bottom + 14, "text-anchor": "middle" }, exact(value).replace("-", "−"))),
      ...ticks(...y, height / 55).filter((value) => px([0, value])[1] > inset.top + 12).map((value) => s("text", { x: inset.left - 5, y: px([0, value])[1] + 4, "text-anchor": "end" }, exact(value).replace("-", "−"))),
      s("text", { x: inset.left + width / 2, y: bottom + 29, "text-anchor": "middle" }, "w₁"),
      s("text", { x: 2, y: inset.top + 9, class: "nn-axis-name" }, "w₂"),
    );
    minima.replaceChildren(...lowest.map((point) => {
      const [a, b] = px(point);
      return s("g", {}, s("path", { d: `M${a - 5} ${b}h10M${a} ${b - 5}v10` }), s("text", { x: a, y: b + 19, "text-anchor": "middle" }, "minimum"));
    }));
    about.replaceChildren(h("b", {}, label), `: loss ${formula}. ${text} Drag the ring to start elsewhere.`);
  }

  const outside = ([x, y]) => {
    const { x: [x0, x1], y: [y0, y1] } = spec.surfaces[state.surface];
    return x < x0 || x > x1 || y < y0 || y > y1;
  };

  function drawMap(upTo) {
    lines.replaceChildren(...runs.flatMap(({ name, path }) => {
      const points = path.slice(0, upTo + 1).map(px);
      const style = { stroke: look(name).color };
      return [
        s("path", { d: polyline(points), class: "nn-line", "stroke-dasharray": look(name).dash, "data-optimizer": name, ...style }),
        s("path", { d: dots(points, 5), class: "nn-dots", ...style }),
      ];
    }));
    const { width, height } = box();
    const [right, bottom] = [inset.left + width, inset.top + height];
    const ends = runs.map(({ name, path, diverged }) => {
      const at = path[Math.min(upTo, path.length - 1)];
      const gone = diverged !== null && upTo >= diverged;
      const [x, y] = px(at);
      const mark = [Math.min(right - 4, Math.max(inset.left + 4, x)), Math.min(bottom - 4, Math.max(inset.top + 4, y))];
      const text = look(name).label + (gone ? ": diverged" : outside(at) ? ": outside" : "");
      const wide = 7 * text.length + 10;
      return { name, mark, text, wide, left: mark[0] + 12 + wide > right };
    });
    const labelX = ({ mark, wide, left }) => (left ? mark[0] - 12 - wide : mark[0] + 12);
    const taken = spec.surfaces[state.surface].minima.map(px).map(([x, y]) => ({ x: x - 30, y: y + 18, width: 60 }));
    const ys = apart(ends.map((end) => [labelX(end), end.mark[1] + 4, end.wide]), 15, bottom, taken);
    heads.replaceChildren(...ends.map((end, i) => {
      const { mark: [x, y], left, text, name } = end;
      const anchor = x + (left ? -11 : 11);
      const dot = symbol(name, 5.5);
      dot.setAttribute("transform", `translate(${x} ${y})`);
      return s("g", {},
        s("path", { d: `M${x} ${y}L${anchor} ${ys[i] - 4}`, class: "nn-leader" }), dot,
        s("text", { x: anchor, y: ys[i], "text-anchor": left ? "end" : "start", class: "nn-direct" }, text));
    }));
    const [x, y] = px(state.start);
    handle.setAttribute("transform", `translate(${x} ${y})`);
    handle.setAttribute("aria-valuetext", `w1 = ${exact(state.start[0])}, w2 = ${exact(state.start[1])}`);
  }

  function drawLoss(upTo) {
    const width = widths[1];
    const height = lossPlot.classList.contains("nn-below") ? 150 : box().height + inset.top + inset.bottom;
    const [left, right, top, bottom] = [38, width - 12, 24, height - 34];
    const values = runs.flatMap(({ loss }) => loss).filter((value) => value > 0);
    const high = Math.min(6, Math.ceil(Math.log10(Math.max(...values, 1))));
    const low = Math.max(-8, Math.min(high - 2, Math.floor(Math.log10(Math.min(...values, 1)))));
    const x = (step) => left + ((right - left) * step) / state.steps;
    const y = (loss) => top + ((bottom - top) * (high - Math.min(high + 1, Math.max(low - 1, Math.log10(loss + 1e-300))))) / (high - low);
    const stride = Math.ceil((high - low) / Math.max(2, (bottom - top) / 26));
    const exponents = ticks(low, high, (high - low) / stride).filter(Number.isInteger);
    const clipId = `${clip}-loss`;
    const sums = summary(upTo).map(({ name, words }) => `${look(name).label} ${words}`);
    lossSvg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    lossSvg.style.height = `${height}px`;
    lossSvg.setAttribute("aria-label", `Loss after each step, on a logarithmic scale. At step ${upTo}: ${sums.join("; ") || "no optimizer chosen"}.`);
    lossSvg.replaceChildren(
      s("clipPath", { id: clipId }, s("rect", { x: left, y: top - 4, width: Math.max(0, right - left + 6), height: bottom - top + 8 })),
      s("g", { class: "nn-grid" }, ...exponents.map((k) => s("path", { d: `M${left} ${y(10 ** k)}H${right}` }))),
      s("g", { class: "nn-axes" },
        ...exponents.map((k) => s("text", { x: left - 5, y: y(10 ** k) + 4, "text-anchor": "end" }, power(k))),
        ...ticks(0, state.steps, (right - left) / 55).map((step) => s("text", { x: x(step), y: bottom + 14, "text-anchor": "middle" }, String(step))),
        s("text", { x: (left + right) / 2, y: bottom + 29, "text-anchor": "middle" }, "step"),
        s("text", { x: 2, y: 12 }, "loss, log scale")),
      s("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "nn-frame" }),
      s("path", { d: `M${x(upTo)} ${top}V${bottom}`, class: "nn-now" }),
      s("g", { "clip-path": `url(#${clipId})` }, ...runs.flatMap(({ name, loss }) => {
        const points = loss.slice(0, upTo + 1).map((value, step) => [x(step), y(value)]);
        const dot = symbol(name, 4.5);
        dot.setAttribute("transform", `translate(${points.at(-1)})`);
        return [s("path", { d: polyline(points), class: "nn-line", stroke: look(name).color, "stroke-dasharray": look(name).dash }), dot];
      })),
    );
  }

  // What each optimizer has come to at a step: its loss, in words when it is no longer a number worth drawing.
  function summary(upTo) {
    return runs.map(({ name, loss, path, diverged }) => {
      const gone = diverged !== null && upTo >= diverged;
      const now = gone ? Infinity : loss[upTo];
      const words = gone ? `diverged at step ${diverged}` : `${short(now)}${outside(path[upTo]) ? ", outside the map" : ""}`;
      return { name, now, gone, words };
    });
  }

  function conclude(upTo) {
    const all = summary(upTo);
    const going = all.filter(({ gone }) => !gone).sort((a, b) => a.now - b.now);
    const named = ({ name, words }) => `${look(name).label} (${words})`;
    let text = `After ${upTo} of ${state.steps} steps: `;
    if (!all.length) text = "No optimizer is chosen.";
    else if (!going.length) text += "every run has diverged. Try a smaller rate.";
    else if (going.length === 1) text += `${named(going[0])}.`;
    else text += `lowest loss ${named(going[0])}, highest ${named(going.at(-1))}.`;
    const gone = all.filter(({ gone }) => gone).map(({ name, words }) => `${look(name).label} ${words}`);
    return gone.length && going.length ? `${text} ${gone.join(", ")}: its rate is too large here.` : text;
  }

  function drawControls(upTo) {
    surfaces.set(state.surface);
    length.set(state.steps);
    sigma.set(state.noise);
    noisy.hidden = state.surface !== "noisy_bowl";
    scrub.max = state.steps;
    scrub.value = upTo;
    fill(scrub);
    scrub.setAttribute("aria-valuetext", `step ${upTo} of ${state.steps}`);
    scrubText.textContent = `step ${upTo}`;
    const now = Object.fromEntries(summary(upTo).map((one) => [one.name, one]));
    for (const [name, { row, tick, knobs, sliders, loss, holder }] of Object.entries(rows)) {
      tick.checked = state.optimizers.includes(name);
      row.classList.toggle("nn-off", !tick.checked);
      holder.hidden = !tick.checked;
      knobs.forEach((knob, i) => sliders[i].set(read(state.hyper[name], knob)));
      loss.textContent = !now[name] ? "" : now[name].gone ? now[name].words : `loss ${short(now[name].now)}`;
    }
  }

  function draw() {
    drawing ??= requestAnimationFrame(() => {
      drawing = null;
      if (!widths[0]) return;
      const upTo = Math.min(shown, state.steps);
      shown = upTo;
      drawMap(upTo);
      drawLoss(upTo);
      drawControls(upTo);
      if (!race.playing()) verdict.say(conclude(upTo));
    });
  }

  function take() {
    const before = state;
    state = settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
    if (shown >= before.steps) shown = state.steps;
    runs = trajectories(state);
    if (state.surface !== before.surface && widths[0]) drawGround();
    draw();
  }

  function layout() {
    const wide = root.clientWidth >= 620;
    root.classList.toggle("nn-wide", wide);
    lossPlot.classList.toggle("nn-below", !wide);
    const now = [map.clientWidth, lossPlot.clientWidth];
    if (now[0] === widths[0] && now[1] === widths[1]) return;
    widths = now;
    if (widths[0]) { drawGround(); draw(); }
  }

  const sizes = new ResizeObserver(layout);
  sizes.observe(root);
  const forget = whenSeen(map, () => { if (!stillness()) race.play(0); });
  const unfollow = follow(model, take);
  layout();
  return () => { sizes.disconnect(); forget(); race.pause(); unfollow(); };
}

// A link holds the surface and what differs from this state: what the figure starts with, or the other surface's own defaults.
const usual = (state, initial) =>
  state.surface === initial.surface || !Object.hasOwn(SURFACES, state.surface)
    ? initial
    : { ...initial, ...defaults(state.surface), surface: initial.surface };

export default { render, usual };
