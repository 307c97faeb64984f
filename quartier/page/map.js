// The live map. `quartierMap(host, data, options)` draws the data of `maps.map_data` into an <svg> in the host, or brings up to date the
// one that is there: what has the same key moves to its new place and size. It draws again when the host gets another width.
//
// options: onSelect(siteId), called when a site is clicked; selected, the id of a site to mark; focusable, whether sites can be reached
// with the Tab key (left out: a table beside the map is the way); height in px.
//
// Part of one module with other files: no import, no export. Every text comes from the data, and is only ever set as text.

const quartierMapNames = "http://www.w3.org/2000/svg";
const quartierMapStates = new WeakMap();
const quartierMapCount = { svg: 0 };

// Markers with an area of 1 around their middle, named as in looks.py; the last one is the square of money without a place.
const quartierMapShapes = {
  o: "M-.5642 0A.5642 .5642 0 1 1 .5642 0A.5642 .5642 0 1 1-.5642 0Z",
  D: "M0-.7071L.7071 0L0 .7071L-.7071 0Z",
  "^": "M0-.7071L.7071 .7071L-.7071 .7071Z",
  X: "M-.3162-.6325L0-.3162L.3162-.6325L.6325-.3162L.3162 0L.6325 .3162L.3162 .6325L0 .3162L-.3162 .6325L-.6325 .3162L-.3162 0L-.6325-.3162Z",
  square: "M-.5-.5H.5V.5H-.5Z",
};
const quartierMapReach = { o: 0.57, D: 0.71, "^": 1, X: 0.9, square: 0.71 };

const quartierMapLook = {
  size: 13, line: 17, // px: letters, and from one line to the next
  smallest: 9, largest: 28, // side of a symbol
  circle: 34, dot: 3, hit: 12, // radii: largest district, one without a size, what can be clicked
  edge: 8, least: 2, // px around all; least extent in km
};
// Where a label may stand: px from the edge of its spot, and sixteenths of a turn; beside is read best.
const quartierMapGaps = [7, 12, 20, 34, 52, 76, 104, 140];
const quartierMapTurns = [0, 8, 1, 15, 7, 9, 2, 14, 6, 10, 3, 13, 5, 11, 4, 12];

const quartierMapMake = (name, parent, className) => {
  const node = document.createElementNS(quartierMapNames, name);
  if (className) node.setAttribute("class", className);
  if (parent) parent.appendChild(node);
  return node;
};

// Only what differs is written: writing the same again would cost layout and restart transitions.
const quartierMapSet = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
};
const quartierMapSay = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
const quartierMapMove = (node, x, y, scale = 1) => {
  const moved = `translate(${x.toFixed(1)}px,${y.toFixed(1)}px) scale(${scale.toFixed(2)})`;
  if (node.quartierMoved !== moved) node.style.transform = node.quartierMoved = moved;
};

const quartierMapLength = (state, text, bold) => {
  const key = (bold ? "b" : "n") + text;
  let length = state.lengths.get(key);
  if (length === undefined) {
    state.pen.font = `${bold ? 700 : 400} ${quartierMapLook.size}px ${state.font}`;
    length = state.pen.measureText(text).width;
    if (state.lengths.size > 5000) state.lengths.clear();
    state.lengths.set(key, length);
  }
  return length;
};

// Two lines at most: the first takes the words that fit, the second the rest, shortened where that is too long.
const quartierMapWrap = (state, text, room, bold) => {
  const fits = (line) => quartierMapLength(state, line, bold) <= room;
  const cut = (line) => {
    if (fits(line)) return line;
    const letters = [...line];
    while (letters.length > 1 && !fits(letters.join("") + "\u2026")) letters.pop();
    return letters.join("").trimEnd() + "\u2026";
  };
  if (fits(text)) return [text];
  const words = text.split(" ");
  let first = words.shift();
  while (words.length && fits(`${first} ${words[0]}`)) first += ` ${words.shift()}`;
  return words.length ? [cut(first), cut(words.join(" "))] : [cut(first)];
};

