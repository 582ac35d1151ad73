// The computational graph on a page: the graph with its numbers, what happens at this stage, one node in detail, a slider for each input.
import { defaults, rename, scene, settings, spec, withNumbers } from "./graph_engine.js";
import { announcer, assign, button, choice, fill, follow, h, keepKeys, linkButton, player, s, slider } from "./core.js";

const FIELDS = ["example", "inputs", "stage"];
const SECONDS = 1.4; // for each stage that is played
const TALL = { plain: 62, reused: 80 };

// A number of about `digits` significant digits, with a true minus sign.
function plain(value, digits = 4) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const text = size >= 1e6 || size < 1e-3 ? value.toExponential(Math.max(0, digits - 3)) : String(size >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−").replace("e+", "e");
}
// The same with three digits, none of them below a thousandth: short enough for a node or an edge.
const brief = (value) => plain(Math.abs(value) < 0.01 ? value : Number(value.toFixed(3)), Math.abs(value) < 0.01 ? 2 : 3);
const sum = (parts, write = plain) => parts.map((part, i) => (i === 0 ? write(part) : `${part < 0 ? "−" : "+"} ${write(Math.abs(part))}`)).join(" ");

const pretty = (text) => rename(text, (name) => name.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]));
const word = (count) => ["", "once", "twice", "three times", "four times"][count];

// A formula with its names in italics, as children for an element; `make` writes a name.
function formula(text, make) {
  const children = [];
  let from = 0;
  rename(text, (name, at) => {
    children.push(text.slice(from, at), make(name[0], name.slice(1)));
    from = at + name.length;
    return name;
  });
  return [...children, text.slice(from)];
}
const inSvg = (letter, index) => s("tspan", { class: "nn-name-of" }, letter, index && s("tspan", { class: "nn-index" }, "₀₁₂₃₄₅₆₇₈₉"[index]));
const inHtml = (letter, index) => h("i", {}, letter, index && h("sub", {}, index));
const maths = (text) => formula(text, inHtml);
const value = (text) => h("b", { class: "nn-of-value" }, text);
const gradient = (text) => h("b", { class: "nn-of-gradient" }, text);
const result = (number) => h("span", { class: "nn-result" }, "= ", number);
const line = (...children) => h("p", { class: "nn-equation" }, ...children.flat(2));

// The edges of an example: one for each time that a step uses a value.
const edgesOf = (steps) => steps.flatMap((step) => step.inputs.flatMap((input, slot) => (typeof input === "string" ? [{ input, step, slot }] : [])));

