// Activation functions without a page: values, slopes, where they are flat, products of slopes. Pure functions, no DOM.
// Names and formulas are those of nnutils.activations; tests compare the numbers with PyTorch to 1e-12.
import spec from "./explorer.json" with { type: "json" };

export { spec };

const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const density = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

// The distribution function of the standard normal distribution: 1/2 + density(z) (z + z³/3 + z⁵/15 + ...), whose terms
// have one sign, so that no digits are lost. Beyond 9 it is 0 or 1 to 1e-18.
function normal(z) {
  if (Math.abs(z) > 9) return z > 0 ? 1 : 0;
  let [sum, term] = [0, z];
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    sum += term;
    term *= (z * z) / k;
  }
  return 0.5 + density(z) * sum;
}

// Each function and its slope; at 0, where the ReLU family has a kink, the slope is the one from the left, as in PyTorch.
export const ACTIVATIONS = {
  sigmoid: { value: sigmoid, slope: (z) => sigmoid(z) * sigmoid(-z) },
  tanh: { value: Math.tanh, slope: (z) => 4 * sigmoid(2 * z) * sigmoid(-2 * z) },
  relu: { value: (z) => (z > 0 ? z : 0), slope: (z) => (z > 0 ? 1 : 0) },
  leaky_relu: { value: (z) => (z > 0 ? z : 0.01 * z), slope: (z) => (z > 0 ? 1 : 0.01) },
  elu: { value: (z) => (z > 0 ? z : Math.expm1(z)), slope: (z) => (z > 0 ? 1 : Math.exp(z)) },
  gelu: { value: (z) => z * normal(z), slope: (z) => normal(z) + z * density(z) },
  silu: { value: (z) => z * sigmoid(z), slope: (z) => sigmoid(z) * (1 + z * sigmoid(-z)) },
};

// The root mean square of the slope for z from N(0, 1): Gauss's rule with three points on each of 400 pieces of
// [-10, 10]. 0, where slopes jump, lies between two pieces.
export function typicalSlope(name) {
  const { slope } = ACTIVATIONS[name];
  const [half, pieces] = [0.025, 200];
  let sum = 0;
  for (let piece = -pieces; piece < pieces; piece++) {
    const middle = (2 * piece + 1) * half;
    for (const [at, weight] of [[-Math.sqrt(0.6), 5 / 9], [0, 8 / 9], [Math.sqrt(0.6), 5 / 9]]) {
      const z = middle + half * at;
      sum += half * weight * slope(z) ** 2 * density(z);
    }
  }
  return Math.sqrt(sum);
}

// The parts [from, to] of the axis where |slope| is below spec.flat; their ends by bisection.
export function flatParts(name) {
  const flat = (z) => Math.abs(ACTIVATIONS[name].slope(z)) < spec.flat;
  const [low, high] = spec.z;
  const cells = 1200;
  const parts = [];
  for (let i = 0; i <= cells; i++) {
    const z = low + ((high - low) * i) / cells;
    const before = low + ((high - low) * (i - 1)) / cells;
    if (i === 0 ? flat(z) : flat(z) !== flat(before)) {
      let [a, b] = [i ? before : z, z];
      for (let k = 0; k < 50; k++) [a, b] = flat((a + b) / 2) === flat(b) ? [a, (a + b) / 2] : [(a + b) / 2, b];
      if (flat(z)) parts.push([b, high]);
      else parts.at(-1)[1] = b;
    }
  }
  return parts;
}

const within = (value, low, high, otherwise) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : otherwise;

// Any state, a reader's link included, made usable: unknown names dropped, missing or impossible numbers replaced.
export function settings(state) {
  return {
    activation: Object.hasOwn(ACTIVATIONS, state.activation) ? state.activation : "sigmoid",
    z: within(state.z, ...spec.z, 0),
    weight: within(state.weight, spec.weights[0], spec.weights.at(-1), 1),
  };
}

// Everything that the page draws: the point, and |weight · slope| to the power of each depth, here and for a typical z.
export function scene(state) {
  const { activation, z, weight } = settings(state);
  const slope = ACTIVATIONS[activation].slope(z);
  const typical = typicalSlope(activation);
  const powers = (factor) => Array.from({ length: spec.depth }, (_, i) => factor ** (i + 1));
  return {
    activation, z, weight, slope, typical,
    value: ACTIVATIONS[activation].value(z),
    flat: Math.abs(slope) < spec.flat,
    products: powers(weight * Math.abs(slope)),
    typicals: powers(weight * typical),
  };
}