const quartierMapOverlap = (a, b) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > -3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > -2;
const quartierMapCross = (a, b) => {
  const side = (line, x, y) => (line.x1 - line.x0) * (y - line.y0) - (line.y1 - line.y0) * (x - line.x0);
  return side(a, b.x0, b.y0) * side(a, b.x1, b.y1) < 0 && side(b, a.x0, a.y0) * side(b, a.x1, a.y1) < 0;
};
const quartierMapEnters = (line, box) => {
  const inside = (x, y) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  return (
    inside(line.x0, line.y0) || inside(line.x1, line.y1) ||
    quartierMapCross(line, { x0: box.left, y0: box.top, x1: box.right, y1: box.bottom }) ||
    quartierMapCross(line, { x0: box.left, y0: box.bottom, x1: box.right, y1: box.top })
  );
};
const quartierMapBlocks = (a, b) =>
  quartierMapOverlap(a.box, b.box) || quartierMapEnters(a.line, b.box) || quartierMapEnters(b.line, a.box) ||
  quartierMapCross(a.line, b.line);

// The box of a label at one of its places and the line that leads to it; null where it leaves the frame or covers a spot.
const quartierMapPlace = (spot, at, spots, frame) => {
  const gap = quartierMapGaps[Math.floor(at / 16)];
  const turn = (quartierMapTurns[at % 16] * Math.PI) / 8;
  const across = Math.cos(turn), up = Math.sin(turn), clip = (value) => Math.max(-1, Math.min(1, 1.4 * value));
  const x = spot.x + across * (spot.reach + gap) + (clip(across) * spot.wide) / 2;
  const y = spot.y + up * (spot.reach + gap) + (clip(up) * spot.high) / 2;
  const box = { left: x - spot.wide / 2, top: y - spot.high / 2, right: x + spot.wide / 2, bottom: y + spot.high / 2 };
  if (box.left < frame.left || box.top < frame.top || box.right > frame.right || box.bottom > frame.bottom) return null;
  const x1 = Math.max(box.left, Math.min(spot.x, box.right)), y1 = Math.max(box.top, Math.min(spot.y, box.bottom));
  const away = Math.hypot(x1 - spot.x, y1 - spot.y), share = away ? Math.min(1, spot.reach / away) : 0;
  const line = { x0: spot.x + share * (x1 - spot.x), y0: spot.y + share * (y1 - spot.y), x1, y1, shown: gap > 12 };
  for (const other of spots) {
    const near = other.reach + (line.shown && other !== spot ? 9 : 2); // a label away from its spot must not seem to be another's
    const dx = other.x - Math.max(box.left, Math.min(other.x, box.right));
    const dy = other.y - Math.max(box.top, Math.min(other.y, box.bottom));
    if (dx * dx + dy * dy < near * near) return null;
    if (!line.shown || other === spot) continue;
    // A line may leave a circle that its spot stands on, but run through no other spot.
    if (!other.data.site && Math.hypot(other.x - spot.x, other.y - spot.y) < other.reach) continue;
    const lx = x1 - line.x0, ly = y1 - line.y0;
    const along = Math.max(0, Math.min(1, ((other.x - line.x0) * lx + (other.y - line.y0) * ly) / (lx * lx + ly * ly || 1)));
    const ox = other.x - line.x0 - along * lx, oy = other.y - line.y0 - along * ly;
    if (ox * ox + oy * oy < (other.reach + 2) ** 2) return null;
  }
  return { at, box, line };
};

// A label stays where it was if it can, else it takes the first free place. Labels that found none come first in a further round.
const quartierMapLabels = (state, spots, frame) => {
  const many = spots.length > 60, free = new Map();
  const places = (spot) => {
    if (!free.has(spot)) {
      const found = [];
      for (let at = 0; at < (many ? 64 : 128); at += many ? 2 : 1) {
        const place = quartierMapPlace(spot, at, spots, frame);
        if (place) found.push(place);
      }
      free.set(spot, found);
    }
    return free.get(spot);
  };
  const taken = new Map();
  const clear = (place) => {
    for (const other of taken.values()) if (quartierMapBlocks(place, other)) return false;
    return true;
  };
  for (const spot of spots) {
    const before = state.places.get(spot.data.key);
    const place = before === undefined ? null : quartierMapPlace(spot, before, spots, frame);
    if (place && clear(place)) taken.set(spot, place);
  }
  if (taken.size < spots.length) {
    let order = spots.filter((spot) => !taken.has(spot));
    order.sort((a, b) => b.rank - a.rank || places(a).length - places(b).length);
    const worth = () => [...taken.keys()].reduce((sum, { rank }) => sum + rank, 0);
    let best = new Map(taken), most = worth();
    for (let round = 0; round < (many ? 1 : 12); round++) {
      if (round) taken.clear();
      for (const spot of round ? order : order.filter((one) => !taken.has(one))) {
        const place = places(spot).find(clear);
        if (place) taken.set(spot, place);
      }
      if (worth() > most) [best, most] = [new Map(taken), worth()];
      if (best.size === spots.length) break;
      const left = spots.filter((spot) => !taken.has(spot));
      const rest = (round ? order : [...spots].sort((a, b) => b.rank - a.rank || places(a).length - places(b).length)).filter((one) => taken.has(one));
      order = [...left, ...rest];
    }
    taken.clear();
    for (const [spot, place] of best) taken.set(spot, place);
  }
  state.places = new Map([...taken].map(([spot, place]) => [spot.data.key, place.at]));
  return taken;
};

