// Signal propagation without a page: dense layers, forwards and backwards, and what is left in each. Plain data, no DOM.
// z = h Wᵀ without bias, h = φ(z); tests compare all numbers with PyTorch's.
import spec from "./propagation.json" with { type: "json" };
import { normals } from "./draws.js";

export { spec };

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

// Each function with its slope.
export const ACTIVATIONS = {
  linear: { value: (z) => z, slope: () => 1 },
  sigmoid: { value: sigmoid, slope: (z) => sigmoid(z) * sigmoid(-z) },
  tanh: { value: Math.tanh, slope: (z) => 4 * sigmoid(2 * z) * sigmoid(-2 * z) },
  relu: { value: (z) => (z > 0 ? z : 0), slope: (z) => (z > 0 ? 1 : 0) },
};

// Standard deviation of the weights at gain 1, from the number of inputs and outputs of a layer.
export const SCHEMES = {
  small: () => 0.01,
  large: () => 1,
  xavier: (fanIn, fanOut) => Math.sqrt(2 / (fanIn + fanOut)),
  he: (fanIn) => Math.sqrt(2 / fanIn),
};

let drawn = { seed: null };

// The random numbers of a seed: the inputs, the gradient at the output, and the weights of each layer at std 1.
export function draw(seed) {
  if (drawn.seed === seed) return drawn;
  const { width, samples, depth } = spec;
  const all = normals(seed, 2 * samples * width + depth * width * width);
  const part = (from, size) => all.subarray(from, from + size);
  const size = samples * width;
  const weights = Array.from({ length: depth }, (_, l) => part(2 * size + l * width * width, width * width));
  drawn = { seed, inputs: part(0, size), gradient: part(size, size), weights };
  return drawn;
}

// out[b, i] = scale · Σ_j h[b, j] w[i, j]
function forward(h, w, scale) {
  const { width, samples } = spec;
  const out = new Float64Array(samples * width);
  for (let b = 0; b < samples; b++) {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += h[b * width + j] * w[i * width + j];
      out[b * width + i] = scale * sum;
    }
  }
  return out;
}

// out[b, j] = scale · Σ_i delta[b, i] w[i, j]
function backward(delta, w, scale) {
  const { width, samples } = spec;
  const out = new Float64Array(samples * width);
  for (let b = 0; b < samples; b++) {
    for (let i = 0; i < width; i++) {
      const factor = scale * delta[b * width + i];
      for (let j = 0; j < width; j++) out[b * width + j] += factor * w[i * width + j];
    }
  }
  return out;
}

export function std(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

// The same between the inputs: what of the values differs from input to input, as the root mean square over the units.
export function stdBetween(values) {
  const { width, samples } = spec;
  const means = new Float64Array(width);
  values.forEach((value, at) => (means[at % width] += value / samples));
  return Math.sqrt(values.reduce((sum, value, at) => sum + (value - means[at % width]) ** 2, 0) / values.length);
}

// How many values lie in each of spec.bins equal parts of the axis; exact zeros of ReLU are not counted.
export function histogram(values, [low, high], skipZeros) {
  const counts = new Array(spec.bins).fill(0);
  let outside = 0;
  for (const value of values) {
    if (skipZeros && value === 0) continue;
    if (value < low || value > high) outside++;
    else counts[Math.min(spec.bins - 1, Math.floor((spec.bins * (value - low)) / (high - low)))]++;
  }
  return { counts, outside: outside / values.length };
}

const within = (value, low, high, otherwise) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : otherwise;

// Any state, a reader's link included, made usable: unknown names dropped, missing or impossible numbers replaced.
export function settings(state) {
  return {
    activation: Object.hasOwn(ACTIVATIONS, state.activation) ? state.activation : "tanh",
    scheme: Object.hasOwn(SCHEMES, state.scheme) ? state.scheme : "xavier",
    gain: within(state.gain, spec.gains[0], spec.gains.at(-1), 1),
    seed: Math.round(within(state.seed, 0, 2 ** 32 - 1, 0)),
  };
}

// Everything that the page draws. Layer 0 is the input: the std of the activations and of the loss's gradient with
// respect to them, for the others also a histogram and the share of units whose slope is below spec.flat.
export function scene(state) {
  const { activation, scheme, gain, seed } = settings(state);
  const { value, slope } = ACTIVATIONS[activation];
  const { inputs, gradient, weights } = draw(seed);
  const scale = gain * SCHEMES[scheme](spec.width, spec.width);
  const layers = [{ activations: std(inputs) }];
  const slopes = [];
  let h = inputs;
  for (const w of weights) {
    const z = forward(h, w, scale);
    h = z.map(value);
    slopes.push(z.map(slope));
    const flat = slopes.at(-1).reduce((count, one) => count + (Math.abs(one) < spec.flat), 0) / z.length;
    layers.push({ activations: std(h), between: stdBetween(h), flat, ...histogram(h, spec.activations[activation].axis, activation === "relu") });
  }
  let g = gradient;
  layers[weights.length].gradient = std(g);
  for (let l = weights.length; l > 0; l--) {
    g = backward(g.map((one, i) => one * slopes[l - 1][i]), weights[l - 1], scale);
    layers[l - 1].gradient = std(g);
  }
  return { activation, scheme, gain, seed, std: scale, layers };
}
