// Signal propagation on a page: histograms of the activations in each layer, and the size of signal and gradient.
import { scene, settings, spec } from "./propagation_engine.js";
import { announcer, assign, button, choice, direct, follow, h, keepKeys, linkButton, s, short, slider } from "./core.js";
import { apart, decadeTicks, polyline, power } from "./plot.js";

const FIELDS = ["activation", "scheme", "gain", "seed"];
const ROW = 34; // pixels of a layer
const INSET = { left: 26, right: 84, top: 22, bottom: 34 };
const HEIGHT = INSET.top + spec.depth * ROW + INSET.bottom;

// A short number with a true minus sign, powers of ten beyond a thousand and a thousandth.
const plain = (value) => short(value).replace(/e(-?\d+)$/, (all, exponent) => ` · ${power(Number(exponent))}`).replace("-", "−");
const percent = (share) => (share > 0 && share < 0.01 ? "under 1 %" : share < 1 && share > 0.99 ? "over 99 %" : `${Math.round(100 * share)} %`);

function render({ model, el }) {
  const initial = settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
  let now = scene(initial);
  let drawing = null;
  const change = (changes) => assign(model, changes);
  const labels = (all) => Object.fromEntries(Object.entries(all).map(([name, { label }]) => [name, label]));

  const schemes = choice({ name: "Initialization", options: labels(spec.schemes), onInput: (scheme) => change({ scheme }) });
  const functions = choice({ name: "Activation function", options: labels(spec.activations), onInput: (activation) => change({ activation }) });
  const gain = slider({ label: "gain", values: spec.gains, name: "gain, a factor on the weights", onInput: (value) => change({ gain: value }) });
  const about = h("p", { class: "nn-about" });
  const verdict = announcer();
  const histograms = s("svg", { class: "nn-histograms-svg", role: "img" });
  const sizes = s("svg", { class: "nn-sizes-svg", role: "img" });
  const legend = h("p", { class: "nn-legend" });

  const root = h("div", { class: "nn-ui nn-propagation" },
    h("div", { class: "nn-settings" }, h("span", { class: "nn-label" }, "weights"), schemes.el, h("span", { class: "nn-label" }, "function"), functions.el), gain.el, about,
    h("div", { class: "nn-plots" }, h("div", {}, histograms, legend), h("div", {}, sizes)), verdict.el,
    h("div", { class: "nn-foot" }, button("Other random weights", () => change({ seed: (now.seed + 1) % 2 ** 32 })), button("Reset", () => change(initial)), linkButton(model)));
  keepKeys(root);
  el.append(root);

  function drawHistograms() {
    const width = histograms.clientWidth;
    const [low, high] = spec.activations[now.activation].axis;
    const [left, right] = [INSET.left, width - INSET.right];
    const x = (value) => left + ((value - low) / (high - low)) * (right - left);
    const bar = (right - left) / spec.bins;
    const rows = now.layers.slice(1).map(({ activations, flat, counts, outside }, i) => {
      const ground = INSET.top + (i + 1) * ROW;
      const most = Math.max(...counts, 1);
      const bars = counts.map((count, k) => (count ? `M${left + k * bar} ${ground}v${(-(ROW - 5) * count) / most}h${bar}V${ground}Z` : "")).join("");
      return s("g", {},
        s("path", { d: bars, fill: spec.colors.activations }), s("path", { d: `M${left} ${ground}H${right}`, class: "nn-frame" }),
        s("text", { x: left - 7, y: ground - 5, "text-anchor": "end" }, String(i + 1)),
        s("text", { x: right + 7, y: ground - 17, class: "nn-title" }, plain(activations)),
        s("text", { x: right + 7, y: ground - 4, class: "nn-quiet" }, flat > 0 ? `${percent(flat)} flat` : ""),
        s("text", { x: right - 3, y: ground - 20, class: "nn-quiet nn-direct", "text-anchor": "end" }, outside > 0 ? `${percent(outside)} outside` : ""));
    });
    const bottom = HEIGHT - INSET.bottom;
    histograms.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    histograms.style.height = `${HEIGHT}px`;
    histograms.setAttribute("aria-label", `Histograms of the activations in layers 1 to ${spec.depth}, from ${low} to ${high}. ${now.layers.slice(1).map(({ activations, flat, outside }, i) => `Layer ${i + 1}: standard deviation ${plain(activations)}${outside > 0 ? `, ${percent(outside)} outside` : ""}${flat > 0 ? `, ${percent(flat)} flat` : ""}`).join("; ")}.`);
    histograms.replaceChildren(
      s("g", { class: "nn-axes" }, s("text", { x: 0, y: 12 }, "layer"), s("text", { x: (left + right) / 2, y: 12, "text-anchor": "middle" }, "activations"), s("text", { x: right + 7, y: 12 }, "std"),
        ...[low, (low + high) / 2, high].map((value) => s("text", { x: x(value), y: bottom + 15, "text-anchor": "middle" }, String(value).replace("-", "−"))),
        s("text", { x: (left + right) / 2, y: bottom + 30, "text-anchor": "middle" }, "value of a unit for one input")),
      ...rows);
    legend.replaceChildren({ linear: "", relu: "Exact zeros are left out of the bars. " }[now.activation] ?? "", now.activation === "linear" ? "" : `flat: |slope| below ${spec.flat}`);
  }

  function drawSizes() {
    const width = sizes.clientWidth;
    const wide = root.classList.contains("nn-wide");
    const height = wide ? HEIGHT : 240;
    const [left, right, top, bottom] = [40, width - 12, 40, height - INSET.bottom];
    const logs = now.layers.flatMap(({ activations, gradient }) => [activations, gradient]).filter((value) => value > 0).map(Math.log10);
    const low = Math.min(-2, Math.floor(Math.min(...logs)));
    const high = Math.max(2, Math.ceil(Math.max(...logs)));
    const x = (layer) => left + ((right - left) * layer) / spec.depth;
    const y = (value) => top + ((bottom - top) * (high - Math.max(low, Math.log10(value)))) / (high - low);
    const lines = [
      { text: "activations", key: "activations", dash: null, at: 3 },
      { text: "gradient", key: "gradient", dash: "7 4", at: 5 },
    ].map((line) => ({ ...line, stroke: spec.colors[line.key], points: now.layers.map((layer, i) => [x(i), y(layer[line.key])]) }));
    // a name stands above the upper line and below the lower one
    const upper = lines[0].points[3][1] <= lines[1].points[3][1] ? 0 : 1;
    const places = lines.map(({ text, points, at }, i) => [Math.min(right - 7 * text.length, points[at][0]), Math.min(bottom - 4, Math.max(top + 12, points[at][1] + (i === upper ? -12 : 20))), 7 * text.length]);
    const ys = apart(places, 16, bottom);
    const ends = (key) => `${plain(now.layers[0][key])} at the input, ${plain(now.layers[spec.depth][key])} at the output`;
    sizes.setAttribute("viewBox", `0 0 ${width} ${height}`);
    sizes.style.height = `${height}px`;
    sizes.setAttribute("aria-label", `Standard deviation in each layer, on a logarithmic scale. Activations: ${ends("activations")}. Gradient with respect to them: ${ends("gradient")}.`);
    sizes.replaceChildren(
      s("g", { class: "nn-axes" }, ...decadeTicks(low, high, bottom - top).map((k) => s("g", { class: k === 0 ? "nn-zero" : "nn-grid" },
        s("path", { d: `M${left} ${y(10 ** k)}H${right}` }), s("text", { x: left - 5, y: y(10 ** k) + 4, "text-anchor": "end" }, k === 0 ? "1" : power(k)))),
        ...[0, 2, 4, 6, 8, 10].map((layer) => s("text", { x: x(layer), y: bottom + 15, "text-anchor": "middle" }, String(layer))),
        s("text", { x: (left + right) / 2, y: bottom + 30, "text-anchor": "middle" }, "layer (0: the input)")),
      s("text", { x: 2, y: 13, class: "nn-title" }, "std in each layer"), s("text", { x: 2, y: 29, class: "nn-quiet" }, "log scale"),
      s("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "nn-frame" }),
      ...lines.flatMap(({ points, stroke, dash }) => [
        s("path", { class: "nn-line", stroke, "stroke-dasharray": dash, d: polyline(points) }),
        ...points.map(([cx, cy]) => s("circle", { cx, cy, r: 2.5, fill: stroke }))]),
      ...lines.map(({ text, stroke }, i) => direct(places[i][0], ys[i], stroke, text)));
  }

  // What became of a size, from the first number to the last, in words.
  const fate = (from, to) => {
    const times = to / from;
    const word = times < 0.01 ? "vanishes" : times > 100 ? "explodes" : times < 0.1 ? "shrinks" : times > 10 ? "grows" : "stays within a factor of ten";
    return `${word} (times ${plain(times ** (1 / (spec.depth - 1)))} a layer)`;
  };

  function conclude() {
    const { layers, activation, scheme } = now;
    const [first, last] = [layers[1], layers[spec.depth]];
    const [forward, back] = [fate(first.activations, last.activations), fate(last.gradient, first.gradient)];
    const flat = ["tanh", "sigmoid"].includes(activation) && last.flat >= 0.1 ? ` In the last layer ${percent(last.flat)} of the units are saturated.` : "";
    const same = last.between < 0.1 * last.activations ? ` But layer ${spec.depth} gives nearly the same for every input: between inputs its std is ${plain(last.between)}.` : "";
    return `${spec.schemes[scheme].label} weights, ${spec.activations[activation].label}: from layer 1 to ${spec.depth} the std of the activations goes from ${plain(first.activations)} to ${plain(last.activations)}; it ${forward}.${same} Back from layer ${spec.depth} to 1 that of the gradient goes from ${plain(last.gradient)} to ${plain(first.gradient)}; it ${back}.${flat}`;
  }

  function draw() {
    drawing ??= requestAnimationFrame(() => {
      drawing = null;
      if (!histograms.clientWidth) return;
      schemes.set(now.scheme);
      functions.set(now.activation);
      gain.set(now.gain);
      const formula = `${now.gain === 1 ? "" : `${now.gain} · `}${spec.schemes[now.scheme].formula}`;
      about.replaceChildren(h("b", {}, "Weights"), ` from N(0, std²) with std = ${formula === plain(now.std) ? "" : `${formula} = `}${plain(now.std)}, in ${spec.depth} layers of ${spec.width} units, no biases; inputs from N(0, 1).`);
      drawHistograms();
      drawSizes();
      verdict.say(conclude());
    });
  }

  function layout() {
    root.classList.toggle("nn-wide", root.clientWidth >= 620);
    draw();
  }

  const watched = new ResizeObserver(layout);
  watched.observe(root);
  const unfollow = follow(model, () => {
    now = scene(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
    draw();
  });
  layout();
  return () => { watched.disconnect(); cancelAnimationFrame(drawing); unfollow(); };
}

// A link holds what differs from the state that the figure starts with.
const usual = (state, initial) => initial;

export default { render, usual };
