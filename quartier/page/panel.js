// Draws what quartier/screen.py gives, and tells quartier/widget.py what a person does. It knows no words: all come from there.
//
// One action is under way at a time; while its answer is awaited, of a slider's positions only the last one is kept.
// Everything is text or an attribute, never markup: names of sites and plans are anybody's.

const SVG = "http://www.w3.org/2000/svg";
const PATIENCE_MS = 300; // then it is said that work is going on
const SILENCE_MS = 6000; // then it is said that nobody answers

// --- a small way to say what should stand on the page -----------------------------------------------------------

function h(tag, props, ...children) {
  return { tag, props: props || {}, children };
}

// What is left out keeps its place: what comes after it is still the same, and keeps the focus.
function placed(children, before = "") {
  return children.flatMap((one, at) => {
    if (Array.isArray(one)) return placed(one, `${before}${at}.`);
    if (one === null || one === false || one === undefined || one === "") return [];
    const node = typeof one === "object" ? one : { tag: "#text", text: String(one), props: {}, children: [] };
    node.key = node.props.key !== undefined ? `${node.tag}:${node.props.key}` : `${node.tag}#${before}${at}`;
    return [node];
  });
}

// A part that shows nothing but `data`: where they are as before, nothing of it is made or looked at anew. No fields: those are people's.
function part(tag, props, data, make) {
  return { tag, props, data: JSON.stringify(data), make, children: [] };
}

function sync(parent, wanted) {
  const before = new Map((parent._drawn || []).map((one) => [one.key, one]));
  const next = placed(wanted);
  const kept = new Set(next.map((one) => one.key));
  before.forEach((one, key) => { if (!kept.has(key)) one.el.remove(); });
  next.forEach((node, at) => {
    const was = before.get(node.key);
    node.el = was ? was.el : create(node, parent);
    refresh(node, was);
    if (parent.childNodes[at] !== node.el) parent.insertBefore(node.el, parent.childNodes[at] || null);
  });
  parent._drawn = next;
}

function create(node, parent) {
  if (node.tag === "#text") return document.createTextNode("");
  const drawing = node.tag === "svg" || parent.namespaceURI === SVG;
  return drawing ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
}

function refresh(node, was) {
  const el = node.el;
  if (node.make) {
    if (was && was.data === node.data) {
      node.props = was.props;
      return;
    }
    node.children = [node.make()];
  }
  if (node.tag === "#text") {
    if (!was || was.text !== node.text) el.data = node.text;
    return;
  }
  const old = was ? was.props : {};
  for (const name of Object.keys(old)) if (!(name in node.props) && name !== "key") attribute(el, name, null);
  for (const [name, value] of Object.entries(node.props)) {
    if (name === "key") continue;
    if (name.startsWith("on")) el[name] = value;
    else if (name === "value") setValue(el, value);
    else if (name === "checked") el.checked = value;
    else if (name === "draw") continue;
    else if (old[name] !== value || !was) attribute(el, name, value);
  }
  if (node.props.draw) node.props.draw(el);
  else sync(el, node.children);
}

function attribute(el, name, value) {
  if (name.startsWith("on")) el[name] = null;
  else if (value === null || value === false || value === undefined) el.removeAttribute(name);
  else el.setAttribute(name, value === true ? "" : value);
}

// What somebody is typing or dragging is theirs until they let go of it.
function setValue(el, value) {
  if (el._held) return;
  if (el.value !== String(value)) el.value = value;
}

// --- the panel ----------------------------------------------------------------------------------------------------

let numbered = 0;

