// Drawing for figures: contour lines, shading, markers, ticks, labels that do not overlap. Plain numbers in, SVG path data out.

const number = (value) => Math.round(value * 10) / 10;

// The lines f = level on [x0, x1] x [y0, y1] by marching squares, as path data; `px` maps a point to pixels.
export function contour(f, [x0, x1], [y0, y1], levels, px, columns = 120, rows = 80) {
  const x = (i) => x0 + ((x1 - x0) * i) / columns;
  const y = (j) => y0 + ((y1 - y0) * j) / rows;
  const grid = Array.from({ length: rows + 1 }, (_, j) => Array.from({ length: columns + 1 }, (_, i) => f([x(i), y(j)])));
  let path = "";
  for (const level of levels) {
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const crossings = [];
        for (let k = 0; k < 4; k++) {
          const [a, b] = [corners[k], corners[(k + 1) % 4]];
          const [fa, fb] = [grid[a[1]][a[0]], grid[b[1]][b[0]]];
          if (fa < level === fb < level) continue;
          const part = (level - fa) / (fb - fa);
          crossings.push(px([x(a[0] + part * (b[0] - a[0])), y(a[1] + part * (b[1] - a[1]))]).map(number));
        }
        for (let k = 0; k + 1 < crossings.length; k += 2) path += `M${crossings[k]}L${crossings[k + 1]}`;
      }
    }
  }
  return path;
}

// Shade a canvas: the lower the loss, the stronger a colour that stands out from light and dark pages alike.
export function shade(canvas, f, [x0, x1], [y0, y1], levels, columns = 150, rows = 100) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const [low, high] = [Math.log(levels[0]), Math.log(levels[levels.length - 1])];
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const value = f([x0 + ((i + 0.5) * (x1 - x0)) / columns, y1 - ((j + 0.5) * (y1 - y0)) / rows]);
      const depth = Math.min(1, Math.max(0, (high - Math.log(value + 1e-12)) / (high - low)));
      image.data.set([84, 130, 190, 8 + 110 * depth], 4 * (j * columns + i));
    }
  }
  context.putImageData(image, 0, 0);
}

export const polyline = (points) => (points.length ? `M${points.map((point) => point.map(number)).join("L")}` : "");

// Dots along a line, not closer than `gap` pixels.
export function dots(points, gap) {
  let [last, path] = [[Infinity, Infinity], ""];
  for (const point of points) {
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < gap) continue;
    last = point;
    path += `M${point.map(number)}h0`;
  }
  return path;
}

// A marker of about 2r pixels around the origin.
export function marker(kind, r) {
  const corners = (list) => `M${list.map(([x, y]) => [number(x * r), number(y * r)]).join("L")}Z`;
  const shapes = {
    circle: `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
    square: corners([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]),
    diamond: corners([[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]),
    triangle: corners([[0, -1.2], [1.2, 0.9], [-1.2, 0.9]]),
    "triangle-down": corners([[0, 1.2], [1.2, -0.9], [-1.2, -0.9]]),
    cross: corners([
      [-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
      [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4],
    ]),
  };
  return shapes[kind];
}

// Round numbers between low and high, about `count` of them.
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((lead) => lead * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
export const power = (exponent) => `10${[...String(exponent)].map((sign) => RAISED[sign]).join("")}`;

// Places for labels of one line that want to stand at `wanted` ([x, y, width] each): moved up or down until none
// overlaps another or one of the boxes `taken`.
export function apart(wanted, line, height, taken = []) {
  const placed = [...taken];
  for (const [x, y, width] of wanted) {
    let best = y;
    for (let k = 0; k < 40; k++) {
      const at = y + line * Math.ceil(k / 2) * (k % 2 ? 1 : -1) * 0.5;
      if (at < line || at > height - 2) continue;
      if (placed.some((box) => Math.abs(box.y - at) < line && x < box.x + box.width && box.x < x + width)) continue;
      best = at;
      break;
    }
    placed.push({ x, y: best, width });
  }
  return placed.slice(taken.length).map((box) => box.y);
}

// The decades to name on a logarithmic axis that holds 10^low to 10^high in `room` pixels.
export const decadeTicks = (low, high, room) => ticks(low, high, Math.max(1, Math.min(high - low, room / 26))).filter(Number.isInteger);
