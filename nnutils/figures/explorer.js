// The activation explorer on a page: a function and its slope with a point to move, and products of slopes over depth.
import { ACTIVATIONS, flatParts, scene, settings, spec } from "./explorer_engine.js";
import { announcer, assign, button, choice, direct, draggable, follow, h, keepKeys, linkButton, s, slider } from "./core.js";
import { apart, decadeTicks, polyline, power, ticks } from "./plot.js";

const FIELDS = ["activation", "z", "weight"];
const INSET = { left: 34, right: 10, top: 8, bottom: 34 };
const TALL = { value: 190, gap: 26, slope: 110 }; // heights of the two panels in pixels, and what lies between them
const SLOPES = [-0.25, 1.25];
const DECADES = [-16, 4];

// A short number with a true minus sign: 0.25, 0.0066, 9.5 · 10⁻⁷.
function plain(value) {
  const [lead, exponent] = value.toExponential(1).split("e").map(Number);
  const text = value === 0 || (exponent > -4 && exponent < 4) ? String(Number(value.toPrecision(exponent < -1 ? 2 : 3))) : `${lead} · ${power(exponent)}`;
  return text.replace("-", "−");
}

function render({ model, el }) {
  const initial = settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
  let now = scene(initial);
  let ground = null; // the activation and the width for which the curves are drawn
  let drawing = null;
  const change = (changes) => assign(model, changes);

  const functions = choice({
    name: "Activation function",
    options: Object.fromEntries(Object.entries(spec.activations).map(([name, { label }]) => [name, label])),
    onInput: (activation) => change({ activation }),
  });
  const about = h("p", { class: "nn-about" });
  const weight = slider({ label: "weight w", values: spec.weights, format: plain, name: "weight of each unit in the chain", onInput: (value) => change({ weight: value }) });
  const verdict = announcer();

  const clip = `nn-clip-${Math.random().toString(36).slice(2)}`;
  const clipBox = s("rect", {});
  const flats = s("g", { class: "nn-flat" });
  const axes = s("g", {});
  const curves = s("g", { "clip-path": `url(#${clip})` });
  const tangent = s("path", { class: "nn-line nn-tangent", stroke: spec.colors.slope });
  const cursor = s("path", { class: "nn-now" });
  const slopeDot = s("circle", { r: 5, fill: spec.colors.slope, class: "nn-marker" });
  const reading = s("text", { class: "nn-direct" });
  const handle = s("g", { class: "nn-handle", tabindex: 0, role: "slider", "aria-label": "Point z: left and right arrow keys move it", "aria-valuemin": spec.z[0], "aria-valuemax": spec.z[1] },
    s("circle", { r: 20, class: "nn-grip" }), s("circle", { r: 8, class: "nn-ring" }), s("circle", { r: 2.5, class: "nn-core" }));
  const svg = s("svg", { class: "nn-map-svg", role: "group", "aria-label": "The function above, its slope below" },
    s("clipPath", { id: clip }, clipBox), flats, axes, cursor, curves, s("g", { "clip-path": `url(#${clip})` }, tangent), slopeDot, reading, handle);
  const productSvg = s("svg", { class: "nn-products-svg", role: "img" });
  const productPlot = h("div", {}, productSvg, weight.el);
  const legend = h("p", { class: "nn-legend" }, h("span", { class: "nn-flat-swatch" }), ` flat: |slope| below ${spec.flat} · orange line at the point: the slope there`);

  const root = h("div", { class: "nn-ui nn-explorer" },
    functions.el, about, h("div", { class: "nn-plots" }, h("div", {}, svg, legend), productPlot), verdict.el,
    h("div", { class: "nn-foot" }, button("Reset", () => change(initial)), linkButton(model)));
  keepKeys(root);
  el.append(root);

  // Where the two panels stand, and the pixels of a point in each.
  const bottoms = { value: INSET.top + TALL.value, slope: INSET.top + TALL.value + TALL.gap + TALL.slope };
  const width = () => Math.max(1, svg.clientWidth - INSET.left - INSET.right);
  const x = (z) => INSET.left + ((z - spec.z[0]) / (spec.z[1] - spec.z[0])) * width();
  const height = (panel, [low, high], value) => bottoms[panel] - ((value - low) / (high - low)) * TALL[panel];
  const yValue = (value) => height("value", spec.activations[now.activation].y, value);
  const ySlope = (value) => height("slope", SLOPES, value);

  const moveTo = (z) => change({ z: Number(Math.min(spec.z[1], Math.max(spec.z[0], z)).toFixed(2)) });
  draggable(svg, handle, (event) => moveTo(spec.z[0] + ((event.clientX - svg.getBoundingClientRect().left - INSET.left) / width()) * (spec.z[1] - spec.z[0])));
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    const end = { Home: spec.z[0], End: spec.z[1] }[event.key];
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    moveTo(end ?? now.z + step * (event.shiftKey ? 0.01 : 0.1));
  });

  function drawGround() {
    const { label, formula, slope, y } = spec.activations[now.activation];
    const right = INSET.left + width();
    svg.setAttribute("viewBox", `0 0 ${right + INSET.right} ${bottoms.slope + INSET.bottom}`);
    svg.style.height = `${bottoms.slope + INSET.bottom}px`;
    for (const [key, value] of Object.entries({ x: INSET.left, y: INSET.top, width: width(), height: bottoms.slope - INSET.top })) clipBox.setAttribute(key, value);
    flats.replaceChildren(...flatParts(now.activation).flatMap(([from, to]) => Object.keys(bottoms).map((panel) =>
      s("rect", { x: x(from), y: bottoms[panel] - TALL[panel], width: Math.max(1, x(to) - x(from)), height: TALL[panel] }))));
    const scale = (panel, range, at) => [
      s("rect", { class: "nn-frame", x: INSET.left, y: bottoms[panel] - TALL[panel], width: width(), height: TALL[panel] }),
      ...ticks(...range, TALL[panel] / 40).map((value) => s("g", { class: value === 0 ? "nn-zero" : "nn-grid" },
        s("path", { d: `M${INSET.left} ${at(value)}H${right}` }), s("text", { x: INSET.left - 5, y: at(value) + 4, "text-anchor": "end" }, plain(value)))),
    ];
    axes.replaceChildren(s("g", { class: "nn-axes" }, ...scale("value", y, yValue), ...scale("slope", SLOPES, ySlope),
      ...ticks(...spec.z, width() / 50).map((z) => s("text", { x: x(z), y: bottoms.slope + 14, "text-anchor": "middle" }, plain(z))),
      s("text", { x: INSET.left + width() / 2, y: bottoms.slope + 29, "text-anchor": "middle" }, "z")));
    // a jump of the slope is drawn as a jump: the curve is cut where two neighbours are far apart
    const points = Array.from({ length: 601 }, (_, i) => spec.z[0] + (i / 600) * (spec.z[1] - spec.z[0]));
    const f = ACTIVATIONS[now.activation];
    const cut = points.findIndex((z, i) => i && Math.abs(f.slope(z) - f.slope(points[i - 1])) > 0.5);
    const runs = cut < 0 ? [points] : [points.slice(0, cut), points.slice(cut)];
    const line = (of, at, stroke, list) => s("path", { class: "nn-line", d: polyline(list.map((z) => [x(z), at(of(z))])), stroke });
    curves.replaceChildren(line(f.value, yValue, spec.colors.value, points), ...runs.map((run) => line(f.slope, ySlope, spec.colors.slope, run)),
      direct(INSET.left + 8, bottoms.value - TALL.value + 17, spec.colors.value, "value φ(z)"),
      direct(INSET.left + 8, bottoms.slope - TALL.slope + 17, spec.colors.slope, "slope φ′(z)"));
    about.replaceChildren(h("b", {}, label), `: φ(z) = ${formula}; its slope is φ′(z) = ${slope}. Drag the ring, or move it with the arrow keys.`);
  }

  function drawPoint() {
    const { z, value, slope, flat } = now;
    const [at, up] = [x(z), yValue(value)];
    handle.setAttribute("transform", `translate(${at} ${up})`);
    handle.setAttribute("aria-valuenow", z);
    handle.setAttribute("aria-valuetext", `z = ${plain(z)}, value ${plain(value)}, slope ${plain(slope)}${flat ? ", flat" : ""}`);
    cursor.setAttribute("d", `M${at} ${INSET.top}V${bottoms.slope}`);
    const [dx, dy] = [x(1) - x(0), yValue(slope) - yValue(0)]; // pixels of the tangent for one unit of z
    const part = 45 / Math.hypot(dx, dy);
    tangent.setAttribute("d", `M${at - part * dx} ${up - part * dy}L${at + part * dx} ${up + part * dy}`);
    slopeDot.setAttribute("cx", at);
    slopeDot.setAttribute("cy", ySlope(slope));
    const left = z > 2;
    reading.setAttribute("text-anchor", left ? "end" : "start");
    reading.setAttribute("x", at + (left ? -10 : 10));
    reading.setAttribute("y", ySlope(slope) + (slope > 0.8 ? 17 : -8));
    reading.textContent = `slope ${plain(slope)}`;
  }

  function drawProducts() {
    const wide = root.classList.contains("nn-wide");
    const room = productSvg.clientWidth;
    const [left, right, top, bottom] = [40, room - 12, 40, (wide ? bottoms.slope : 210) - 2];
    const [low, high] = DECADES;
    const px = (depth) => left + ((right - left) * depth) / spec.depth;
    const py = (value) => top + ((bottom - top) * (high - Math.min(high + 2, Math.max(low - 2, Math.log10(value))))) / (high - low);
    const exponents = decadeTicks(low, high, (bottom - top) * 0.8);
    const lines = [
      { text: "this z", values: now.products, stroke: spec.colors.slope, dash: null },
      { text: "z from N(0, 1)", values: now.typicals, stroke: spec.colors.typical, dash: "7 4" },
    ].map((line) => ({ ...line, gone: line.values[0] === 0, text: line.values[0] === 0 ? `${line.text}: 0` : line.text }));
    // A label stands above the upper curve and below the lower one, on the side that the curve leaves free.
    const upper = lines[0].values[0] >= lines[1].values[0] ? 0 : 1;
    const places = lines.map(({ text, values, gone }, i) => {
      const inside = values.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high).length;
      const [falls, above] = [values[1] <= values[0], i === upper];
      const depth = Math.max(1, Math.round(inside * (above === falls ? 0.3 : 0.8)));
      const wide = 7 * text.length;
      const [at, room] = [px(depth), falls === above];
      const free = room || at - 6 - wide >= left;
      const side = gone || room || !free ? at + 6 : at - 6 - wide;
      const level = gone ? bottom - 6 : py(values[depth - 1]) + (above && free ? -6 : 16);
      return [Math.min(right - wide, side), Math.min(bottom - 6, Math.max(top + 12, level)), wide];
    });
    const ys = apart(places, 16, bottom);
    const number = (list, depth) => plain(list[depth - 1]);
    productSvg.setAttribute("viewBox", `0 0 ${room} ${bottom + 36}`);
    productSvg.style.height = `${bottom + 36}px`;
    productSvg.setAttribute("aria-label", `Size of the product of weight times slope over 1 to ${spec.depth} layers, on a logarithmic scale. After ${spec.depth} layers it is ${number(now.products, spec.depth)} at this z, and typically ${number(now.typicals, spec.depth)} for z from N(0, 1).`);
    productSvg.replaceChildren(
      s("clipPath", { id: `${clip}-products` }, s("rect", { x: left, y: top, width: Math.max(0, right - left + 6), height: bottom - top })),
      s("g", { class: "nn-axes" }, ...exponents.map((k) => s("g", { class: k === 0 ? "nn-zero" : "nn-grid" },
        s("path", { d: `M${left} ${py(10 ** k)}H${right}` }), s("text", { x: left - 5, y: py(10 ** k) + 4, "text-anchor": "end" }, k === 0 ? "1" : power(k)))),
        ...[1, 5, 10, 15, 20].map((depth) => s("text", { x: px(depth), y: bottom + 14, "text-anchor": "middle" }, String(depth))),
        s("text", { x: (left + right) / 2, y: bottom + 29, "text-anchor": "middle" }, "layers")),
      s("text", { x: 2, y: 13, class: "nn-title" }, "product of w · slope"), s("text", { x: 2, y: 29, class: "nn-quiet" }, "size, log scale"),
      s("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "nn-frame" }),
      s("g", { "clip-path": `url(#${clip}-products)` }, ...lines.filter(({ gone }) => !gone).map(({ values, stroke, dash }) =>
        s("path", { class: "nn-line", stroke, "stroke-dasharray": dash, d: polyline(values.map((value, i) => [px(i + 1), py(value)])) }))),
      ...lines.map(({ text, stroke }, i) => direct(places[i][0], ys[i], stroke, text)));
  }

  function conclude() {
    const { activation, z, weight: w, slope, typical, flat, products, typicals } = now;
    const { label } = spec.activations[activation];
    const here = `${label} at z = ${plain(z)}: the slope is ${plain(slope)}${flat ? ", the function is flat here" : ""}.`;
    const chain = products[0] === 0 ? "Nothing passes, at any depth." : `With weight ${plain(w)}, ten layers multiply a gradient by ${plain(products[9])}, twenty by ${plain(products[19])}.`;
    return `${here} ${chain} With a z of its own from N(0, 1) in each layer, the root mean square of the slope is ${plain(typical)}, and ten layers multiply by ${plain(typicals[9])}.`;
  }

  function draw() {
    drawing ??= requestAnimationFrame(() => {
      drawing = null;
      if (!svg.clientWidth) return;
      const wanted = `${now.activation} ${svg.clientWidth}`;
      if (ground !== wanted) drawGround();
      ground = wanted;
      functions.set(now.activation);
      weight.set(now.weight);
      drawPoint();
      drawProducts();
      verdict.say(conclude());
    });
  }

  function layout() {
    root.classList.toggle("nn-wide", root.clientWidth >= 620);
    draw();
  }

  const sizes = new ResizeObserver(layout);
  sizes.observe(root);
  const unfollow = follow(model, () => {
    now = scene(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
    draw();
  });
  layout();
  return () => { sizes.disconnect(); cancelAnimationFrame(drawing); unfollow(); };
}

// A link holds what differs from the state that the figure starts with.
const usual = (state, initial) => initial;

export default { render, usual };
