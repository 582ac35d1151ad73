// The optimizer race without a page: surfaces, update rules, paths. Pure functions of plain data, no DOM.
// Rules and hyperparameters have torch.optim's form and names; tests compare the paths with torch.optim to 1e-6.
import { mulberry32, normal } from "./draws.js";
import spec from "./race.json" with { type: "json" };

export { spec };

// Each surface: loss and gradient at w = [x, y]. Every minimum has loss 0, so that losses can be drawn on a log scale.
export const SURFACES = {
  ravine: {
    loss: ([x, y]) => 0.04 * x * x + 2 * y * y,
    grad: ([x, y]) => [0.08 * x, 4 * y],
  },
  saddle: {
    loss: ([x, y]) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4 + 0.25,
    grad: ([x, y]) => [x, y ** 3 - y],
  },
  rosenbrock: {
    loss: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    grad: ([x, y]) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
  },
  noisy_bowl: {
    loss: ([x, y]) => 0.5 * (x * x + y * y),
    grad: ([x, y]) => [x, y],
  },
};

const average = (old, now, keep) => now.map((value, i) => keep * (old ? old[i] : 0) + (1 - keep) * value);
const square = (g) => g.map((gi) => gi * gi);
const ratio = (lr, top, below, eps) => top.map((value, i) => (-lr * value) / (Math.sqrt(below[i]) + eps));

// Each rule: gradient, memory of this run (an object, empty at first, updated in place), hyperparameters -> change to add.
export const RULES = {
  sgd: (g, memory, { lr }) => g.map((gi) => -lr * gi),
  momentum: (g, memory, { lr, momentum }) => {
    memory.velocity = g.map((gi, i) => momentum * (memory.velocity ? memory.velocity[i] : 0) + gi);
    return memory.velocity.map((v) => -lr * v);
  },
  nesterov: (g, memory, { lr, momentum }) => {
    memory.velocity = g.map((gi, i) => momentum * (memory.velocity ? memory.velocity[i] : 0) + gi);
    return g.map((gi, i) => -lr * (gi + momentum * memory.velocity[i]));
  },
  adagrad: (g, memory, { lr }) => {
    memory.sum = square(g).map((gg, i) => (memory.sum ? memory.sum[i] : 0) + gg);
    return ratio(lr, g, memory.sum, 1e-10);
  },
  rmsprop: (g, memory, { lr, alpha }) => {
    memory.square = average(memory.square, square(g), alpha);
    return ratio(lr, g, memory.square, 1e-8);
  },
  adam: (g, memory, { lr, betas }) => {
    memory.step = (memory.step ?? 0) + 1;
    memory.mean = average(memory.mean, g, betas[0]);
    memory.square = average(memory.square, square(g), betas[1]);
    const mean = memory.mean.map((m) => m / (1 - betas[0] ** memory.step));
    const squared = memory.square.map((v) => v / (1 - betas[1] ** memory.step));
    return ratio(lr, mean, squared, 1e-8);
  },
};

// Pairs of nearly normal numbers, the same in Python.
export function noise(seed, steps) {
  const draw = mulberry32(seed);
  return Array.from({ length: steps }, () => [normal(draw), normal(draw)]);
}

// What a surface starts with: the point, the number of steps, and hyperparameters that work on it.
export function defaults(surface) {
  const { start, steps, lr } = spec.surfaces[surface];
  const hyper = {};
  for (const [name, { hyper: shared }] of Object.entries(spec.optimizers)) {
    hyper[name] = { lr: lr[name], ...structuredClone(shared) };
  }
  return { surface, start: [...start], steps, noise: spec.noise, seed: 0, hyper };
}

const within = (value, low, high, otherwise) => {
  const number = Number(value);
  return value !== null && value !== "" && Number.isFinite(number) ? Math.min(high, Math.max(low, number)) : otherwise;
};

// Any state, a reader's link included, made usable: unknown names dropped, missing or impossible numbers replaced.
export function settings(state) {
  const base = defaults(Object.hasOwn(SURFACES, state.surface) ? state.surface : "ravine");
  const hyper = {};
  for (const [name, usual] of Object.entries(base.hyper)) {
    const given = state.hyper?.[name] ?? {};
    hyper[name] = { lr: within(given.lr, 0, 1e6, usual.lr) };
    for (const key of ["momentum", "alpha"]) {
      if (key in usual) hyper[name][key] = within(given[key], 0, 1 - 1e-9, usual[key]);
    }
    if ("betas" in usual) hyper[name].betas = usual.betas.map((beta, i) => within(given.betas?.[i], 0, 1 - 1e-9, beta));
  }
  return {
    surface: base.surface,
    optimizers: Object.keys(RULES).filter((name) => (state.optimizers ?? Object.keys(RULES)).includes(name)),
    start: [0, 1].map((i) => within(state.start?.[i], -1000, 1000, base.start[i])),
    steps: Math.round(within(state.steps, 1, spec.most_steps, base.steps)),
    noise: within(state.noise, 0, 100, base.noise),
    seed: Math.round(within(state.seed, 0, 2 ** 32 - 1, 0)),
    hyper,
  };
}

// Run the race: for each optimizer its path (the start first), the loss at each point, and the step at which it diverged.
// A run has diverged, and ends, when a coordinate passes spec.far or is no number; null when it never does.
export function trajectories(state) {
  const { surface, optimizers, start, steps, noise: sigma, seed, hyper } = settings(state);
  const { loss, grad } = SURFACES[surface];
  const shocks = surface === "noisy_bowl" ? noise(seed, steps) : null;
  return optimizers.map((name) => {
    const memory = {};
    const path = [start];
    let diverged = null;
    for (let t = 0; t < steps && diverged === null; t++) {
      const w = path[t];
      const g = shocks ? grad(w).map((gi, i) => gi + sigma * shocks[t][i]) : grad(w);
      const delta = RULES[name](g, memory, hyper[name]);
      const next = w.map((wi, i) => wi + delta[i]);
      if (next.every((wi) => Math.abs(wi) <= spec.far)) path.push(next);
      else diverged = t + 1;
    }
    return { name, path, loss: path.map(loss), diverged };
  });
}
