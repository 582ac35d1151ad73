// The regularization playground on a page: the plane with the net's decision, both losses, remedies and settings; it trains here.
import { advance, begin, forward, score, settings, spec, surface } from "./playground_engine.js";
import { announcer, assign, button, choice, follow, h, keepKeys, linkButton, s, short, slider, stillness, whenSeen } from "./core.js";
import { contour, marker, polyline, ticks } from "./plot.js";

const FIELDS = Object.keys(spec.defaults);
const REMEDIES = ["weight_decay", "l1", "dropout", "patience"];
const CELLS = { moving: [36, 27], still: [80, 60] }; // columns and rows in which the plane is shaded
const BUDGET = 10; // milliseconds of training between two pictures
const SECONDS = 8; // what the whole training should take
const PARTS = { train: "training", validation: "validation" };
const MARKERS = ["circle", "square"];
const { classes, train: own, validation: measured } = spec.colors;
const COLORS = `--nn-class-0: ${classes[0]}; --nn-class-1: ${classes[1]}; --nn-train: ${own}; --nn-validation: ${measured}`;

const exact = (value) => String(Number(value.toPrecision(3)));
const off = (write) => (value) => (value === 0 ? "off" : write(value));
const KNOBS = {
  weight_decay: { label: "weight decay", values: [0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3], format: off(exact) },
  l1: { label: "L1 penalty", values: [0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1], format: off(exact) },
  dropout: { label: "dropout p", name: "dropout probability", values: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], format: off(exact) },
  patience: { label: "patience", name: "early stopping: patience", values: [5, 10, 20, 50, 100, 200, 500], format: (value) => `${value} epochs` },
  noise: { label: "noise σ", name: "noise of the points", values: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1] },
  width: { label: "units", name: "units in each hidden layer", values: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32] },
  lr: { label: "rate η", name: "learning rate", values: [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1] },
  epochs: { label: "epochs", name: "number of epochs", values: [100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000] },
};

const loss = (value) => (Number.isFinite(value) ? value.toFixed(2) : "none");

// A line as it looks in the plot of the losses.
const swatch = (kind) => s("svg", { width: 26, height: 10, class: "nn-swatch", "aria-hidden": "true" }, s("path", { d: "M0 5H26", class: `nn-line nn-${kind}` }));

const symbol = (label, size) => s("path", { d: marker(MARKERS[label], size), class: `nn-point nn-class-${label}` });
const legend = (label) => s("svg", { viewBox: "-7 -7 14 14", class: "nn-symbol", role: "img", "aria-label": `${label ? "orange squares" : "blue circles"}` }, symbol(label, 5));