function render({ model, el }) {
  const client = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const prefix = `quartier-${(numbered += 1)}-`;
  const root = document.createElement("div");
  root.className = "quartier-panel";
  root.dataset.testid = "quartier-panel";
  root.setAttribute("role", "region");
  el.append(root);

  // JupyterLab has a theme of its own, which panel.css follows; a page of Voilà follows the person's setting.
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { root.dataset.theme = document.body.dataset.voila && dark.matches ? "dark" : ""; };
  dark.addEventListener("change", paint);
  paint();

  let underWay = null; // { n, since, key, action }
  let waiting = []; // actions not sent yet
  let sent = 0;
  let lost = false;
  let heard = performance.now();
  let copied = false;
  let sure = null; // the kept plan that somebody is asked about before it is deleted; empty when they have said no
  const unread = new Set(); // boxes whose text the kernel has not read yet
  const notes = {}; // what is typed into fields that belong to no choice

  const screen = () => model.get("screen") || {};

  function tell(action, key) {
    sure = null;
    if (key) waiting = waiting.filter((one) => one.key !== key);
    waiting.push({ action, key });
    next();
  }

  function next() {
    if (underWay || !waiting.length) return;
    const { action, key } = waiting.shift();
    sent += 1;
    underWay = { n: sent, since: performance.now(), key, action };
    heard = performance.now();
    speak({ ...action, client, n: sent });
    if (!key) draw(); // what was said before is over: the same again is said again
    setTimeout(draw, PATIENCE_MS + 10);
  }

  const unanswered = () => [...(underWay ? [underWay] : []), ...waiting].map((one) => one.action);

  // What a person has asked of a control, answered or not: an answer that comes late is no reason to take it back.
  function asked(id, value) {
    return unanswered().filter((one) => one.do === "set" && one.id === id).reduce((before, one) => {
      if (one.times === undefined) return one.value;
      return typeof before === "number" ? Math.round(one.times * before) : before;
    }, value);
  }

  // The same of what is looked at.
  function looked(action, name, value) {
    const last = unanswered().findLast((one) => one.do === action);
    return last ? last[name] : value;
  }

  function speak(message) {
    try {
      model.send(message);
    } catch (error) {
      lost = true;
      draw();
    }
  }

  function onScreen() {
    const ack = screen().ack;
    heard = performance.now();
    lost = false;
    if (underWay && ack && ack[0] === client && ack[1] >= underWay.n) underWay = null;
    if (!underWay && !waiting.length) {
      unread.forEach((box) => { box._held = false; });
      unread.clear();
    }
    draw();
    next();
  }

  function onMessage(content, buffers) {
    if (!content || content.client !== client) return;
    heard = performance.now();
    if (lost) { lost = false; draw(); }
    if (content.kind === "file") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([buffers[0]], { type: content.mime }));
      link.download = content.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
  }

  const clock = setInterval(() => {
    if (!underWay) return;
    if (performance.now() - heard > SILENCE_MS) lost = true;
    speak({ do: "ping", client });
    draw();
  }, 1000);

  // --- controls ---

  const idOf = (name) => prefix + name.replace(/[^\w-]/g, "_");

  function range(one, words) {
    const id = idOf(one.id);
    const wish = asked(one.id, one.on === false ? null : one.value);
    const on = wish !== null;
    const value = typeof wish === "number" ? wish : one.value; // else it is text that has not been read yet
    const disabled = one.disabled || !on;
    const send = (value, sliding) => tell({ do: "set", id: one.id, value, sliding, at: one.id }, one.id);
    const slider = on && h("input", {
      type: "range", id, min: one.min, max: Math.max(one.max, value), step: one.step, value, disabled,
      "aria-valuetext": one.shown, "aria-describedby": one.note ? `${id}-note` : null,
      onpointerdown: (event) => { event.target._held = true; },
      onpointerup: (event) => { event.target._held = false; },
      oninput: (event) => send(Number(event.target.value), true),
      onchange: (event) => { event.target._held = false; tell({ do: "settle" }, "settle"); },
      onblur: (event) => { event.target._held = false; },
    });
    return h("div", { class: "qp-control", key: one.id, role: "group", "aria-label": one.label },
      h("div", { class: "qp-label" },
        h("label", { for: on ? id : `${id}-on` }, one.label), mark(one, words),
        on && h("span", { class: "qp-box" }, typed(one, words, (value) => send(value, false), `${one.label}${one.unit ? ` (${one.unit})` : ""}`, on), one.unit && h("span", { class: "qp-unit" }, one.unit))),
      one.switch && h("label", { class: "qp-check" },
        h("input", { type: "checkbox", id: `${id}-on`, checked: on, onchange: (event) => send(event.target.checked ? one.first : null, false) }), one.switch),
      slider,
      one.jumps && h("div", { class: "qp-jumps" }, one.jumps.map((jump) =>
        h("button", { type: "button", key: jump.label, onclick: () => tell({ do: "set", id: one.id, times: jump.times, at: one.id }) }, jump.label))),
      one.note && h("p", { class: "qp-note", id: `${id}-note` }, one.note),
      fault(one.id));
  }

  // A box for a number as it is written in the panel's language; it is read in the kernel.
  function typed(one, words, commit, label, on = true) {
    const id = `${idOf(one.id)}-box`;
    const wrong = isWrong(one.id);
    return h("input", {
      type: "text", inputmode: "decimal", id, class: "qp-number", ...(wrong ? {} : { value: one.text }), "aria-label": label, disabled: one.disabled || !on, autocomplete: "off",
      "aria-invalid": wrong ? "true" : null, "aria-describedby": wrong ? `${idOf(one.id)}-fault` : null,
      ...typing((box) => commit(box.value)),
      onblur: (event) => { if (!unread.has(event.target)) event.target._held = false; },
    });
  }

  // What is typed stays until it has been read; what is typed on meanwhile stays, too.
  function typing(commit) {
    return {
      onkeydown: stay,
      oninput: (event) => { event.target._held = true; unread.delete(event.target); },
      onchange: (event) => { event.target._held = true; unread.add(event.target); commit(event.target); },
    };
  }

  const isWrong = (id) => { const message = screen().message; return Boolean(message && message.error && message.at === id); };

  function fault(id) {
    return isWrong(id) && h("p", { class: "qp-fault", id: `${idOf(id)}-fault`, role: "alert" }, screen().message.lines.map((line, at) => h("span", { key: at }, line, " ")));
  }

  function mark(one, words) {
    return [one.assumed && h("span", { class: "qp-mark", key: "assumed" }, words.assumed), one.changed && h("span", { class: "qp-mark qp-mark-changed", key: "changed" }, words.changed)];
  }

  function choice(one, words) {
    const id = idOf(one.id) + (one.place || "");
    const value = asked(one.id, one.value);
    return h("div", { class: "qp-control qp-choice", key: one.id },
      h("label", { for: id }, one.label), mark(one, words),
      h("select", { id, disabled: one.disabled, value, onchange: (event) => tell({ do: "set", id: one.id, value: event.target.value, at: one.id }), draw: (box) => options(box, one.options, value) }),
      fault(one.id));
  }

  function options(box, wanted, value) {
    sync(box, wanted.map((one) => h("option", { value: one.value, key: one.value }, one.label)));
    if (box.value !== value) box.value = value;
  }

  function check(one) {
    return h("div", { class: "qp-control", key: one.id },
      h("label", { class: "qp-check" }, h("input", { type: "checkbox", checked: asked(one.id, one.value), onchange: (event) => tell({ do: "set", id: one.id, value: event.target.checked, at: one.id }) }), one.label), fault(one.id));
  }

  function number(one, words) {
    return h("div", { class: "qp-control qp-choice", key: one.id },
      h("label", { for: `${idOf(one.id)}-box` }, one.label), mark(one, words),
      typed(one, words, (value) => tell({ do: "set", id: one.id, value, at: one.id }), one.label), fault(one.id));
  }

  function limits(one, words) {
    if (!notes.partner && one.partners.length) notes.partner = one.partners[0].value;
    if (!notes.limit) notes.limit = one.kinds[0].value;
    const pick = (name, label, wanted) => h("div", { class: "qp-control qp-choice", key: name }, h("label", { for: idOf(name) }, label),
      h("select", { id: idOf(name), onchange: (event) => { notes[name] = event.target.value; }, draw: (box) => options(box, wanted, notes[name]) }));
    return h("div", { key: one.id },
      one.rules.length ? h("ul", { class: "qp-list" }, one.rules.map((rule) => h("li", { key: rule.id }, h("span", {}, rule.label),
        h("button", { type: "button", "aria-label": `${words.remove}: ${rule.label}`, onclick: () => tell({ do: "limit_remove", id: rule.id, at: "limits" }) }, words.remove)))) : h("p", { class: "qp-note" }, one.none),
      one.partners.length > 0 && [pick("partner", words.limit_of, one.partners), pick("limit", words.limit_kind, one.kinds),
        h("div", { class: "qp-control qp-choice", key: "value" }, h("label", { for: idOf("limit_value") }, words.limit_value),
          h("input", { type: "text", inputmode: "decimal", class: "qp-number", id: idOf("limit_value"), autocomplete: "off", onkeydown: stay, oninput: (event) => { notes.value = event.target.value; } })),
        h("button", { type: "button", key: "add", onclick: () => tell({ do: "limit_add", partner: notes.partner, limit: notes.limit, value: notes.value || "", at: "limits" }) }, words.add)],
      fault("limits"));
  }

  const kinds = { range, choice, check, number, limits, text: (one) => h("p", { class: "qp-note", key: one.id }, one.label) };
  const control = (one, words) => kinds[one.kind](one, words);

  // A notebook takes letters as commands where no field of its own has the focus.
  function stay(event) { event.stopPropagation(); }

  // --- parts of the page ---

  function top(now, words) {
    // What has just been pressed for the last time stays where it is: disabled, it would lose the focus.
    const button = (name, able) => h("button", { type: "button", key: name, "aria-disabled": able ? null : "true", onclick: () => { if (able) tell({ do: name }); } }, words[name]);
    return h("div", { class: "qp-top", key: "top" },
      h("h2", {}, now.title),
      h("div", { class: "qp-buttons" }, button("undo", now.can_undo), button("redo", now.can_redo), button("reset", true),
        h("label", { class: "qp-inline" }, words.language, " ",
          h("select", { onchange: (event) => tell({ do: "set", id: "language", value: event.target.value }), draw: (box) => options(box, now.languages, asked("language", now.language)) }))));
  }

  function state(now, words) {
    const parts = [];
    if (lost) parts.push(h("p", { class: "qp-alert", role: "alert", key: "lost" }, words.lost));
    const busy = underWay && performance.now() - underWay.since > PATIENCE_MS;
    if (busy && !lost) {
      const seconds = Math.floor((performance.now() - underWay.since) / 1000);
      parts.push(h("div", { class: "qp-busy", key: "busy" }, h("progress", { "aria-label": words.busy.replace("{seconds}", seconds) }), h("span", {}, words.busy.replace("{seconds}", seconds)),
        h("button", { type: "button", onclick: () => speak({ do: "stop", client }) }, words.stop)));
    }
    const message = now.message;
    const shown = message && !(message.error && standsElsewhere(now, message.at));
    if (shown) parts.push(h("div", { class: message.error ? "qp-alert" : "qp-message", role: message.error ? "alert" : null, tabindex: -1, key: "message" }, message.lines.map((line, at) => h("p", { key: at }, line))));
    if (now.impossible) {
      parts.push(h("div", { class: "qp-alert", role: "alert", tabindex: -1, key: "impossible" },
        now.impossible.lines.map((line, at) => h("p", { key: at }, line)),
        now.impossible.repairs.length > 0 && h("p", { key: "ways" }, words.repairs),
        h("ul", { class: "qp-repairs", key: "repairs" }, now.impossible.repairs.map((sentence, at) => h("li", { key: at }, h("button", { type: "button", onclick: () => tell({ do: "repair", number: at }) }, sentence)))),
        now.impossible.still && h("p", { key: "still", class: "qp-still" }, now.impossible.still)));
    }
    return h("div", { class: "qp-state", key: "state" }, parts);
  }

  // Whether a fault is shown beside its control already.
  function standsElsewhere(now, at) {
    const ids = now.groups.flatMap((group) => group.controls.map((one) => one.id));
    const asked = now.answer && now.answer.asked ? now.answer.asked.controls.map((one) => one.id).concat(["lock"]) : [];
    return ids.includes(at) || asked.includes(at) || ["keep", "yaml", "open", "hand"].includes(at);
  }

  function group(one, words) {
    const faulty = one.controls.some((item) => isWrong(item.id));
    return h("details", { class: "qp-group", key: one.id, ontoggle: (event) => { if (event.target.open) draw(); }, draw: (box) => {
      if (box._opened === undefined) { box._opened = true; box.open = Boolean(one.open); }
      if (faulty) box.open = true;
      const fill = (body) => {
        if (body._drawn && !box.open) return; // brought up to date when it is opened
        sync(body, one.controls.map((item) => control(item, words)));
      };
      sync(box, [h("summary", { key: "head" }, h("h3", {}, one.title)), h("div", { class: "qp-controls", key: "body", draw: fill })]);
    } });
  }

  function figures(answer) {
    return h("dl", { class: "qp-figures", key: "figures" }, answer.figures.map((one) => h("div", { key: one.label },
      h("dt", {}, one.label), h("dd", {}, h("strong", {}, one.value), one.change && h("span", { class: `qp-change ${sign(one.change)}` }, one.change), one.note && h("span", { class: "qp-note" }, one.note)))));
  }

  const sign = (text) => (text.startsWith("+") ? "qp-more" : text.startsWith("\u2212") ? "qp-less" : null);
  const percent = (value, most) => `${(100 * Math.max(0, value)) / most}%`;

  function bar(row, most) {
    const width = percent(row.amount, most);
    return h("svg", { class: "qp-bar", "aria-hidden": "true", focusable: "false" },
      h("rect", { key: "bar", class: `qp-fill qp-${row.status}`, x: 0, y: 3, width, height: 14 }),
      h("rect", { key: "hatch", x: 0, y: 3, width, height: 14, fill: `url(#${prefix}${row.status})` }),
      h("line", { key: "span", class: "qp-span", x1: percent(row.low, most), x2: percent(row.high, most), y1: 21, y2: 21 }),
      row.change !== 0 && h("line", { key: "before", class: "qp-before", x1: percent(row.before, most), x2: percent(row.before, most), y1: 0, y2: 20 }));
  }

  function symbol(status) {
    const shapes = {
      signed: h("circle", { cx: 7, cy: 7, r: 5 }), negotiating: h("path", { d: "M7 1 L13 7 L7 13 L1 7 Z" }),
      prospective: h("path", { d: "M7 1.5 L13 12.5 L1 12.5 Z" }), declined: h("path", { d: "M3 1 L7 5 L11 1 L13 3 L9 7 L13 11 L11 13 L7 9 L3 13 L1 11 L5 7 L1 3 Z" }),
    };
    return h("svg", { class: `qp-symbol qp-${status}`, viewBox: "0 0 14 14", "aria-hidden": "true", key: "symbol" }, shapes[status]);
  }

  function patterns() {
    const line = (d) => h("path", { d, class: "qp-hatch" });
    const shapes = { negotiating: line("M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6"), prospective: h("circle", { cx: 4, cy: 4, r: 1.2, class: "qp-dot" }), declined: line("M0 0 L8 8 M0 8 L8 0") };
    return h("svg", { class: "qp-patterns", "aria-hidden": "true", key: "patterns" }, h("defs", {}, Object.entries(shapes).map(([status, shape]) =>
      h("pattern", { id: prefix + status, key: status, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, shape))));
  }

  function table(answer, words) {
    const hand = answer.by_hand !== null;
    const columns = [words.site, words.amount, ...(hand ? [words.hand] : []), words.change, words.coverage, words.benefit, words.why];
    return h("section", { key: "table", "aria-labelledby": `${prefix}table` },
      h("h3", { id: `${prefix}table` }, words.table),
      h("p", { class: "qp-note" }, words.bars),
      h("div", { class: "qp-buttons" },
        h("label", { class: "qp-inline", key: "since" }, words.since, " ", h("select", { onchange: (event) => tell({ do: "since", name: event.target.value }), draw: (box) => options(box, screen().sinces, looked("since", "name", screen().since)) })),
        h("button", { type: "button", key: "hand", "aria-pressed": hand ? "true" : "false", onclick: () => tell({ do: hand ? "hand_end" : "hand", at: "hand" }) }, hand ? words.hand_end : words.hand_start)),
      hand && h("div", { class: "qp-message", role: "status", key: "result" }, answer.by_hand.lines.map((line, at) => h("p", { key: at }, line)),
        answer.by_hand.broken.length > 0 && h("ul", {}, answer.by_hand.broken.map((line, at) => h("li", { key: at }, line)))),
      fault("hand"),
      h("table", { class: `qp-table${hand ? " qp-hand" : ""}`, role: "table" },
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((name, at) => h("th", { scope: "col", role: "columnheader", key: at, class: at === 1 ? "qp-amount" : name === words.why ? "qp-why" : null }, name, at === 1 && axis(answer))))),
        h("tbody", { role: "rowgroup" }, answer.rows.flatMap((row) => line(row, answer, words, columns.length)))));
  }

  function axis(answer) {
    const last = answer.ticks.length - 1;
    return h("span", { class: `qp-axis-box${last > 3 ? " qp-many" : ""}`, key: "axis" }, h("svg", { class: "qp-axis", "aria-hidden": "true" }, answer.ticks.map((tick, at) => [
      h("line", { key: `l${tick.at}`, x1: percent(tick.at, answer.most), x2: percent(tick.at, answer.most), y1: 14, y2: 18 }),
      h("text", { key: `t${tick.at}`, class: at > 0 && at < last ? "qp-between" : null, x: percent(tick.at, answer.most), y: 11, "text-anchor": at === 0 ? "start" : tick.at / answer.most > 0.9 ? "end" : "middle" }, tick.label)])));
  }

  function line(row, answer, words, width) {
    const asked = answer.asked && answer.asked.id === row.id;
    const cell = (name, label, ...content) => h("td", { key: name, role: "cell", class: `qp-${name}`, "data-label": label }, content);
    const cells = () => [
      h("th", { scope: "row", role: "rowheader", key: "name" },
        h("button", { type: "button", class: "qp-name", "aria-expanded": asked ? "true" : "false", onclick: () => tell({ do: "ask", site: asked ? "" : row.id }, "ask") }, symbol(row.status), h("span", {}, row.name)),
        h("span", { class: "qp-status" }, row.status_text, row.locked && `, ${row.locked}`)),
      cell("amount", words.amount, h("span", { class: "qp-eur" }, row.amount_text), bar(row, answer.most)),
      answer.by_hand !== null && cell("byhand", words.hand, h("input", { type: "text", inputmode: "decimal", class: "qp-number", value: row.by_hand, "aria-label": words.hand_of.replace("{site}", row.name), autocomplete: "off",
        ...typing((box) => tell({ do: "hand", site: row.id, value: box.value, at: "hand" })) })),
      cell("delta", words.change, h("span", { class: row.change_text ? `qp-change ${sign(row.change_text)}` : null }, row.change_text)),
      cell("share", words.coverage, row.coverage), cell("reach", words.benefit, row.benefit), cell("why", words.why, row.why)];
    const props = { key: row.id, role: "row", class: asked ? "qp-asked" : null };
    const rows = [answer.by_hand === null ? part("tr", props, [row, answer.most, asked, screen().language], cells) : h("tr", props, cells())];
    if (asked) rows.push(h("tr", { key: `${row.id} why`, role: "row", class: "qp-detail" }, h("td", { colspan: width, role: "cell" }, detail(answer.asked, words))));
    return rows;
  }

  function detail(asked, words) {
    const id = idOf("lock");
    return h("div", { class: "qp-reasons", role: "group", "aria-label": asked.name },
      h("div", { role: "status", key: "lines" }, asked.lines.map((text, at) => h("p", { key: at }, text))),
      h("div", { class: "qp-controls", key: `own ${asked.id}` }, asked.controls.map((one) => control({ ...one, place: "-own" }, words)),
        h("div", { class: "qp-control qp-choice", key: "lock" }, h("label", { for: id }, words.lock),
          h("input", { type: "text", inputmode: "decimal", class: "qp-number", id, value: asked.amount, disabled: asked.locked, autocomplete: "off", onkeydown: stay, oninput: (event) => { event.target._held = true; } }),
          asked.locked
            ? h("button", { type: "button", key: "lock", onclick: () => tell({ do: "unlock", site: asked.id, at: "lock" }) }, words.unlock)
            : h("button", { type: "button", key: "lock", onclick: () => { const box = root.querySelector(`#${CSS.escape(id)}`); box._held = false; tell({ do: "lock", site: asked.id, value: box.value, at: "lock" }); } }, words.lock_do),
          fault("lock"))));
  }

  function binds(answer, words) {
    return h("section", { key: "binds", "aria-labelledby": `${prefix}binds` }, h("h3", { id: `${prefix}binds` }, words.binds),
      h("ul", { class: "qp-list" }, answer.binds.map((text, at) => h("li", { key: at }, text))));
  }

  function map(answer, words) {
    if (!answer.map) return null;
    return h("section", { key: "map", "aria-labelledby": `${prefix}map` }, h("h3", { id: `${prefix}map` }, words.map),
      h("div", { class: "qp-map-host", draw: (host) => {
        const data = JSON.stringify(answer.map);
        if (host._data === data) return;
        host._data = data;
        quartierMap(host, answer.map, { onSelect: (site) => tell({ do: "ask", site }, "ask") });
      } }));
  }

  function kept(now, words) {
    const field = (name) => (event) => { notes[name] = event.target.value; };
    const names = [{ value: "", label: words.now }, ...now.sinces];
    const compared = () => looked("compare", "names", screen().compared);
    const toggle = (value, on) => tell({ do: "compare", names: on ? [...compared(), value] : compared().filter((one) => one !== value), at: "compare" });
    return h("section", { key: "kept", "aria-labelledby": `${prefix}kept` }, h("h3", { id: `${prefix}kept` }, words.kept),
      h("div", { class: "qp-buttons", key: "keep" },
        h("label", { class: "qp-inline" }, words.keep_as, " ", h("input", { type: "text", class: "qp-text", maxlength: 60, autocomplete: "off", onkeydown: stay, oninput: field("name") })),
        h("label", { class: "qp-check" }, h("input", { type: "checkbox", checked: Boolean(notes.replace), onchange: (event) => { notes.replace = event.target.checked; } }), words.replace),
        h("button", { type: "button", onclick: () => { tell({ do: "keep", name: notes.name || "", replace: Boolean(notes.replace), at: "keep" }); notes.replace = false; } }, words.keep)),
      fault("keep"),
      now.kept.length === 0 && h("p", { class: "qp-note", key: "none" }, words.nothing_kept),
      h("ul", { class: "qp-list", key: "list" }, now.kept.map((one) => h("li", { key: one.name }, h("span", {}, h("strong", {}, one.name), ": ", one.line, one.note && h("span", { class: "qp-note" }, " ", one.note)),
        h("button", { type: "button", "aria-label": `${words.load}: ${one.name}`, onclick: () => tell({ do: "load", name: one.name }) }, words.load),
        forget(one.name, words)))),
      now.unreadable.map((text, at) => h("p", { class: "qp-note", key: `bad ${at}` }, text)),
      h("fieldset", { key: "compare" }, h("legend", {}, words.compare), names.map((one) => h("label", { class: "qp-check", key: one.value },
        h("input", { type: "checkbox", checked: compared().includes(one.value), disabled: !compared().includes(one.value) && compared().length >= now.most_compared, onchange: (event) => toggle(one.value, event.target.checked) }), one.label))),
      now.comparison && h("div", { key: "comparison", class: "qp-comparison" },
        h("div", { role: "status" }, now.comparison.lines.map((text, at) => h("p", { key: at }, text))),
        now.comparison.rows.length > 0 && h("div", { class: "qp-scroll", tabindex: 0, role: "region", "aria-label": words.compare }, h("table", { class: "qp-compared" },
          h("thead", {}, h("tr", {}, [words.site, ...now.comparison.heads].map((text, at) => h("th", { scope: "col", key: at, class: text.length > 60 || /\S{25}/.test(text) ? "qp-long" : null }, text)))),
          h("tbody", {}, now.comparison.rows.map((row) => h("tr", { key: row.id }, h("th", { scope: "row" }, row.name), row.cells.map((text, at) => h("td", { key: at, class: sign(text) }, text)))))))));
  }

  // Nothing brings a plan back that was deleted: it is asked once more, in the same place. A second click of a double one is no answer.
  function forget(name, words) {
    const ask = (about) => { sure = about; draw(); };
    if (sure !== name) return h("button", { type: "button", key: "forget", "aria-label": `${words.forget}: ${name}`, onclick: () => ask(name) }, words.forget);
    return [
      h("button", { type: "button", key: "forget", class: "qp-sure", "aria-label": `${words.forget_sure} ${name}`,
        onkeydown: (event) => { if (event.key === "Escape") ask(""); else if (event.repeat) event.preventDefault(); },
        onclick: (event) => { if (event.detail < 2) tell({ do: "forget", name }); } }, words.forget_sure),
      h("button", { type: "button", key: "not", "aria-label": `${words.forget_not}: ${name}`, onclick: (event) => { event.target.previousSibling.focus(); ask(""); } }, words.forget_not)];
  }

  function take(now, words) {
    return h("section", { key: "take", "aria-labelledby": `${prefix}take` }, h("h3", { id: `${prefix}take` }, words.take),
      h("div", { class: "qp-buttons", key: "yaml" },
        h("label", { class: "qp-inline" }, words.yaml_name, " ", h("input", { type: "text", class: "qp-text", maxlength: 60, autocomplete: "off", value: notes.yaml === undefined ? now.name : notes.yaml, onkeydown: stay, oninput: (event) => { event.target._held = true; notes.yaml = event.target.value; } })),
        h("button", { type: "button", onclick: () => tell({ do: "yaml", name: notes.yaml === undefined ? now.name : notes.yaml, at: "yaml" }) }, words.yaml)),
      fault("yaml"),
      h("div", { class: "qp-buttons", key: "open" },
        h("label", { class: "qp-file" }, words.open, h("input", { type: "file", accept: ".yaml,.yml", onchange: load })),
        h("button", { type: "button", onclick: () => tell({ do: "export" }) }, words.export)),
      fault("open"),
      h("details", { key: "code", ontoggle: (event) => { if (event.target.open !== Boolean(screen().code)) tell({ do: "code", on: event.target.open }, "code"); } },
        h("summary", {}, words.code),
        now.code && h("div", { key: "text" }, h("pre", { tabindex: 0, "aria-label": words.code }, h("code", {}, now.code)),
          h("button", { type: "button", onclick: () => copy(now.code) }, words.copy), copied && h("span", { role: "status" }, " ", words.copied))));
  }

  async function load(event) {
    const file = event.target.files[0];
    event.target.value = "";
    if (file) tell({ do: "open", name: file.name, text: (await file.slice(0, 200000).text()), at: "open" });
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) {
      const box = document.createElement("textarea");
      box.value = text;
      root.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    copied = true;
    draw();
  }

  function draw() {
    const now = screen();
    if (!now.words) return;
    const words = now.words;
    root.setAttribute("aria-label", words.panel);
    root.lang = now.language;
    const left = leaving();
    sync(root, [
      top(now, words), patterns(),
      h("div", { class: "qp-bar-top", key: "bar" },
        h("p", { class: "qp-said", role: "status", "aria-live": "polite", tabindex: -1, key: "said" },
          h("span", { class: "qp-unseen" }, news(now, words)), " ", underWay && underWay.key ? lastSaid : (lastSaid = now.said)),
        state(now, words)),
      h("div", { class: "qp-columns", key: "columns" },
        h("section", { class: "qp-choices", key: "choices", "aria-label": words.choices }, now.groups.map((one) => group(one, words))),
        h("section", { class: `qp-answer${now.impossible ? " qp-old" : ""}`, key: "answer", "aria-label": words.answer },
          now.answer && [figures(now.answer), table(now.answer, words), binds(now.answer, words), map(now.answer, words)],
          kept(now, words), take(now, words),
          now.answer && h("p", { class: "qp-note", key: "assumed" }, now.answer.assumed), now.answer && h("p", { class: "qp-note", key: "source" }, now.answer.source))),
    ]);
    left();
    root.dataset.seq = now.seq;
  }
  let lastSaid = "";

  // What those who do not see the page hear beside what has come of it.
  function news(now, words) {
    if (underWay) return underWay.action.do === "export" ? words.exporting : "";
    if (sure !== null) return sure && `${words.forget_sure} ${sure}`;
    return now.message && !now.message.error ? now.message.lines.join(" ") : "";
  }

  // Remembers what has the focus; the answer is to be called when the page is drawn: it gives the focus to what comes next where
  // that is gone, within the same part of the page, else to what is said.
  function leaving() {
    const held = root.contains(document.activeElement) ? document.activeElement : null;
    if (!held) return () => {};
    const around = held.closest(".qp-bar-top, section");
    const inside = around && !around.matches(".qp-bar-top") ? [...around.querySelectorAll("button, input, select, summary, [tabindex='0']")] : [];
    const later = inside.filter((one) => held.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    const usable = (one) => one && one.isConnected && !one.disabled;
    return () => {
      if (usable(held)) return;
      const after = [...later, root.querySelector(".qp-state > [tabindex]"), root.querySelector(".qp-said")].find(usable);
      after.focus({ preventScroll: after.closest(".qp-bar-top") !== null });
    };
  }

  model.on("change:screen", onScreen);
  model.on("msg:custom", onMessage);
  draw();
  // The bar covers what lies below it: what gets the focus is scrolled clear of it, however high it is. It sticks below the padding of
  // the box that scrolls, where what passes would be seen above it.
  const sticking = root.querySelector(".qp-bar-top");
  const measure = new ResizeObserver(() => {
    let box = root.parentElement;
    while (box && !/auto|scroll/.test(getComputedStyle(box).overflowY)) box = box.parentElement;
    root.style.setProperty("--qp-bar", `${Math.ceil(sticking.getBoundingClientRect().height)}px`);
    root.style.setProperty("--qp-above", box ? getComputedStyle(box).paddingTop : "0px");
  });
  measure.observe(sticking);
  try {
    model.send({ do: "arrived" });
  } catch (error) {
    // A saved notebook without its kernel: the panel says so as soon as somebody wants something of it.
  }
  const area = el.closest(".jp-OutputArea");
  if (area) area.classList.add("quartier-live");
  return () => {
    clearInterval(clock);
    measure.disconnect();
    dark.removeEventListener("change", paint);
    model.off("change:screen", onScreen);
    model.off("msg:custom", onMessage);
    if (area) area.classList.remove("quartier-live");
  };
}

export default { render };
