// `count` nearly normal numbers (sum of 12 uniforms, less 6), the same in every language to the last bit: generator mulberry32.
export function normals(seed, count) {
  let state = seed >>> 0;
  const uint32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return Float64Array.from({ length: count }, () => {
    let sum = 0;
    for (let i = 0; i < 12; i++) sum += uint32();
    return sum / 2 ** 32 - 6;
  });
}