function render({ model, el }) {
  const read = () => settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
  const initial = read();
  let state = initial;
  let run = begin(state);
  let plain = null; // the same run without remedies, to compare with; null when this run has none itself
  let widths = [0, 0];
  let lastPatience = state.patience || spec.remedies.patience.patience;

  const change = (changes) => assign(model, changes);

  // Training goes in slices. By default a picture follows each slice, at a steady pace of epochs; who asks for less motion
  // gets the training without them, in the background, and a picture at its end, unless Play is pressed.
  let forgetNext = null; // forgets the slice that waits; null when nothing trains
  const rest = () => { forgetNext?.(); forgetNext = null; };
  const done = () => run.ended && (!plain || plain.ended);
  const epochs = (count) => {
    const until = performance.now() + BUDGET;
    for (let k = 0; k < count && !done() && (k === 0 || performance.now() < until); k++) {
      advance(run);
      if (plain && (run.ended || plain.epoch < run.epoch)) advance(plain);
    }
  };
  function play(moving) {
    rest();
    let before = performance.now();
    const next = () => {
      const id = moving ? requestAnimationFrame(slice) : setTimeout(slice);
      forgetNext = () => (moving ? cancelAnimationFrame(id) : clearTimeout(id));
    };
    const slice = () => {
      const passed = Math.min(0.1, (performance.now() - before) / 1000);
      before = performance.now();
      epochs(moving ? Math.ceil((passed * state.epochs) / SECONDS) : Infinity);
      if (done()) return pause();
      next();
      if (moving) draw();
    };
    next();
    verdict.say("Training.");
    drawButtons();
  }
  function pause() {
    rest();
    draw();
  }
  function restart() {
    rest();
    const remedied = REMEDIES.some((key) => state[key]);
    run = begin(state);
    const without = { ...state, ...Object.fromEntries(REMEDIES.map((key) => [key, 0])) };
    const same = plain && JSON.stringify(plain.state) === JSON.stringify(without);
    if (!remedied) plain = null;
    else if (!same) plain = begin(without);
  }

  // Controls
  const remedy = choice({
    name: "Remedy",
    options: Object.fromEntries(Object.entries(spec.remedies).map(([key, { label }]) => [key, label])),
    onInput: (key) => change(Object.fromEntries(REMEDIES.map((one) => [one, spec.remedies[key][one]]))),
  });
  const playButton = button("▶ Play", () => {
    if (forgetNext) return pause();
    if (done()) restart();
    play(true);
  }, { class: "nn-play" });
  const stepButton = button("One epoch", () => { rest(); if (run.ended) restart(); epochs(1); draw(); });
  const startButton = button("Start again", () => { restart(); draw(); });
  const knobs = Object.fromEntries(Object.entries(KNOBS).map(([key, knob]) => [key, slider({ format: exact, ...knob, onInput: (value) => change({ [key]: value }) })]));
  const stops = h("input", { type: "checkbox" });
  stops.addEventListener("change", () => change({ patience: stops.checked ? lastPatience : 0 }));
  const data = choice({ name: "Data", options: spec.data, onInput: (value) => change({ data: value }) });
  const activation = choice({ name: "Activation", options: spec.activations, onInput: (value) => change({ activation: value }) });
  const draws = button("Other points", () => change({ seed: (state.seed + 1) % (spec.limits.seed[1] + 1) }));
  const reset = button("Reset", () => change(initial));
  const verdict = announcer();
  const about = h("p", { class: "nn-about" }, `Two classes, `, legend(0), ` and `, legend(1), `: the net learns from ${spec.train} points, drawn large. ${spec.validation} small ones only measure it.`);

  // The plane
  const canvas = h("canvas", { "aria-hidden": "true" });
  const cloud = s("g", {});
  const boundary = s("path", { class: "nn-boundary" });
  const frame = s("rect", { class: "nn-frame" });
  const axes = s("g", { class: "nn-axes" });
  const clip = `nn-clip-${Math.random().toString(36).slice(2)}`;
  const clipFrame = s("rect", {});
  const plane = s("svg", { role: "img" }, s("clipPath", { id: clip }, clipFrame), axes, s("g", { "clip-path": `url(#${clip})` }, cloud, boundary), frame);
  const map = h("div", { class: "nn-map" }, canvas, plane);

  // The losses
  const lossSvg = s("svg", { class: "nn-loss-svg", role: "img" });
  const lossPlot = h("div", { class: "nn-loss" }, lossSvg);
  const table = h("div", { class: "nn-readout" });

  const group = (title, ...children) => h("div", { class: "nn-group", role: "group", "aria-label": title }, h("p", { class: "nn-kicker" }, title), ...children);
  const root = h("div", { class: "nn-ui nn-playground", style: COLORS },
    remedy.el, about, h("div", { class: "nn-plots" }, map, h("div", {}, table, lossPlot)),
    h("div", { class: "nn-transport" }, playButton, stepButton, startButton, knobs.epochs.el), verdict.el,
    h("div", { class: "nn-groups" },
      group("Remedies", knobs.weight_decay.el, knobs.l1.el, knobs.dropout.el,
        h("div", { class: "nn-pair" }, h("label", {}, stops, "stop early"), knobs.patience.el)),
      group("Points and net", data.el, knobs.noise.el, h("div", { class: "nn-pair" }, activation.el, knobs.width.el), knobs.lr.el)),
    h("div", { class: "nn-foot" }, draws, reset, linkButton(model)));
  keepKeys(root);
  el.append(root);

  const inset = { left: 22, right: 4, top: 4, bottom: 18 };
  const box = () => {
    const width = Math.max(1, widths[0] - inset.left - inset.right);
    return { width, height: width * 0.75 };
  };
  const px = ([x, y]) => {
    const { x: [x0, x1], y: [y0, y1] } = spec.plane;
    const { width, height } = box();
    return [inset.left + ((x - x0) / (x1 - x0)) * width, inset.top + ((y1 - y) / (y1 - y0)) * height];
  };

  // What stays while the net trains: frame, ticks, points. Validation points are small and pale, training points large.
  function drawGround() {
    const { width, height } = box();
    plane.setAttribute("viewBox", `0 0 ${width + inset.left + inset.right} ${height + inset.top + inset.bottom}`);
    plane.style.height = `${height + inset.top + inset.bottom}px`;
    for (const one of [frame, clipFrame]) {
      for (const [key, value] of Object.entries({ x: inset.left, y: inset.top, width, height })) one.setAttribute(key, value);
    }
    Object.assign(canvas.style, { left: `${inset.left}px`, top: `${inset.top}px`, width: `${width}px`, height: `${height}px` });
    axes.replaceChildren(
      ...ticks(...spec.plane.x, width / 70).map((x) => s("text", { x: px([x, 0])[0], y: inset.top + height + 14, "text-anchor": "middle" }, exact(x).replace("-", "−"))),
      ...ticks(...spec.plane.y, height / 55).map((y) => s("text", { x: inset.left - 5, y: px([0, y])[1] + 4, "text-anchor": "end" }, exact(y).replace("-", "−"))));
    cloud.replaceChildren(...["validation", "train"].flatMap((part) => {
      const { X, y } = run[part];
      return Array.from(y, (label, n) => {
        const point = symbol(label, part === "train" ? 5 : 2.4);
        point.classList.add(`nn-${part}`);
        point.setAttribute("transform", `translate(${px([X[2 * n], X[2 * n + 1]]).map((value) => value.toFixed(1))})`);
        return point;
      });
    }));
  }

  // The shade of a cell is its class, the stronger the surer the net; the line is where both are as likely.
  function drawPlane() {
    const [columns, rows] = CELLS[forgetNext ? "moving" : "still"];
    const { x: [x0, x1], y: [y0, y1] } = spec.plane;
    const sure = surface(run.net, columns, rows);
    const colors = spec.colors.classes.map((color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)));
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    sure.forEach((p, k) => image.data.set([...colors[p > 0.5 ? 1 : 0], 150 * Math.abs(2 * p - 1)], 4 * k));
    context.putImageData(image, 0, 0);
    const [dx, dy] = [(x1 - x0) / columns, (y1 - y0) / rows];
    const at = ([x, y]) => sure[Math.round((y1 - y) / dy - 0.5) * columns + Math.round((x - x0) / dx - 0.5)];
    boundary.setAttribute("d", contour(at, [x0 + dx / 2, x1 - dx / 2], [y0 + dy / 2, y1 - dy / 2], [0.5], px, columns - 1, rows - 1));
    if (forgetNext) return;
    const right = Object.keys(PARTS).map((part) => `${Math.round(100 * score(forward(run.net, run[part].X).logits, run[part].y).accuracy)} % of the ${PARTS[part]} points`);
    plane.setAttribute("aria-label", `${spec.data[state.data]}: the net decides ${right.join(" and ")} rightly.`);
  }

  // Every n-th value of a curve, its last one included, as points of the plot.
  const thinned = (values, x, y) => {
    const stride = Math.ceil(values.length / 300);
    const kept = [...values.keys()].filter((t) => t % stride === 0 || t === values.length - 1);
    return polyline(kept.filter((t) => Number.isFinite(values[t])).map((t) => [x(t), y(values[t])]));
  };

  function drawLoss() {
    const width = widths[1];
    const height = root.classList.contains("nn-wide") ? Math.max(150, box().height + inset.top + inset.bottom - table.offsetHeight) : 190;
    const [left, right, top, bottom] = [32, width - 15, 20, height - 32];
    const { train, validation } = run.history;
    const curves = { train, validation, ...(plain && { plain: plain.history.validation.slice(0, run.ended ? Infinity : run.epoch + 1) }) };
    const most = Math.max(...Object.values(curves).flatMap((values) => values.filter(Number.isFinite)));
    const high = [0.8, 1, 1.2, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one >= most) ?? most;
    const x = (epoch) => left + ((right - left) * epoch) / state.epochs;
    const y = (value) => bottom - ((bottom - top) * value) / high;
    const best = run.stopping.epoch;
    const bestX = x(best);
    const marked = run.epoch > 0 && best !== null;
    const leftwards = bestX > left + 0.6 * (right - left);
    lossSvg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    lossSvg.style.height = `${height}px`;
    lossSvg.setAttribute("aria-label", `Losses over the epochs. At epoch ${run.epoch}: training ${loss(train.at(-1))}, validation ${loss(validation.at(-1))}; the lowest validation loss, ${loss(run.stopping.best)}, was at epoch ${best}.`);
    lossSvg.replaceChildren(
      s("g", { class: "nn-grid" }, ...ticks(0, high, 4).map((value) => s("path", { d: `M${left} ${y(value)}H${right}` }))),
      s("g", { class: "nn-axes" },
        ...ticks(0, high, 4).map((value) => s("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, exact(value))),
        ...ticks(0, state.epochs, (right - left) / 60).map((epoch) => s("text", { x: x(epoch), y: bottom + 14, "text-anchor": "middle" }, String(epoch))),
        s("text", { x: (left + right) / 2, y: bottom + 28, "text-anchor": "middle" }, "epoch"), s("text", { x: 2, y: 11 }, "loss")),
      s("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "nn-frame" }),
      ...Object.entries(curves).reverse().map(([kind, values]) => s("path", { d: thinned(values, x, y), class: `nn-line nn-${kind}`, "data-curve": kind })),
      ...(marked ? [
        s("path", { d: `M${bestX} ${top}V${bottom}`, class: "nn-now" }),
        s("circle", { cx: bestX, cy: y(validation[best]), r: 4.5, class: "nn-best" }),
        s("text", { x: bestX + (leftwards ? -6 : 6), y: top + 9, "text-anchor": leftwards ? "end" : "start", class: "nn-direct nn-best-label" }, `best: epoch ${best}`),
      ] : []));
    const row = (kind, label, values) => h("p", {}, swatch(kind), h("span", {}, label), h("b", {}, loss(values.at(-1))));
    const own = run.ended === "stopped" ? [run.stopping.epoch, run.stopping.epoch].map((at, i) => (i ? validation : train).slice(0, at + 1)) : [train, validation];
    table.replaceChildren(row("train", "training loss", own[0]), row("validation", "validation loss", own[1]),
      plain ? row("plain", "validation, no remedy", curves.plain) : h("p", {}, "\u00a0"));
  }

  // What the run has come to, in words.
  function conclude() {
    const { train, validation } = run.history;
    const { best, epoch } = run.stopping;
    if (run.ended === "diverged") return `The training diverged at epoch ${run.epoch}: its rate is too large.`;
    if (!run.epoch) return "Before the training: press Play.";
    const other = plain ? ` Without a remedy the validation loss ${plain.ended ? "ends" : "is"} at ${loss(plain.history.validation[plain.ended ? plain.epoch : run.epoch])}.` : "";
    if (run.ended === "stopped") return `Stopped at epoch ${run.epoch}, ${state.patience} epochs without a lower validation loss, and back at the weights of epoch ${epoch}: validation loss ${loss(best)}.${other}`;
    const [own, measured] = [train.at(-1), validation.at(-1)];
    const begun = `After ${run.epoch} of ${state.epochs} epochs: training loss ${loss(own)}, validation loss ${loss(measured)}, a gap of ${loss(measured - own)}.`;
    const since = measured > 1.15 * best && own < train[epoch] ? ` Since epoch ${epoch} the training loss has fallen and the validation loss risen from ${loss(best)}: overfitting.` : "";
    return begun + since + other;
  }

  function drawButtons() {
    playButton.textContent = forgetNext ? "❚❚ Pause" : "▶ Play";
  }

  function drawControls() {
    remedy.set(Object.keys(spec.remedies).find((key) => REMEDIES.every((one) => spec.remedies[key][one] === state[one])));
    data.set(state.data);
    activation.set(state.activation);
    for (const [key, knob] of Object.entries(knobs)) knob.set(key === "patience" ? lastPatience : state[key]);
    stops.checked = state.patience > 0;
  }

  function draw() {
    drawButtons();
    if (!widths[0]) return;
    drawPlane();
    drawLoss();
    if (!forgetNext) verdict.say(conclude());
  }

  function take() {
    const before = state;
    state = read();
    if (state.patience) lastPatience = state.patience;
    drawControls();
    if (JSON.stringify(state) === JSON.stringify(before)) return;
    restart();
    if (widths[0]) drawGround();
    play(!stillness());
  }

  function layout() {
    root.classList.toggle("nn-wide", root.clientWidth >= 620);
    const now = [map.clientWidth, lossPlot.clientWidth];
    if (now[0] === widths[0] && now[1] === widths[1]) return;
    widths = now;
    if (widths[0]) { drawGround(); draw(); }
  }

  const hidden = () => { if (document.hidden && forgetNext) pause(); };
  document.addEventListener("visibilitychange", hidden);
  const sizes = new ResizeObserver(layout);
  sizes.observe(root);
  restart();
  drawControls();
  const forget = whenSeen(map, () => { if (!forgetNext && !run.epoch) play(!stillness()); });
  const unfollow = follow(model, take);
  layout();
  return () => { sizes.disconnect(); forget(); rest(); document.removeEventListener("visibilitychange", hidden); unfollow(); };
}

const usual = (state, initial) => initial;

export default { render, usual };