// Keep a line of text within `room` pixels.
function squeeze(text, room) {
  text.removeAttribute("textLength");
  if (text.getComputedTextLength() <= room) return;
  text.setAttribute("textLength", room);
  text.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

// Where nodes and edges stand: from left to right when there is room, else from top to bottom.
function plan({ inputs, steps }, width) {
  const wide = width >= 620;
  const edges = edgesOf(steps).map((edge) => ({ ...edge }));
  const places = Object.fromEntries([...Object.entries(inputs), ...steps.map((step) => [step.name, step])].map(([name, { at, narrow = at }]) => [name, wide ? at : narrow]));
  const [levels, lanes] = [0, 1].map((axis) => Math.max(...Object.values(places).map((at) => at[axis])));
  const nodeWidth = Math.min(112, wide ? width / (levels + 1) - 42 : width / (lanes + 1) - 8);
  const along = (part, parts, room) => room / 2 + 2 + (part * (width - room - 4)) / parts;
  const nodes = {};
  for (const [name, [level, lane]] of Object.entries(places)) {
    const tall = edges.filter(({ input }) => input === name).length > 1 ? TALL.reused : TALL.plain;
    nodes[name] = {
      x: wide ? along(level, levels, nodeWidth) : along(lane, lanes, nodeWidth),
      y: wide ? lane * 98 : level * 112,
      width: nodeWidth, height: tall, level, lane,
    };
  }
  const top = Math.min(...Object.values(nodes).map((node) => node.y - node.height / 2)) - 4;
  Object.values(nodes).forEach((node) => (node.y -= top));
  const spread = (list, edge, key) => {
    const sorted = list.toSorted((one, other) => nodes[key(one)].lane - nodes[key(other)].lane || one.slot - other.slot);
    return 18 * (sorted.indexOf(edge) - (sorted.length - 1) / 2);
  };
  for (const edge of edges) {
    const [from, to] = [nodes[edge.input], nodes[edge.step.name]];
    const sideways = from.level === to.level;
    const out = spread(edges.filter(({ input, step }) => input === edge.input && (nodes[step.name].level === from.level) === sideways), edge, ({ step }) => step.name);
    const into = spread(edges.filter(({ input, step }) => step === edge.step && (nodes[input].level === to.level) === sideways), edge, ({ input }) => input);
    const horizontal = wide !== sideways;
    const [a, b] = horizontal
      ? [[from.x + from.width / 2, from.y + out], [to.x - to.width / 2 - 3, to.y + into]]
      : [[from.x + out, from.y + from.height / 2], [to.x + into, to.y - to.height / 2 - 3]];
    const bend = (horizontal ? b[0] - a[0] : b[1] - a[1]) / 2;
    const [c, d] = horizontal ? [[a[0] + bend, a[1]], [b[0] - bend, b[1]]] : [[a[0], a[1] + bend], [b[0], b[1] - bend]];
    const twins = edges.filter(({ input, step }) => input === edge.input && step === edge.step).length;
    const t = twins > 1 ? 0.25 + 0.5 * edge.slot : 0.5;
    const bezier = (i) => (1 - t) ** 3 * a[i] + 3 * t * (1 - t) ** 2 * c[i] + 3 * t * t * (1 - t) * d[i] + t ** 3 * b[i];
    const flat = horizontal && b[0] - a[0] < 120 && Math.abs(b[1] - a[1]) < 12 && twins === 1; // on a short line the label would hide it
    Object.assign(edge, { path: `M${a}C${c} ${d} ${b}`, label: [bezier(0), flat ? Math.min(a[1], b[1]) - 11 : bezier(1)] });
  }
  return { nodes, edges, height: Math.max(...Object.values(nodes).map((node) => node.y + node.height / 2)) + 4 };
}

function render({ model, el }) {
  const initial = settings(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
  let now = scene(initial);
  let built = null; // the example whose nodes, edges and sliders are on the page
  let shapes = {};
  let pointed = null; // the node under the pointer or with the focus
  let chosen = null; // the node that was clicked
  let width = 0;

  const change = (changes) => assign(model, changes);
  const goTo = (stage) => {
    graph.pause();
    change({ stage: Math.min(now.last, Math.max(0, stage)) });
  };

  const examples = choice({
    name: "Example",
    options: Object.fromEntries(Object.entries(spec.examples).map(([name, { label }]) => [name, label])),
    onInput: (example) => { graph.pause(); change(defaults(example)); },
  });
  const about = h("p", { class: "nn-about" });
  const graph = player({
    length: () => now.last,
    seconds: () => SECONDS * now.last,
    show: (stage) => { if (stage !== now.stage) change({ stage }); },
    changed: (playing) => { playButton.textContent = playing ? "❚❚ Pause" : "▶ Play"; },
  });
  const playButton = button("▶ Play", () => (graph.playing() ? graph.pause() : graph.play(now.stage >= now.last ? 0 : now.stage + 1)), { class: "nn-play" });
  const backButton = button("◀ Back", () => goTo(now.stage - 1));
  const stepButton = button("Step ▶", () => goTo(now.stage + 1));
  const scrub = h("input", { type: "range", min: 0, step: 1, "aria-label": "Stage shown" });
  scrub.addEventListener("input", () => goTo(Number(scrub.value)));
  const scrubText = h("span", { class: "nn-value", "aria-hidden": "true" });
  const verdict = announcer();
  const happens = h("div", {});
  const detail = h("div", { class: "nn-card nn-detail" });
  const knobs = h("div", { class: "nn-knobs" });
  let sliders = {};

  const id = `nn-arrow-${Math.random().toString(36).slice(2)}`;
  const head = (kind, path) => s("marker", { id: `${id}-${kind}`, class: `nn-head-${kind}`, viewBox: "0 0 8 8", refX: 4, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" }, s("path", { d: path }));
  const heads = s("defs", {}, head("idle", "M1 1L7 4L1 7Z"), head("forward", "M0 0L8 4L0 8Z"), head("backward", "M8 0L0 4L8 8Z"));
  const lines = s("g", { "aria-hidden": "true" });
  const boxes = s("g", {});
  const labels = s("g", { class: "nn-chips", "aria-hidden": "true" });
  const svg = s("svg", { class: "nn-graph-svg", role: "group" }, heads, lines, boxes, labels);
  const transport = h("div", { class: "nn-transport" }, playButton, backButton, stepButton, h("div", { class: "nn-slider nn-scrub" }, scrub, scrubText));
  for (const part of [svg, transport]) part.addEventListener("keydown", (event) => {
    const target = { ArrowRight: now.stage + 1, ArrowLeft: now.stage - 1, Home: 0, End: now.last }[event.key];
    if (target === undefined || event.target === scrub || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    goTo(target);
  });
  const legend = h("p", { class: "nn-legend" }, value("value"), " (above), computed forward · ", gradient("gradient"), " (below), computed backward · ✓ all contributions are in · ", gradient("○"), " on an arrow: the gradient sent, received × derivative · select a box to see its local derivatives (×) on its arrows");

  const root = h("div", { class: "nn-ui nn-graph", style: `--nn-value: ${spec.colors.value}; --nn-gradient: ${spec.colors.gradient}` },
    examples.el, about, transport,
    svg, legend, h("div", { class: "nn-cards" }, h("div", { class: "nn-card" }, happens, verdict.el), detail), knobs,
    h("div", { class: "nn-foot" }, button("Reset", () => { graph.pause(); change(initial); }), linkButton(model)));
  keepKeys(root);
  el.append(root);

  const aboutNow = () => spec.examples[now.example];
  const point = (name) => () => { pointed = name; draw(); };

  // Nodes, edges and sliders of another example.
  function build() {
    const { inputs, steps, formula: whole, text } = aboutNow();
    built = now.example;
    pointed = chosen = null;
    shapes = { nodes: {}, edges: [] };
    for (const name of Object.keys(now.nodes)) {
      const step = steps.find((one) => one.name === name);
      const parts = {
        box: s("rect", { rx: 6 }),
        title: s("text", { class: "nn-title" }, ...formula(step ? `${name} = ${step.formula}` : name, inSvg)),
        valueLabel: s("text", { class: "nn-small" }), value: s("text", { class: "nn-of-value", "text-anchor": "end" }),
        gradientLabel: s("text", { class: "nn-small" }), gradient: s("text", { class: "nn-of-gradient", "text-anchor": "end" }),
        tick: s("text", { class: "nn-tick" }, "✓"),
        sum: s("text", { class: "nn-sum", "text-anchor": "end" }),
      };
      const choose = () => { chosen = chosen === name ? null : name; draw(); };
      const el = s("g", {
        class: "nn-node", tabindex: 0, role: "button", "data-node": name, onclick: choose,
        onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } },
        onpointerenter: point(name), onpointerleave: point(null), onfocus: point(name), onblur: point(null),
      }, ...Object.values(parts));
      shapes.nodes[name] = { el, ...parts };
    }
    shapes.edges = edgesOf(steps).map(() => ({ path: s("path", { class: "nn-edge" }), chip: s("g", { class: "nn-chip" }, s("rect", { rx: 8, height: 17, y: -8.5 }), s("text", { y: 4, "text-anchor": "middle" })) }));
    lines.replaceChildren(...shapes.edges.map(({ path }) => path));
    labels.replaceChildren(...shapes.edges.map(({ chip }) => chip));
    boxes.replaceChildren(...Object.values(shapes.nodes).map((shape) => shape.el));
    sliders = Object.fromEntries(Object.entries(inputs).map(([name, { slider: [low, high, step] }]) => {
      const values = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => Number((low + i * step).toFixed(6)));
      return [name, slider({ label: inHtml(name[0], name.slice(1)), name: `input ${name}`, values, format: plain, onInput: (one) => change({ inputs: { ...now.inputs, [name]: one } }) })];
    }));
    knobs.replaceChildren(...Object.values(sliders).map((one) => one.el));
    about.replaceChildren(h("b", {}, ...maths(`${now.output} = ${whole}`)), ". ", ...maths(text));
  }

  function place() {
    const { nodes, edges, height } = plan(aboutNow(), width);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    for (const [name, { x, y, width: wide, height: tall }] of Object.entries(nodes)) {
      const { el, box, title, valueLabel, value, gradientLabel, gradient, tick, sum } = shapes.nodes[name];
      el.setAttribute("transform", `translate(${x - wide / 2} ${y - tall / 2})`);
      const set = (shape, attributes) => Object.entries(attributes).forEach(([key, one]) => shape.setAttribute(key, one));
      set(box, { width: wide, height: tall });
      const roomy = wide >= 94;
      set(title, { x: 8, y: 17, "font-size": 14 });
      const tooLong = title.getComputedTextLength() / (wide - (roomy ? 30 : 14));
      set(title, { "font-size": Math.max(11, 14 / Math.max(1, tooLong)) });
      squeeze(title, wide - (roomy ? 30 : 12));
      shapes.nodes[name].width = wide;
      set(valueLabel, { x: 8, y: 36 });
      set(value, { x: wide - 8, y: 36 });
      set(gradientLabel, { x: 8, y: 54 });
      set(gradient, { x: wide - 8, y: 54 });
      set(tick, roomy ? { x: wide - 19, y: 17 } : { x: 7, y: 54 });
      set(sum, { x: wide - 8, y: 72 });
      valueLabel.textContent = "val";
      gradientLabel.textContent = "grad";
      shapes.nodes[name].room = roomy ? Math.floor((wide - 46) / 9.9) : 0; // letters that leave room for a label
    }
    edges.forEach(({ path, label }, i) => {
      shapes.edges[i].path.setAttribute("d", path);
      shapes.edges[i].chip.setAttribute("transform", `translate(${label})`);
    });
  }

  // Which step, input and edge this stage is about.
  function active() {
    const { stage, steps, passed, done, output } = now;
    if (stage === 0) return {};
    if (stage <= steps.length) return { node: steps[stage - 1].name, forward: true };
    return done ? { node: passed[done - 1].step, backward: passed[done - 1] } : { node: output };
  }

  const isEdge = (edge, { step, input, slot }) => edge.step.name === step && edge.input === input && edge.slot === slot;
  const slope = (of, by) => `∂${of}/∂${by}`;

  function drawGraph({ node, forward, backward }) {
    const shown = pointed ?? chosen;
    for (const [name, { value, known, uses, parts, gradient, complete }] of Object.entries(now.nodes)) {
      const shape = shapes.nodes[name];
      shape.el.classList.toggle("nn-known", known);
      shape.el.classList.toggle("nn-active", name === node);
      shape.el.classList.toggle("nn-receives", name === backward?.input);
      shape.el.classList.toggle("nn-complete", complete);
      shape.el.setAttribute("aria-pressed", name === chosen);
      shape.value.textContent = known ? brief(value) : "?";
      shape.gradient.textContent = parts.length ? brief(gradient) : "";
      shape.valueLabel.toggleAttribute("hidden", shape.value.textContent.length > shape.room);
      shape.gradientLabel.toggleAttribute("hidden", !parts.length || shape.gradient.textContent.length > shape.room);
      shape.tick.toggleAttribute("hidden", !complete);
      shape.sum.textContent = uses < 2 ? "" : !parts.length ? `used ${uses} times` : complete ? sum(parts, brief) : `${sum(parts, brief)} + …`;
      squeeze(shape.sum, shape.width - 12);
      const step = now.steps.find((one) => one.name === name);
      const numbers = known ? `value ${plain(value)}` : "no value yet";
      const reached = parts.length ? `, gradient ${plain(gradient)}${complete ? "" : " so far"}` : "";
      shape.el.setAttribute("aria-label", `${pretty(step ? `${name} = ${step.formula}` : `input ${name}`)}: ${numbers}${reached}`);
    }
    edgesOf(now.steps).forEach((edge, i) => {
      const { path, chip } = shapes.edges[i];
      const at = now.passed.findIndex((one) => isEdge(edge, one));
      const flows = backward && isEdge(edge, backward);
      const feeds = forward && edge.step.name === node;
      const inspected = edge.step.name === shown && now.nodes[edge.input].known;
      path.setAttribute("class", `nn-edge${flows ? " nn-flows" : feeds ? " nn-feeds" : at < now.done ? " nn-passed" : ""}`);
      path.setAttribute("marker-end", flows ? "none" : `url(#${id}-${feeds ? "forward" : "idle"})`);
      path.setAttribute("marker-start", flows ? `url(#${id}-backward)` : "none");
      const text = inspected ? `×${brief(now.passed[at].local)}` : at < now.done ? brief(now.passed[at].product) : "";
      const [box, words] = chip.children;
      chip.setAttribute("class", `nn-chip${inspected ? " nn-local" : flows ? " nn-now-flows" : ""}`);
      chip.toggleAttribute("hidden", !text);
      words.textContent = text;
      const wide = words.getComputedTextLength() + 9;
      box.setAttribute("width", wide);
      box.setAttribute("x", -wide / 2);
    });
    svg.setAttribute("aria-label", `Computational graph of ${pretty(now.output)}. Left and right arrow keys step through it.`);
  }

  // The line ∂f/∂x = 7 + 0 + 10 = 17 of a node, as far as this stage has come.
  function reached(name) {
    const { parts, gradient: total, complete, uses } = now.nodes[name];
    const left = maths(slope(now.output, name));
    if (!parts.length) return line(left, " = ", h("span", { class: "nn-quiet" }, uses > 1 ? `a sum of ${uses}, none yet` : "not yet"));
    const state = complete ? " ✓ complete" : `, ${parts.length} of ${uses} so far`;
    return line(left, parts.length > 1 ? [" = ", sum(parts)] : "", " ", result(gradient(plain(total))), h("span", { class: "nn-quiet" }, state));
  }

  function drawHappens({ node, forward, backward }) {
    const { stage, steps, inputs, passed, done, output } = now;
    const number = (name) => plain(now.nodes[name].value);
    const title = (...text) => h("p", { class: "nn-kicker" }, ...text);
    if (backward) {
      const { step, input, upstream, local, product } = backward;
      happens.replaceChildren(title(`Backward, edge ${done} of ${passed.length}: `, ...maths(`${step} → ${input}`)),
        line(maths(`${slope(output, step)} · ${slope(step, input)} = `), `${plain(upstream)} × ${local < 0 ? `(${plain(local)})` : plain(local)} `, result(gradient(plain(product)))),
        reached(input));
    } else if (forward) {
      const step = steps[stage - 1];
      happens.replaceChildren(title(`Forward, step ${stage} of ${steps.length}`),
        line(maths(`${node} = ${step.formula}`)), line("= ", withNumbers(step.formula, number), " ", result(value(number(node)))));
    } else if (node) {
      happens.replaceChildren(title("Backward: the start"), line(maths(`${slope(output, output)} = `), gradient("1")));
    } else {
      happens.replaceChildren(title("The inputs"), line(Object.keys(inputs).flatMap((name, i) => [i ? ", " : "", ...maths(`${name} = `), value(number(name))])));
    }
  }

  // One node: what it computes, its local derivatives, its gradient.
  function drawDetail(name) {
    const { known } = now.nodes[name];
    const step = now.steps.find((one) => one.name === name);
    const number = (one) => plain(now.nodes[one].value);
    const left = step ? `${name} = ${step.formula}` : name;
    const rows = step ? step.inputs.flatMap((input, slot) => {
      if (typeof input !== "string") return [];
      const twins = step.inputs.filter((one) => one === input).length > 1;
      const { local } = now.passed.find((one) => one.step === name && one.input === input && one.slot === slot);
      const text = step.slopes[slot];
      const numbers = withNumbers(text, number);
      const end = !known ? [] : / if /.test(text) ? [" = ", plain(local)] : numbers === plain(local) ? (numbers === text ? [] : [" = ", numbers]) : [" = ", numbers, " = ", plain(local)];
      return [line(maths(`${slope(name, input)} = ${text}`), ...end, twins ? h("span", { class: "nn-quiet" }, slot ? " for the second factor" : " for the first factor") : "")];
    }) : [];
    detail.replaceChildren(
      h("p", { class: "nn-kicker" }, step ? "Node " : "Input ", ...maths(name), step ? " and its local derivatives" : ""),
      line(maths(left), " = ", known ? value(plain(now.nodes[name].value)) : "?"), ...rows, reached(name));
  }

  // This stage in words.
  function sentence({ node, forward, backward }) {
    const { stage, steps, output, passed, done, inputs, nodes } = now;
    const number = (name) => plain(nodes[name].value);
    if (backward) {
      const { step, input, upstream, local, product } = backward;
      const { uses, parts, gradient: total, complete } = nodes[input];
      const passes = `${step} passes to ${input}: ${plain(upstream)}, its own gradient, times ${plain(local)}, its local derivative, is ${plain(product)}.`;
      const so = uses === 1 ? `The gradient of ${input} is complete.`
        : complete ? `${input} is used ${word(uses)}, and all have reported: ${sum(parts)} = ${plain(total)}.`
        : `${input} is used ${word(uses)}: ${parts.length} of ${uses} so far.`;
      const names = Object.keys(inputs);
      const end = done < passed.length ? "" : ` Done: the gradient at (${names.join(", ")}) is (${names.map((name) => plain(nodes[name].gradient)).join(", ")}).`;
      return pretty(`${passes} ${so}`) + pretty(end);
    }
    if (forward) {
      const step = steps[stage - 1];
      const end = stage < steps.length ? "" : " The forward pass is done, and every value is kept for the backward pass.";
      return `${pretty(node)} gets its value: ${withNumbers(step.formula, number)} = ${number(node)}.${end}`;
    }
    if (node) return `The backward pass starts at the output: the derivative of ${output} with respect to itself is 1.`;
    return "Only the inputs have values. Step forward, or move a slider.";
  }

  function draw() {
    if (!width) return;
    const what = active();
    drawGraph(what);
    drawHappens(what);
    drawDetail(pointed ?? chosen ?? what.node ?? Object.keys(now.inputs)[0]);
    examples.set(now.example);
    Object.entries(sliders).forEach(([name, one]) => one.set(now.inputs[name]));
    scrub.max = now.last;
    scrub.value = now.stage;
    fill(scrub);
    scrub.setAttribute("aria-valuetext", `stage ${now.stage} of ${now.last}`);
    scrubText.textContent = `${now.stage} of ${now.last}`;
    verdict.say(sentence(what));
  }

  function take() {
    now = scene(Object.fromEntries(FIELDS.map((key) => [key, model.get(key)])));
    if (now.example !== built) { build(); if (width) place(); }
    draw();
  }

  function layout() {
    root.classList.toggle("nn-wide", root.clientWidth >= 620);
    if (svg.clientWidth === width) return;
    width = svg.clientWidth;
    if (width) { place(); draw(); }
  }

  build();
  const sizes = new ResizeObserver(layout);
  sizes.observe(root);
  const unfollow = follow(model, take);
  layout();
  return () => { sizes.disconnect(); graph.pause(); unfollow(); };
}

// A link holds the example and what differs from this state: what the figure starts with, or the other example's own defaults.
const usual = (state, initial) =>
  state.example === initial.example || !Object.hasOwn(spec.examples, state.example) ? initial : { ...defaults(state.example), example: initial.example };

export default { render, usual };