const quartierMapLegend = (state, data, width) => {
  const { edge, line } = quartierMapLook;
  let x = edge, y = edge + line / 2;
  state.legend.replaceChildren();
  for (const entry of data.legend) {
    const [text] = quartierMapWrap(state, entry.text, width - 2 * edge - 24, false);
    const wide = 24 + quartierMapLength(state, text, false);
    if (x > edge && x + wide > width - edge) [x, y] = [edge, y + line + 3];
    const kind = entry.kind === "district" ? "district" : entry.kind === "square" ? "square" : "site";
    const mark = quartierMapMake("path", state.legend, `qp-map-${kind}`);
    if (kind === "site") mark.setAttribute("data-status", entry.kind);
    mark.setAttribute("d", quartierMapShapes[entry.marker || (kind === "square" ? "square" : "o")]);
    mark.style.transform = `translate(${x + 8}px,${y}px) scale(${kind === "district" ? 14 : 11})`;
    const label = quartierMapMake("text", state.legend, "qp-map-text");
    quartierMapSet(label, { x: x + 20, y: y + 4.5 });
    label.textContent = text;
    x += wide + 18;
  }
  return y + line / 2 + 6;
};

const quartierMapScale = (state, data, width, y, scale) => {
  const bars = data.scale, edge = quartierMapLook.edge;
  const bar = bars.find((one) => one.km * scale <= Math.min(150, width / 3)) || bars[bars.length - 1];
  const end = edge + bar.km * scale;
  quartierMapSet(state.bar, { d: `M${edge} ${y - 4}V${y + 4}M${edge} ${y}H${end.toFixed(1)}M${end.toFixed(1)} ${y - 4}V${y + 4}` });
  quartierMapSet(state.barText, { x: end + 8, y: y + 4.5 });
  quartierMapSay(state.barText, bar.text);
  quartierMapSet(state.north, { x: width - edge, y: y + 4.5 });
  quartierMapSay(state.north, data.north);
};

const quartierMapBegin = (host) => {
  const number = ++quartierMapCount.svg, svg = quartierMapMake("svg", null, "qp-map");
  const state = { svg, host, nodes: new Map(), places: new Map(), lengths: new Map(), outlines: {}, width: 0 };
  state.title = quartierMapMake("title", svg);
  state.desc = quartierMapMake("desc", svg);
  quartierMapSet(state.title, { id: `qp-map-title-${number}` });
  quartierMapSet(state.desc, { id: `qp-map-desc-${number}` });
  quartierMapSet(svg, { "aria-labelledby": state.title.id, "aria-describedby": state.desc.id });
  for (const layer of ["outlines", "circles", "lines", "symbols", "labels", "legend"]) {
    state[layer] = quartierMapMake("g", svg, `qp-map-${layer}`);
  }
  state.bar = quartierMapMake("path", svg, "qp-map-bar");
  state.barText = quartierMapMake("text", svg, "qp-map-text");
  state.north = quartierMapMake("text", svg, "qp-map-text qp-map-strong qp-map-end");
  state.pen = document.createElement("canvas").getContext("2d");
  const chosen = (event) => {
    const node = event.target.closest ? event.target.closest("[data-site]") : null;
    if (node && state.options.onSelect) state.options.onSelect(node.getAttribute("data-site"));
    return node !== null;
  };
  svg.addEventListener("click", chosen);
  svg.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && chosen(event)) event.preventDefault();
  });
  host.appendChild(svg);
  quartierMapStates.set(host, state);
  if (typeof ResizeObserver !== "undefined") {
    state.watched = true;
    const follow = () => {
      state.seen = host.clientWidth;
      if (state.data && Math.abs(host.clientWidth - state.width) >= 1 && host.clientWidth) quartierMap(host, state.data, state.options);
    };
    // A frame later: what is watched gets another height by it, and a browser takes that for an error while it tells of the width.
    new ResizeObserver(() => requestAnimationFrame(follow)).observe(host);
  }
  return state;
};

