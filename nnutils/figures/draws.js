// Random numbers that are the same in every language to the last bit: generator mulberry32, whole numbers and exact sums only.

// A function that gives the next whole number below 2³².
export function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export const uniform = (draw) => draw() / 2 ** 32;

// A nearly normal number: the sum of 12 uniform ones, less 6.
export function normal(draw) {
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += draw();
  return sum / 2 ** 32 - 6;
}

// So many of them.
export function normals(seed, count) {
  const draw = mulberry32(seed);
  return Float64Array.from({ length: count }, () => normal(draw));
}
