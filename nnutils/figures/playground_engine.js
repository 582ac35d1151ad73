// The regularization playground without a page: points, a small net, one step of training, early stopping. No DOM.
// It is torch's SGD with momentum on all training points at once; tests compare gradients, losses and stops with PyTorch.
import { mulberry32, normal, uniform } from "./draws.js";
import spec from "./playground.json" with { type: "json" };

export { spec };

// Where a point of a class lies before the noise, from two uniform numbers.
const SHAPES = {
  moons: (u, v, y) => {
    const [x0, x1] = [Math.cos(Math.PI * u), Math.sin(Math.PI * u)];
    return (y ? [1 - x0, 0.5 - x1] : [x0, x1]).map((value, i) => 1.3 * (value - [0.5, 0.25][i]));
  },
  circles: (u, v, y) => [Math.cos, Math.sin].map((f) => (y ? 0.7 : 1.5) * f(2 * Math.PI * u)),
  xor: (u, v, y) => [3 * u - 1.5, 1.5 * v * (u < 0.5 === (y === 1) ? 1 : -1)],
};

// A state has three streams of random numbers: points, first weights, dropout.
const stream = ({ seed }, index) => mulberry32(3 * seed + index);

// Training and validation points: X holds two numbers a point, y the classes 0 and 1 in turn.
export function points(state) {
  const draw = stream(state, 0);
  const make = (count) => {
    const X = new Float64Array(2 * count);
    const y = Uint8Array.from({ length: count }, (_, n) => n % 2);
    for (let n = 0; n < count; n++) {
      const at = SHAPES[state.data](uniform(draw), uniform(draw), y[n]);
      for (const i of [0, 1]) X[2 * n + i] = at[i] + state.noise * normal(draw);
    }
    return { X, y };
  };
  return { train: make(spec.train), validation: make(spec.validation) };
}

// The net's layers; all parameters lie in one array, in the order of torch's parameters(): W (out, in) and b of each.
export function layersOf(width) {
  let end = 0;
  return [[2, width], [width, width], [width, 1]].map(([inputs, outputs]) => {
    const layer = { inputs, outputs, W: end, b: end + inputs * outputs };
    end = layer.b + outputs;
    return layer;
  });
}

// First parameters, as torch draws them for a linear layer: uniform between plus and minus 1/√inputs.
export function firstWeights(state) {
  const draw = stream(state, 1);
  return Float64Array.from(layersOf(state.width).flatMap(({ inputs, outputs }) =>
    Array.from({ length: (inputs + 1) * outputs }, () => (2 * uniform(draw) - 1) / Math.sqrt(inputs))));
}

const ACTIVATIONS = {
  tanh: { value: Math.tanh, slope: (a) => 1 - a * a },
  relu: { value: (z) => (z > 0 ? z : 0), slope: (a) => (a > 0 ? 1 : 0) },
};

// The net's outputs for N points X: what each layer takes in, and what its units give before dropout; logits last.
// `masks`, one array for each hidden layer, holds dropout's factors: 0, or 1/(1 − p).
export function forward({ layers, weights, activation }, X, masks = null) {
  const { value } = ACTIVATIONS[activation];
  const [taken, given] = [[X], []];
  layers.forEach(({ inputs, outputs, W, b }, l) => {
    const from = taken[l];
    const count = from.length / inputs;
    const out = new Float64Array(count * outputs);
    for (let n = 0; n < count; n++) {
      for (let j = 0; j < outputs; j++) {
        let z = weights[b + j];
        for (let i = 0, w = W + j * inputs, x = n * inputs; i < inputs; i++) z += weights[w + i] * from[x + i];
        out[n * outputs + j] = l < layers.length - 1 ? value(z) : z;
      }
    }
    given.push(out);
    taken.push(masks && masks[l] ? out.map((a, k) => a * masks[l][k]) : out);
  });
  return { taken, given, logits: given.at(-1) };
}

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

// Mean binary cross-entropy of logits, and the share of points on the right side.
export function score(logits, y) {
  let [loss, right] = [0, 0];
  logits.forEach((z, n) => {
    loss += Math.max(z, 0) - y[n] * z + Math.log1p(Math.exp(-Math.abs(z)));
    right += z > 0 === (y[n] === 1);
  });
  return { loss: loss / y.length, accuracy: right / y.length };
}