const quartierMapNode = (state, spot) => {
  let node = state.nodes.get(spot.key);
  if (!node) {
    node = { line: quartierMapMake("path", state.lines, "qp-map-line") };
    if (spot.site) {
      node.group = quartierMapMake("g", state.symbols, "qp-map-spot");
      quartierMapSet(quartierMapMake("circle", node.group, "qp-map-hit"), { r: quartierMapLook.hit });
      node.symbol = quartierMapMake("path", node.group, "qp-map-site");
    } else {
      node.outline = quartierMapMake("path", state.outlines, "qp-map-outline");
      node.group = quartierMapMake("g", state.circles, "qp-map-spot");
      node.symbol = quartierMapMake("circle", node.group, "qp-map-district");
    }
    node.halo = quartierMapMake("circle", node.group, "qp-map-halo");
    node.tip = quartierMapMake("title", node.group);
    node.label = quartierMapMake("g", state.labels, "qp-map-label");
    node.labelTip = quartierMapMake("title", node.label);
    node.back = quartierMapMake("rect", node.label, "qp-map-hit"); // so that a click between two letters counts
    node.square = quartierMapMake("path", node.label, "qp-map-square");
    quartierMapSet(node.square, { d: quartierMapShapes.square });
    node.heads = [0, 1].map(() => quartierMapMake("text", node.label, `qp-map-text${spot.site ? "" : " qp-map-strong"}`));
    node.money = quartierMapMake("text", node.label, "qp-map-text");
    node.change = quartierMapMake("text", node.label, "qp-map-text qp-map-change");
    state.nodes.set(spot.key, node);
  }
  return node;
};

