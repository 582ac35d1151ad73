// The computational graph without a page: values forward, gradients backward, one contribution at a time. Pure, no DOM.
// It mirrors nnutils/autograd.py; tests compare every number with that module and with torch.autograd.
import spec from "./graph.json" with { type: "json" };

export { spec };

const sigmoid = (z) => 0.5 * (1 + Math.tanh(0.5 * z));

// What one step can do: its value, and its derivative with respect to each argument. The exponent of pow is a constant.
export const OPERATIONS = {
  add: { value: (a, b) => a + b, derivatives: () => [1, 1] },
  sub: { value: (a, b) => a - b, derivatives: () => [1, -1] },
  mul: { value: (a, b) => a * b, derivatives: (a, b) => [b, a] },
  div: { value: (a, b) => a / b, derivatives: (a, b) => [1 / b, -a / b ** 2] },
  pow: { value: (a, n) => a ** n, derivatives: (a, n) => [n ? n * a ** (n - 1) : 0, 0] },
  neg: { value: (a) => -a, derivatives: () => [-1] },
  exp: { value: Math.exp, derivatives: (a) => [Math.exp(a)] },
  log: { value: Math.log, derivatives: (a) => [1 / a] },
  sin: { value: Math.sin, derivatives: (a) => [Math.cos(a)] },
  cos: { value: Math.cos, derivatives: (a) => [-Math.sin(a)] },
  tanh: { value: Math.tanh, derivatives: (a) => [1 - Math.tanh(a) ** 2] },
  sigmoid: { value: sigmoid, derivatives: (a) => [sigmoid(a) * sigmoid(-a)] },
  relu: { value: (a) => Math.max(a, 0), derivatives: (a) => [a > 0 ? 1 : 0] },
};

const isName = (input) => typeof input === "string";
const argumentsOf = (step, values) => step.inputs.map((input) => (isName(input) ? values[input] : input));

// The value of every input and every step, by name, in the order of computation.
export function forward(steps, inputs) {
  const values = { ...inputs };
  for (const step of steps) values[step.name] = OPERATIONS[step.op].value(...argumentsOf(step, values));
  return values;
}

// What each step hands back to each of its inputs, the last step first: product = upstream times local, and the total
// that the input has received so far. `slot` is the input's place in the step.
export function contributions(steps, values, seed = 1) {
  const gradients = Object.fromEntries(Object.keys(values).map((name) => [name, 0]));
  gradients[steps.at(-1).name] = seed;
  const passed = [];
  for (const step of [...steps].reverse()) {
    const upstream = gradients[step.name];
    const derivatives = OPERATIONS[step.op].derivatives(...argumentsOf(step, values));
    step.inputs.forEach((input, slot) => {
      if (!isName(input)) return;
      const local = derivatives[slot];
      const product = upstream * local;
      gradients[input] += product;
      passed.push({ step: step.name, input, slot, upstream, local, product, total: gradients[input] });
    });
  }
  return passed;
}

// The gradient of the last step with respect to every value, by name.
export function backward(steps, values) {
  const gradients = Object.fromEntries(Object.keys(values).map((name) => [name, 0]));
  gradients[steps.at(-1).name] = 1;
  for (const { input, total } of contributions(steps, values)) gradients[input] = total;
  return gradients;
}

// The stages of an example: 0 has the inputs only, each step adds its value, then the seed, then each contribution.
export function lastStage({ steps }) {
  return steps.length + 1 + steps.flatMap((step) => step.inputs.filter(isName)).length;
}

// What an example starts with.
export function defaults(example) {
  const inputs = Object.entries(spec.examples[example].inputs).map(([name, { value }]) => [name, value]);
  return { example, inputs: Object.fromEntries(inputs), stage: 0 };
}

const within = (value, low, high, otherwise) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : otherwise;

// Any state, a reader's link included, made usable: unknown names dropped, missing or impossible numbers replaced.
export function settings(state) {
  const { example, inputs } = defaults(Object.hasOwn(spec.examples, state.example) ? state.example : "cosine");
  for (const [name, usual] of Object.entries(inputs)) {
    inputs[name] = within(state.inputs?.[name], -spec.limit, spec.limit, usual);
  }
  return { example, inputs, stage: Math.round(within(state.stage, 0, lastStage(spec.examples[example]), 0)) };
}

// Everything that the page draws: for each value its number, and what has reached it by this stage.
export function scene(state) {
  const { example, inputs, stage } = settings(state);
  const { steps } = spec.examples[example];
  const values = forward(steps, inputs);
  const passed = contributions(steps, values);
  const output = steps.at(-1).name;
  const done = Math.max(0, stage - steps.length - 1);
  const nodes = {};
  for (const name of Object.keys(values)) {
    const all = passed.filter(({ input }) => input === name);
    const parts = name === output ? (stage > steps.length ? [1] : []) : passed.slice(0, done).filter(({ input }) => input === name).map(({ product }) => product);
    const index = steps.findIndex((step) => step.name === name);
    nodes[name] = {
      value: values[name],
      known: index < stage,
      uses: all.length,
      parts,
      gradient: parts.length ? (name === output ? 1 : all[parts.length - 1].total) : null,
      complete: parts.length === (name === output ? 1 : all.length),
    };
  }
  return { example, inputs, stage, steps, output, nodes, passed, done, last: lastStage(spec.examples[example]) };
}

// Rewrite the names in a formula: a name is one letter with digits, a word of several letters is a function.
export const rename = (formula, write) => formula.replace(/\b[A-Za-z]\d*\b/g, write);

// The formula with numbers in place of names; a negative number gets parentheses where it needs them.
export const withNumbers = (formula, number) =>
  rename(formula, (name, at) => {
    const text = number(name);
    const [before, after] = [formula.slice(0, at).trimEnd().at(-1) ?? "(", formula[at + name.length] ?? ""];
    return text.startsWith("−") && (before !== "(" || after === "²") ? `(${text})` : text;
  });