// The gradient that a step uses: of the mean cross-entropy under these masks, plus l1·sign(w), plus weight_decay·w.
export function gradient(net, { X, y }, masks, { l1, weight_decay: decay }) {
  const { layers, weights, activation } = net;
  const { slope } = ACTIVATIONS[activation];
  const { taken, given, logits } = forward(net, X, masks);
  const grad = weights.map((w) => l1 * Math.sign(w) + decay * w);
  let delta = logits.map((z, n) => (sigmoid(z) - y[n]) / y.length);
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inputs, outputs, W, b } = layers[l];
    const before = new Float64Array(taken[l].length);
    for (let n = 0; n < y.length; n++) {
      for (let j = 0; j < outputs; j++) {
        const d = delta[n * outputs + j];
        grad[b + j] += d;
        for (let i = 0; i < inputs; i++) {
          grad[W + j * inputs + i] += d * taken[l][n * inputs + i];
          before[n * inputs + i] += d * weights[W + j * inputs + i];
        }
      }
    }
    if (l > 0) delta = before.map((d, k) => d * (masks ? masks[l - 1][k] : 1) * slope(given[l - 1][k]));
  }
  return { loss: score(logits, y).loss, grad };
}

// Dropout's factors for both hidden layers: each entry 0 with probability p, else 1/(1 − p); null without dropout.
export function dropoutMasks(draw, p, length) {
  if (p === 0) return null;
  const mask = () => new Float64Array(length).map(() => (uniform(draw) >= p ? 1 / (1 - p) : 0));
  return [mask(), mask()];
}

// nnutils.regularization.EarlyStopping: an improvement is a value below the best so far. Patience 0 never stops.
export function earlyStopping(patience) {
  const memory = { best: Infinity, waited: 0, epoch: null, weights: null };
  memory.update = (value, epoch, weights) => {
    if (value < memory.best) Object.assign(memory, { best: value, waited: 0, epoch, weights: weights.slice() });
    else memory.waited += 1;
    return patience > 0 && memory.waited >= patience;
  };
  return memory;
}

// A run before its first epoch. `ended` becomes "stopped" (early, and back at the best weights), "diverged" or "limit".
export function begin(state) {
  const weights = firstWeights(state);
  const run = {
    state, ...points(state), net: { layers: layersOf(state.width), weights, activation: state.activation },
    velocity: new Float64Array(weights.length), draw: stream(state, 2), stopping: earlyStopping(state.patience),
    epoch: 0, history: { train: [], validation: [] }, accuracy: null, ended: null,
  };
  record(run);
  return run;
}

function record(run) {
  for (const part of ["train", "validation"]) run.history[part].push(score(forward(run.net, run[part].X).logits, run[part].y).loss);
  const now = run.history.validation[run.epoch];
  if (!Number.isFinite(now + run.history.train[run.epoch])) run.ended = "diverged";
  else if (run.stopping.update(now, run.epoch, run.net.weights)) run.ended = "stopped";
  else if (run.epoch >= run.state.epochs) run.ended = "limit";
  if (run.ended === "stopped") run.net.weights = run.stopping.weights.slice();
}

// One epoch, which is one step on all training points: momentum as in torch.optim.SGD, then both losses, without dropout.
export function advance(run) {
  if (run.ended) return;
  const { net, train, velocity, state } = run;
  const masks = dropoutMasks(run.draw, state.dropout, spec.train * state.width);
  const { grad } = gradient(net, train, masks, state);
  for (let k = 0; k < grad.length; k++) {
    velocity[k] = spec.momentum * velocity[k] + grad[k];
    net.weights[k] -= state.lr * velocity[k];
  }
  run.epoch += 1;
  record(run);
}

// The probability of class 1 at the middle of each cell of a grid over the plane, row by row from the top.
export function surface(net, columns, rows) {
  const { x: [x0, x1], y: [y0, y1] } = spec.plane;
  const X = new Float64Array(2 * columns * rows);
  for (let k = 0; k < columns * rows; k++) {
    X[2 * k] = x0 + ((x1 - x0) * ((k % columns) + 0.5)) / columns;
    X[2 * k + 1] = y1 - ((y1 - y0) * (Math.floor(k / columns) + 0.5)) / rows;
  }
  return forward(net, X).logits.map(sigmoid);
}

// Any state, a reader's link included, made usable: unknown names replaced, missing or impossible numbers too.
export function settings(state) {
  const usable = {};
  for (const [key, usual] of Object.entries(spec.defaults)) {
    const given = state[key];
    if (typeof usual === "string") {
      usable[key] = Object.hasOwn(key === "data" ? spec.data : spec.activations, given) ? given : usual;
      continue;
    }
    const [low, high] = spec.limits[key];
    const number = typeof given === "number" && Number.isFinite(given) ? Math.min(high, Math.max(low, given)) : usual;
    usable[key] = spec.whole.includes(key) ? Math.round(number) : number;
  }
  return usable;
}