function quartierMap(host, data, options = {}) {
  const look = quartierMapLook;
  const state = quartierMapStates.get(host) || quartierMapBegin(host);
  if (state.svg.parentNode !== host) host.appendChild(state.svg);
  // Asking for the width while the page is being changed would have all of it laid out twice.
  if (!state.watched || !state.seen) state.seen = host.clientWidth;
  const width = Math.max(200, Math.round(state.seen || state.width || 600));
  Object.assign(state, { data, options });
  if (data.outlines && Object.keys(data.outlines).length) state.paths = data.outlines;
  if (width !== state.width) {
    const font = getComputedStyle(host).fontFamily;
    if (font !== state.font) state.lengths.clear();
    state.font = font;
    state.places.clear();
    state.drawnLegend = null;
    state.width = width;
  }
  quartierMapSay(state.title, data.title);
  quartierMapSay(state.desc, data.alt);

  // The legend on top, the scale bar below, the map between them with room for labels on both sides.
  const legend = width + JSON.stringify(data.legend);
  if (legend !== state.drawnLegend) [state.drawnLegend, state.top] = [legend, quartierMapLegend(state, data, width)];
  const height = Math.round(options.height || Math.max(520, Math.min(680, 0.75 * width)) + state.top);
  // Labels stand beside circles, but on outlines.
  const narrow = width < 500, inside = data.spots.some((spot) => spot.outlined);
  const beside = inside ? 0.06 * width : Math.max(60, Math.min(200, (narrow ? 0.25 : 0.19) * width));
  const over = inside ? 12 : 46, foot = 30;
  const scale = Math.min(
    (width - 2 * beside) / Math.max(data.km[0], look.least),
    (height - state.top - foot - 2 * over) / Math.max(data.km[1], look.least),
  );
  const middle = { x: width / 2, y: (state.top + height - foot) / 2 };
  quartierMapSet(state.svg, { viewBox: `0 0 ${width} ${height}`, width, height, role: options.focusable ? "group" : "img" });
  quartierMapScale(state, data, width, height - foot / 2, scale);

  const crowd = Math.min(1, Math.sqrt(50 / data.spots.length));
  const zoom = narrow ? 0.8 : 1, room = Math.min(190, Math.max(110, 0.3 * width));
  const spots = data.spots.map((spot) => {
    const side = spot.side > 0 || spot.site ? Math.max(look.smallest * (0.4 + 0.6 * crowd), look.largest * zoom * crowd * spot.side) : 0;
    const radius = spot.outlined ? look.dot : Math.max(look.dot, look.circle * zoom * spot.radius);
    const heads = quartierMapWrap(state, spot.head, room, !spot.site);
    const indent = side && !spot.site ? side + 5 : 0;
    const money = indent + (spot.money ? quartierMapLength(state, spot.money, false) : 0);
    const change = spot.change ? quartierMapLength(state, spot.change, true) : 0;
    const below = narrow && spot.change !== "" && spot.money !== "";
    const wide = Math.max(below ? Math.max(money, change) : money + change + (change && money ? 7 : 0), ...heads.map((line) => quartierMapLength(state, line, !spot.site)));
    const row = spot.money || spot.change ? Math.max(look.line, indent ? side + 4 : 0) : 0;
    return {
      data: spot, side, radius, heads, indent, money, row, below, wide,
      high: heads.length * look.line + row + (below ? look.line : 0),
      x: middle.x + spot.x * scale, y: middle.y + spot.y * scale,
      rank: (spot.change ? 4 : 0) + (spot.side ? 3 : 0) + (spot.site ? 1 : 2), // what matters more if there is not room for all
      reach: spot.site ? quartierMapReach[spot.marker] * side + 1 : radius,
    };
  });
  const frame = { left: look.edge, top: state.top, right: width - look.edge, bottom: height - foot };
  const placed = quartierMapLabels(state, spots, frame);

  const seen = new Set();
  for (const spot of spots) {
    const { key, site, status, change, money, outlined, members, tip } = spot.data;
    const node = quartierMapNode(state, spot.data), place = placed.get(spot);
    seen.add(key);
    const chosen = options.selected && (site === options.selected || members.includes(options.selected));
    const alone = site || (members.length === 1 ? members[0] : "");
    quartierMapMove(node.group, spot.x, spot.y);
    quartierMapSet(node.group, { class: `qp-map-spot${chosen ? " qp-map-selected" : ""}${change ? " qp-map-changed" : ""}` });
    quartierMapSet(node.label, { class: `qp-map-label${chosen ? " qp-map-selected" : ""}` });
    quartierMapSay(node.tip, tip);
    quartierMapSay(node.labelTip, tip);
    for (const part of [node.group, node.label]) {
      if (alone) quartierMapSet(part, { "data-site": alone });
      else part.removeAttribute("data-site");
    }
    if (site && options.focusable) quartierMapSet(node.group, { tabindex: 0, role: "button", "aria-label": tip });
    else for (const name of ["tabindex", "role", "aria-label"]) node.group.removeAttribute(name);
    if (site) {
      quartierMapSet(node.symbol, { d: quartierMapShapes[spot.data.marker], "data-status": status, "data-empty": spot.data.side ? "no" : "yes" });
      quartierMapMove(node.symbol, 0, 0, spot.side);
    } else {
      quartierMapSet(node.symbol, { r: spot.radius.toFixed(1) });
      quartierMapSet(node.outline, { d: outlined && state.paths ? state.paths[key] || "" : "" });
      if (outlined) quartierMapMove(node.outline, middle.x, middle.y, scale);
    }
    quartierMapSet(node.halo, { r: (spot.reach + 3).toFixed(1) });

    node.label.style.display = place ? "" : "none";
    quartierMapSet(node.line, {
      d: place && place.line.shown
        ? `M${place.line.x0.toFixed(1)} ${place.line.y0.toFixed(1)}L${place.line.x1.toFixed(1)} ${place.line.y1.toFixed(1)}` : "",
    });
    if (!place) continue;
    quartierMapMove(node.label, place.box.left, place.box.top);
    quartierMapSet(node.back, { width: spot.wide.toFixed(0), height: spot.high.toFixed(0) });
    node.heads.forEach((text, at) => {
      quartierMapSet(text, { y: at * look.line + 13 });
      quartierMapSay(text, spot.heads[at] || "");
    });
    const top = spot.heads.length * look.line, base = top + spot.row / 2 + 4.5;
    // Not shrunk to nothing: beside its size on the way there its outline, as wide as ever, is so huge that browsers stop for minutes.
    node.square.style.display = spot.indent ? "" : "none";
    if (spot.indent) quartierMapMove(node.square, spot.side / 2, top + spot.row / 2, spot.side);
    quartierMapSet(node.money, { x: spot.indent, y: base });
    quartierMapSay(node.money, money);
    quartierMapSet(node.change, {
      x: (spot.below ? 0 : spot.money + (money ? 7 : 0)).toFixed(1),
      y: spot.below ? top + spot.row + 13 : base,
    });
    quartierMapSay(node.change, change);
  }
  for (const [key, node] of state.nodes) {
    if (seen.has(key)) continue;
    for (const part of [node.group, node.label, node.line, node.outline]) if (part) part.remove();
    state.nodes.delete(key);
  }
  return state.svg;
}
