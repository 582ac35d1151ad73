// On the website: start each figure when it comes near, give it the model that a kernel would give it, keep its state in the address.

const NUMBERS = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

function flat(state, prefix = "") {
  return Object.entries(state).flatMap(([key, value]) =>
    value && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, String(value)]]);
}

function put(state, path, text) {
  const keys = path.split(".");
  const last = keys.pop();
  const holder = keys.reduce((at, key) => (at && Object.hasOwn(at, key) ? at[key] : undefined), state);
  if (!holder || typeof holder !== "object" || !Object.hasOwn(holder, last)) return;
  const plain = (one) => (NUMBERS.test(one) ? Number(one) : one);
  holder[last] = Array.isArray(holder[last]) ? text.split(",").filter(Boolean).map(plain) : plain(text);
}

// The setting after "#figure-<name>?" in the address, as pairs; null when the address is not about this figure.
function asked(name) {
  const [who, what = ""] = location.hash.slice(1).split("?");
  if (who !== `figure-${name}`) return null;
  return [...new URLSearchParams(what)];
}

function modelFor(div, usual) {
  const name = div.dataset.name;
  const initial = JSON.parse(div.dataset.state);
  const listeners = new Set();
  let state = structuredClone(initial);
  let timer = null;

  const fromAddress = () => {
    const pairs = asked(name);
    if (!pairs) return false;
    const first = structuredClone(initial);
    for (const [path, text] of pairs) put(first, path, text);
    state = structuredClone(usual(first, initial));
    for (const [path, text] of pairs) put(state, path, text);
    return true;
  };
  const address = () => {
    const before = new Map(flat(usual(state, initial)));
    const changed = flat(state).filter(([path, text]) => before.get(path) !== text);
    const query = changed.map(([path, text]) => `${path}=${encodeURIComponent(text).replaceAll("%2C", ",")}`).join("&");
    return query ? `#figure-${name}?${query}` : `#figure-${name}`;
  };
  const tell = () => listeners.forEach((listener) => listener());
  addEventListener("hashchange", () => { if (fromAddress()) { tell(); div.scrollIntoView({ block: "center" }); } });

  return {
    fromAddress,
    get: (key) => state[key],
    set: (key, value) => { state = { ...state, [key]: value }; },
    save_changes: () => {
      tell();
      clearTimeout(timer);
      timer = setTimeout(() => history.replaceState(history.state, "", address()), 400);
    },
    on: (event, listener) => listeners.add(listener),
    off: (event, listener) => listeners.delete(listener),
    link: () => location.href.split("#")[0] + address(),
  };
}

function start(div) {
  const figure = globalThis.nnFigures[div.dataset.figure]();
  const model = modelFor(div, figure.usual);
  const here = model.fromAddress();
  const picture = [...div.childNodes];
  try {
    figure.render({ model, el: div });
    picture.forEach((node) => node.remove());
    div.classList.add("nn-live");
  } catch (error) {
    console.error(`figure ${div.dataset.name}:`, error);
  }
  if (here) div.scrollIntoView({ block: "center" });
}

function startFigures() {
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries.filter(({ isIntersecting }) => isIntersecting)) {
      near.unobserve(entry.target);
      start(entry.target);
    }
  }, { rootMargin: "100% 0px" });
  for (const div of document.querySelectorAll("div.nn-figure[data-figure]")) {
    div.id ||= `figure-${div.dataset.name}`;
    if (asked(div.dataset.name)) start(div);
    else near.observe(div);
  }
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", startFigures);
else startFigures();
