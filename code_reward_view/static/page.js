/* The page of code_reward_view. Everything that comes from a file is put on the screen as text (`textContent`), never as HTML. */
"use strict";

const $ = id => document.getElementById(id);
const ROW = 32, PAGE = 100;
const COLUMNS = [["step", "step", 1], ["problem", "problem"], ["group", "group"], ["verdict", "verdict"], ["score", "score", 1], ["reward", "reward", 1], ["passed", "truth"], ["length", "length", 1]];
const saved = $("told") && JSON.parse($("told").textContent);
const state = { source: 0, tab: "", filters: {}, sort: "", descending: false, pages: new Map(), total: 0, at: 0, row: null, list: null, pin: null, side: "liked", seen: -1, figures: null, errors: null, asked: 0 };

/* Parts of the page */

function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) made.style.setProperty(key, one);
    else if (name.startsWith("aria-") && value !== null) made.setAttribute(name, value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

function svg(tag, given = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given)) name.startsWith("on") ? made.addEventListener(name.slice(2), value) : made.setAttribute(name, value);
  made.append(...children.flat().filter(Boolean));
  return made;
}

const fill = (place, ...children) => { place.replaceChildren(...children.flat().filter(Boolean)); return place; };
const count = number => number === null || number === undefined ? "–" : number.toLocaleString("en");
const figure = (number, digits = 2) => number === null || number === undefined ? "–" : Math.abs(number) >= 1e4 ? number.toExponential(1) : number.toFixed(digits).replace("-", "−");
const percent = number => number === null || number === undefined ? "–" : `${(100 * number).toFixed(number && Math.abs(number) < 0.1 ? 1 : 0)} %`;
const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);
const truth = passed => passed === null ? "" : badge(passed ? "right" : "wrong", passed ? "right" : "wrong");

/* Characters that would be invisible, or would turn the text around them, are shown as what they are. */
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
function plain(text, kind) {
  const parts = [];
  let end = 0;
  const put = piece => { if (piece) parts.push(kind ? el("span", { class: kind }, piece) : piece); };
  for (const found of text.matchAll(ODD)) {
    if (found[0] === "\r" && text[found.index + 1] === "\n") continue;
    put(text.slice(end, found.index));
    parts.push(el("span", { class: "odd", title: "a control character" }, `U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`));
    end = found.index + 1;
  }
  put(text.slice(end));
  return parts;
}

const KEYWORDS = new Set("and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield None True False".split(" "));
const TOKEN = /(#[^\n]*)|([rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|(\b\d[\w.]*)|([A-Za-z_]\w*)/g;
const HIGHLIGHTED = 40000;

function highlight(text) {
  if (text.length > HIGHLIGHTED) return plain(text);
  const parts = [];
  let end = 0, before = "";
  for (const found of text.matchAll(TOKEN)) {
    const [whole, comment, string, number, name] = found;
    parts.push(...plain(text.slice(end, found.index)));
    const kind = comment ? "c" : string ? "t" : number ? "d" : KEYWORDS.has(name) ? "k" : before === "def" || before === "class" ? "f" : "";
    parts.push(...plain(whole, kind));
    end = found.index + whole.length;
    before = name || "";
  }
  parts.push(...plain(text.slice(end)));
  return parts;
}

/* A program, a line at a time, with its scores beside it and the lines marked that the other program has not. */
function code(text, scores = [], other = null) {
  const lines = [[]];
  for (const part of highlight(text)) {
    const [kind, content] = typeof part === "string" ? ["", part] : [part.className, part.textContent];
    content.split("\n").forEach((piece, place) => {
      if (place) lines.push([]);
      if (piece) lines.at(-1).push(kind ? el("span", { class: kind }, piece) : piece);
    });
  }
  const theirs = other === null ? null : new Set(other.split("\n").map(line => line.trim()));
  return el("pre", { class: "code" }, lines.map((parts, place) => el("div", { class: theirs && !theirs.has((text.split("\n")[place] || "").trim()) ? "l other" : "l", "data-n": place + 1 },
    scores.length ? el("span", { class: "s", title: "value of this line", style: { "--v": scale(scores[place]) } }, scores[place] === null || scores[place] === undefined ? "" : figure(scores[place])) : null,
    el("span", {}, parts.length ? parts : "\u200a"))));
}

const scale = value => value === null || value === undefined ? 0 : value < 0 || value > 1 ? 1 / (1 + Math.exp(-value)) : value;

/* What the server, or the data in this file, says */

async function ask(path) {
  if (saved) return kept(path);
  const answer = await fetch(`/api/${path}`);
  const told = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  if (!answer.ok) throw new Error(told.error || told.detail || `The server answered ${answer.status}.`);
  return told;
}

function kept(path) {
  if (path === "sources") return saved.sources;
  const [, what, row] = path.split("?")[0].split("/");
  if (what === "rows" && row !== undefined) {
    if (!saved.details[row]) throw new Error("This answer is not in the saved page.");
    return saved.details[row];
  }
  return saved[what];
}

/* Charts */

const W = 390, H = 190, LEFT = 42, RIGHT = 8, TOP = 8, BOTTOM = 22;

function ticks(low, high, most = 4) {
  const step = (high - low) / most || 1, base = 10 ** Math.floor(Math.log10(step));
  const width = [1, 2, 5, 10].map(one => one * base).find(one => one >= step);
  const found = [];
  for (let at = Math.ceil(low / width) * width; at <= high + width * 1e-6; at += width) found.push(Math.abs(at) < width * 1e-6 ? 0 : at);
  return found;
}

function frame(x, y, labels = {}, width = W, height = H) {
  const X = value => LEFT + (value - x[0]) / (x[1] - x[0] || 1) * (width - LEFT - RIGHT);
  const Y = value => height - BOTTOM - (value - y[0]) / (y[1] - y[0] || 1) * (height - TOP - BOTTOM);
  const show = labels.percent ? value => `${Math.round(100 * value)} %` : value => Math.abs(value) >= 1000 ? `${+(value / 1000).toFixed(1)}k` : String(+value.toPrecision(3)).replace("-", "−");
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": labels.title || "" },
    ticks(...y).map(at => [svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: Y(at), y2: Y(at) }), svg("text", { x: LEFT - 6, y: Y(at) + 4, "text-anchor": "end" }, show(at))]).flat(),
    ticks(...x, 5).filter(at => !labels.whole || Number.isInteger(at)).map(at => svg("text", { x: X(at), y: height - 6, "text-anchor": "middle" }, labels.px ? `${Math.round(100 * at)} %` : Math.abs(at) >= 1000 ? `${+(at / 1000).toFixed(1)}k` : String(+at.toPrecision(3)).replace("-", "−"))));
  return { drawn, X, Y };
}

function span(values, floor = null, ceiling = null) {
  const known = values.filter(value => value !== null && value !== undefined);
  let low = floor ?? Math.min(...known), high = ceiling ?? Math.max(...known);
  if (low === high) { low -= 0.5; high += 0.5; }
  const room = (high - low) * 0.06;
  return [floor ?? low - room, ceiling ?? high + room];
}

function chart(title, note, drawn, colours = [], wide = false) {
  return el("figure", { class: wide ? "chart wide" : "chart" }, el("figcaption", {}, el("h2", {}, title), note ? el("small", {}, note) : null,
    colours.length > 1 ? el("span", { class: "legend" }, colours.map(([name, colour]) => el("span", { style: { "--c": colour } }, name))) : null), drawn);
}

/* Curves over steps: [name, field, colour] each; a click shows the answers of that step. */
function curves(points, lines, given = {}) {
  const x = [points[0].step, points.at(-1).last > points.at(-1).step && points.length < 2 ? points.at(-1).last : points.at(-1).step];
  if (x[0] === x[1]) x[1] += 1;
  const all = lines.flatMap(([, field]) => points.map(point => point[field]));
  if (all.every(value => value === null || value === undefined)) return null;
  const { drawn, X, Y } = frame(x, span(all, given.floor, given.ceiling), { percent: given.percent, whole: true, title: given.title });
  if (lines.length === 2 && given.gap) {
    const both = points.filter(point => lines.every(([, field]) => point[field] !== null));
    const edge = (field, list) => list.map(point => `${X(point.step)},${Y(point[field])}`);
    drawn.append(svg("polygon", { points: [...edge(lines[0][1], both), ...edge(lines[1][1], [...both].reverse())].join(" "), fill: "var(--wrong)", opacity: 0.08 }));
  }
  for (const [, field, colour] of lines) {
    const known = points.filter(point => point[field] !== null && point[field] !== undefined);
    drawn.append(svg("polyline", { class: "curve", stroke: colour, points: known.map(point => `${X(point.step)},${Y(point[field])}`).join(" ") }));
    if (known.length < 25) drawn.append(...known.map(point => svg("circle", { cx: X(point.step), cy: Y(point[field]), r: 2.4, fill: colour })));
  }
  const cross = svg("line", { class: "cross", y1: TOP, y2: H - BOTTOM, visibility: "hidden" }), tip = svg("text", { class: "tip", y: TOP + 4 });
  const nearest = event => {
    const box = drawn.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * W;
    return points.reduce((best, point) => Math.abs(X(point.step) - at) < Math.abs(X(best.step) - at) ? point : best);
  };
  drawn.append(cross, tip);
  drawn.addEventListener("pointermove", event => {
    const point = nearest(event), at = X(point.step);
    cross.setAttribute("x1", at); cross.setAttribute("x2", at); cross.setAttribute("visibility", "visible");
    tip.setAttribute("x", at > W / 2 ? at - 6 : at + 6); tip.setAttribute("text-anchor", at > W / 2 ? "end" : "start");
    tip.textContent = `step ${point.step}${point.last > point.step ? `–${point.last}` : ""}: ${lines.map(([, field]) => given.percent ? percent(point[field]) : figure(point[field])).join(" · ")} (${count(point.count)})`;
  });
  drawn.addEventListener("pointerleave", () => { cross.setAttribute("visibility", "hidden"); tip.textContent = ""; });
  drawn.addEventListener("click", event => { const point = nearest(event); show("answers", { step_from: point.step, step_to: point.last }); });
  drawn.style.cursor = "pointer";
  return drawn;
}

const COLOUR = { right: "var(--right)", wrong: "var(--wrong)", unknown: "var(--accent)" };

function bars(histogram) {
  const parts = ["right", "wrong", "unknown"].filter(name => histogram[name]);
  const share = name => { const sum = histogram[name].reduce((a, b) => a + b, 0); return histogram[name].map(height => height / sum); };
  const heights = Object.fromEntries(parts.map(name => [name, share(name)]));
  const { edges } = histogram;
  const { drawn, X, Y } = frame([edges[0], edges.at(-1)], [0, Math.max(...parts.flatMap(name => heights[name])) * 1.06], { percent: true, title: "distribution" });
  for (const name of parts) heights[name].forEach((height, place) => {
    const bar = svg("rect", { x: X(edges[place]) + 0.5, width: Math.max(X(edges[place + 1]) - X(edges[place]) - 1, 1), y: Y(height), height: H - BOTTOM - Y(height), fill: COLOUR[name], opacity: 0.55 });
    bar.append(svg("title", {}, `${figure(edges[place])} to ${figure(edges[place + 1])}: ${count(histogram[name][place])} ${name}`));
    drawn.append(bar);
  });
  return [drawn, parts.map(name => [name, COLOUR[name]])];
}

function cloud(one, x, y, alone) {
  const { drawn, X, Y } = frame(x, y, { title: `length and value, ${one.name}` }, alone && innerWidth > 900 ? 1240 : 390, alone ? 260 : 240);
  for (const [row, length, value, passed] of one.points) {
    const dot = svg("circle", { class: "dot", cx: X(length), cy: Y(value), r: 3, fill: passed < 0 ? COLOUR.unknown : passed ? COLOUR.right : COLOUR.wrong, opacity: 0.55 });
    if (row !== null) dot.addEventListener("click", () => open(row));
    drawn.append(dot);
  }
  return el("div", {}, el("h3", {}, `${one.name}${one.steps ? `, ${one.steps[0] === one.steps[1] ? "step" : "steps"} ${[...new Set(one.steps)].join("–")}` : ""} · correlation ${figure(one.correlation)}`), drawn);
}

function diagonal(found) {
  const { drawn, X, Y } = frame([0, 1], [0, 1], { percent: true, px: true, title: "reliability" });
  drawn.append(svg("line", { class: "cross", x1: X(0), y1: Y(0), x2: X(1), y2: Y(1) }));
  const most = Math.max(...found.bins.map(bin => bin[2]));
  drawn.append(svg("polyline", { class: "curve", stroke: "var(--accent)", points: found.bins.map(([said, was]) => `${X(said)},${Y(was)}`).join(" ") }));
  for (const [said, was, size] of found.bins) {
    const dot = svg("circle", { cx: X(said), cy: Y(was), r: 3 + 7 * Math.sqrt(size / most), fill: "var(--accent)", opacity: 0.5 });
    dot.append(svg("title", {}, `said ${percent(said)}, was ${percent(was)}, ${count(size)} answers`));
    drawn.append(dot);
  }
  return drawn;
}

/* Overview */

function overview() {
  const told = state.figures, place = $("overview");
  if (!told) return fill(place, el("p", { class: "empty" }, "Reading …"));
  const { counts, curves: points } = told, what = counts.value;
  const tile = (name, value, filters) => el("button", { class: "tile", onclick: () => show("answers", filters) }, el("b", { class: "num" }, value), el("span", {}, name));
  const known = counts.right + counts.wrong;
  const charts = [];
  const add = (title, note, drawn, colours) => { if (drawn) charts.push(chart(title, note, drawn, colours)); };
  if (points.length > 1) {
    const has = field => points.some(point => point[field] !== null);
    const unit = points.every(point => point[what] === null || (point[what] >= 0 && point[what] <= 1));
    if (has(what) && has("pass") && unit) {
      const lines = [[`mean ${what}`, what, "var(--accent)"], ["pass@1", "pass", "var(--right)"]];
      add("Reward and truth", "", curves(points, lines, { percent: true, floor: 0, ceiling: 1, gap: true, title: "reward and truth" }), lines.map(([name, , colour]) => [name, colour]));
    } else {
      for (const field of ["reward", "score"]) if (has(field)) add(field === "reward" ? "Mean reward" : "Mean score", field === "reward" ? "what the policy is paid" : "what the reward model says", curves(points, [[field, field, "var(--accent)"]], { title: field }));
      if (has("pass")) add("pass@1", "the truth, where it is known", curves(points, [["pass@1", "pass", "var(--right)"]], { percent: true, floor: 0, ceiling: 1, title: "pass@1" }));
    }
    if (has("fooled")) add("Wrong among the best valued", "in the upper half of each step", curves(points, [["wrong", "fooled", "var(--wrong)"]], { percent: true, floor: 0, ceiling: 1, title: "wrong among the best valued" }));
    const lost = [["rejected", "rejected", "var(--warn)"], ["missing", "missing", "var(--miss)"]];
    add("Rejected and missing", "", curves(points, lost, { percent: true, floor: 0, title: "rejected and missing" }), lost.map(([name, , colour]) => [name, colour]));
    add("Mean length", "", curves(points, [["length", "length", "var(--soft)"]], { floor: 0, title: "length" }));
    if (has("correlation")) add("Correlation of value and length", "", curves(points, [["correlation", "correlation", "var(--warn)"]], { floor: -1, ceiling: 1, title: "correlation of value and length" }));
  }
  if (told.histogram) { const [drawn, colours] = bars(told.histogram); add(`Distribution of the ${what}`, "", drawn, colours); }
  if (told.reliability) add("Calibration", `AUC ${figure(told.reliability.auc, 3)}, ECE ${figure(told.reliability.ece, 3)}`, diagonal(told.reliability));
  if (told.groups.length) add("Groups", "", el("div", { class: "scroll" }, el("table", { class: "plain" }, el("tr", {}, ["", "answers", "right", what, "AUC"].map(name => el("th", {}, name))),
    told.groups.map(one => el("tr", {}, el("td", {}, one.name), el("td", {}, count(one.count)), el("td", {}, percent(one.pass)), el("td", {}, figure(one.value)), el("td", {}, figure(one.auc)))))));
  if (told.clouds.length) {
    const all = told.clouds.flatMap(one => one.points);
    const x = span(all.map(point => point[1]), 0), y = span(all.map(point => point[2]));
    const drawn = el("div", { class: "clouds" }, told.clouds.map(one => cloud(one, x, y, told.clouds.length === 1)));
    charts.push(chart(`${what === "score" ? "Score" : "Reward"} against length`, "each dot is an answer; a click opens it", drawn, known ? [["right", COLOUR.right], ["wrong", COLOUR.wrong]] : [], true));
  }
  return fill(place,
    told.findings.length ? el("div", { class: "findings" }, told.findings.map(one => el("p", { class: `finding ${one.tone}` }, one.text))) : null,
    el("div", { class: "tiles" },
      tile("answers", count(counts.rows), {}), tile("problems", count(counts.problems), {}),
      known ? tile("right", percent(counts.pass), { passed: "right" }) : null,
      counts.score !== null ? tile("mean score", figure(counts.score), { verdict: "scored" }) : null,
      counts.reward !== null ? tile("mean reward", figure(counts.reward), {}) : null,
      tile("rejected", count(counts.verdicts.rejected), { verdict: "rejected" }), tile("missing", count(counts.verdicts.missing), { verdict: "missing" }),
      counts.steps ? tile("steps", `${counts.steps[0]}–${counts.steps[1]}`, {}) : null),
    el("div", { class: "charts" }, charts));
}

/* Answers */

function filters() {
  const form = $("filters"), told = state.figures && state.figures.counts;
  if (saved) return fill(form, el("span", {}, "A saved page: the answers with the highest values. The errors are whole."));
  const change = (name, value) => { state.filters[name] = value; renew(); };
  const choose = (name, label, values) => el("label", {}, label, el("select", { name, class: state.filters[name] ? "set" : "", onchange: event => change(name, event.target.value) },
    [["", "any"], ...values].map(([value, text]) => el("option", { value, selected: state.filters[name] === value }, text))));
  let wait = 0;
  const type = (name, kind, hint) => el("input", { name, type: kind, placeholder: hint, step: "any", "aria-label": hint, class: (state.filters[name] ?? "") !== "" ? "set" : "", value: state.filters[name] ?? "",
    oninput: event => { clearTimeout(wait); wait = setTimeout(() => { state.filters[name] = event.target.value; event.target.classList.toggle("set", event.target.value !== ""); load(); }, 200); } });
  const range = (name, label) => el("label", {}, label, type(`${name}_from`, "number", "from"), type(`${name}_to`, "number", "to"));
  const pairs = names => (names || []).map(name => [name, name.length > 30 ? `${name.slice(0, 29)}…` : name]);
  fill(form, el("label", {}, type("problem", "search", "problem")), choose("verdict", "verdict", pairs(["scored", "rejected", "missing"])), told && told.reasons.length ? choose("reason", "reason", pairs(told.reasons)) : null,
    choose("passed", "truth", pairs(["right", "wrong", "unknown"])), told && told.groups.length > 1 ? choose("group", "group", pairs(told.groups)) : null,
    told && told.steps ? range("step", "step") : null, range("value", told ? told.value : "value"), range("length", "length"), el("span", { class: "found num", id: "found" }));
  told_found();
  return form;
}

function told_found() { if ($("found")) $("found").textContent = `${count(state.total)} answers`; }

function heads() {
  $("table").dataset.value = state.figures ? state.figures.counts.value : "score";
  fill($("heads"), COLUMNS.map(([name, label, numeric]) => el("button", { class: numeric ? "n" : "", "aria-sort": state.sort === name ? (state.descending ? "descending" : "ascending") : null,
    onclick: () => { if (saved) return; [state.sort, state.descending] = state.sort !== name ? [name, Boolean(numeric)] : state.descending === Boolean(numeric) ? [name, !state.descending] : ["", false]; heads(); load(); } },
  label + (state.sort === name ? (state.descending ? " ↓" : " ↑") : ""))));
}

function query(start) {
  const given = new URLSearchParams({ start, count: PAGE });
  for (const [name, value] of Object.entries(state.filters)) if (value !== "" && value !== undefined && value !== null) given.set(name, value);
  if (state.sort) { given.set("sort", state.sort); given.set("descending", state.descending); }
  return `${state.source}/rows?${given}`;
}

async function page(number, asked = state.asked) {
  const known = state.pages.get(number);
  if (known) return known;
  const wanted = ask(query(number * PAGE)).then(told => {
    if (asked !== state.asked) return null;
    if (told.total !== state.total) { state.total = told.total; size(); }
    state.pages.set(number, told.rows);
    return told.rows;
  });
  state.pages.set(number, wanted);
  wanted.catch(() => state.pages.delete(number));
  return wanted;
}

function size() { $("space").style.height = `${state.total * ROW}px`; $("nothing").hidden = state.total > 0; told_found(); }

async function load(keep = false) {
  state.pages.clear();
  state.asked += 1;
  const asked = state.asked;
  if (!keep) { $("table").scrollTop = 0; state.at = 0; }
  try {
    await page(0);
    if (asked === state.asked) { size(); await draw(); }
  } catch (error) { say(error.message); }
}

let drawing = 0;
async function draw() {
  const table = $("table"), turn = ++drawing;
  const first = Math.max(Math.floor(table.scrollTop / ROW) - 10, 0), last = Math.min(first + Math.ceil(table.clientHeight / ROW) + 22, state.total);
  const numbers = [];
  for (let number = Math.floor(first / PAGE); number * PAGE < last; number += 1) numbers.push(number);
  const pages = await Promise.all(numbers.map(number => page(number))).catch(error => { say(error.message); return null; });
  if (!pages || turn !== drawing) return;
  const rows = pages.filter(Boolean).flat().slice(first - numbers[0] * PAGE, last - numbers[0] * PAGE);
  $("window").style.transform = `translateY(${first * ROW}px)`;
  fill($("window"), rows.map((row, place) => line(row, first + place)));
}

function line([row, step, problem, group, verdict, reason, score, reward, passed, length], at) {
  const cell = (text, kind = "") => el("span", { class: kind, title: typeof text === "string" ? text : undefined }, text ?? "");
  return el("div", { class: "row", role: "row", "aria-selected": at === state.at && state.tab === "answers", "data-row": row, onclick: () => { state.at = at; state.list = null; mark(); open(row); } },
    cell(step === null ? "" : String(step), "n dim"), cell(plain(problem)), cell(plain(group), "dim"),
    cell(reason ? badge(reason, verdict === "scored" ? "" : verdict) : verdict ? badge(verdict, verdict) : ""), cell(score === null ? "" : figure(score), "n"), cell(reward === null ? "" : figure(reward), "n"), cell(truth(passed)), cell(count(length), "n dim"));
}

function mark() {
  const first = Math.round(parseFloat(($("window").style.transform.match(/[\d.]+/) || [0])[0]) / ROW);
  [...$("window").children].forEach((row, place) => row.setAttribute("aria-selected", first + place === state.at));
}

async function move(by) {
  if (state.list) {
    const place = state.list.indexOf(state.row) + by;
    if (place >= 0 && place < state.list.length) open(state.list[place]);
    return;
  }
  state.at = Math.min(Math.max(state.at + by, 0), state.total - 1);
  const table = $("table"), top = state.at * ROW, head = $("heads").offsetHeight;
  if (top < table.scrollTop) table.scrollTop = top;
  if (top + ROW + head > table.scrollTop + table.clientHeight) table.scrollTop = top + ROW + head - table.clientHeight;
  mark();
  if (!$("detail").hidden) { const rows = await page(Math.floor(state.at / PAGE)); if (rows) open(rows[state.at % PAGE][0]); }
}

/* One answer, or two */

let opening = 0;
async function open(row) {
  const turn = ++opening;
  try {
    const told = await ask(`${state.source}/rows/${row}`);
    if (turn !== opening) return;
    state.row = row;
    state.shown = told;
    detail();
    if ($("detail").contains(document.activeElement) === false && state.tab !== "answers") $("detail").focus({ preventScroll: true });
  } catch (error) { say(error.message); }
}

function detail() {
  const place = $("detail"), shown = state.shown, two = state.pin && state.pin.row !== shown.row;
  place.hidden = false;
  document.body.classList.add("open");
  place.classList.toggle("two", Boolean(two));
  const place_in_list = state.list ? `${state.list.indexOf(state.row) + 1} of ${state.list.length}` : "";
  fill(place,
    el("div", { class: "bar" }, el("h2", {}, plain(shown.problem || `answer ${shown.row}`)), place_in_list ? el("span", { class: "num" }, place_in_list) : null,
      el("button", { onclick: () => move(-1), title: "Previous (k)", "aria-label": "Previous" }, "↑"), el("button", { onclick: () => move(1), title: "Next (j)", "aria-label": "Next" }, "↓"),
      el("button", { onclick: pin, title: "Pin, to compare with the next one (p)" }, state.pin && state.pin.row === shown.row ? "Unpin" : state.pin ? "Pin this one" : "Pin"),
      el("button", { onclick: close, title: "Close (Esc)", "aria-label": "Close" }, "✕")),
    el("div", { class: "sides" }, two ? [side(state.pin, shown), side(shown, state.pin)] : side(shown, null)));
}

function pin() { state.pin = state.pin && state.pin.row === state.shown.row ? null : state.shown; detail(); }
function close() { $("detail").hidden = true; document.body.classList.remove("open"); state.list = null; if (state.tab === "answers") $("table").focus({ preventScroll: true }); }

function part(title, ...content) { return el("div", { class: "part" }, el("h3", {}, title), content); }

function side(told, other) {
  const badges = [truth(told.passed), told.verdict ? badge(told.verdict, told.verdict) : null, told.reason ? badge(told.reason) : null, told.score !== null ? badge(`score ${figure(told.score, 3)}`) : null,
    told.reward !== null ? badge(`reward ${figure(told.reward, 3)}`) : null, told.step !== null ? badge(`step ${told.step}`) : null, badge(`length ${count(told.length)}`), told.group ? badge(told.group) : null];
  const written = told.response ? part("What the policy wrote", el("pre", {}, plain(told.response))) : null;
  const program = part(told.program ? "The program" : "No program", told.program ? code(told.program, told.line_scores, other ? other.program : null) : el("pre", {}, told.no_program || "There is none."));
  return el("div", { class: "side" }, el("div", { class: "badges" }, badges),
    told.statement ? part("The problem", el("pre", { class: "statement" }, plain(told.statement))) : null,
    written ? el("div", { class: "both" }, written, program) : program,
    told.tests.length ? part(`Tests${told.reason || told.passed !== null ? `: ${told.passed ? "passed" : told.reason || "failed"}` : ""}`, told.tests.map(one => el("div", { class: "test" }, one.outcome ? badge(one.outcome, one.outcome === "passed" ? "passed" : "wrong") : one.kind ? badge(one.kind) : null, el("pre", {}, highlight(one.text + (one.said ? `\n# ${one.said}` : "")))))) : null,
    told.words ? part("The judge's words", el("pre", {}, plain(told.words))) : null,
    told.evidence ? el("details", { class: "part" }, el("summary", {}, "What the judge saw"), el("pre", {}, plain(told.evidence))) : null,
    told.tree.length ? el("details", { class: "part", open: true }, el("summary", {}, "The tree: each segment with its value and visits; this answer's path is marked"), told.tree.map(node => el("div", { class: node.here ? "node here" : "node", style: { "--v": scale(node.value), "--depth": Math.min(node.depth, 30) } }, el("b", {}, `${figure(node.value)} · N ${node.visits ?? "?"}`), el("span", {}, plain(node.text))))) : null,
    told.facts.length ? el("details", { class: "part" }, el("summary", {}, `Everything else (${told.file})`), el("dl", { class: "facts" }, told.facts.flatMap(([name, value]) => [el("dt", {}, plain(name)), el("dd", {}, plain(value))]))) : null);
}

/* Errors */

function errors() {
  const place = $("errors"), told = state.errors;
  if (!told) return fill(place, el("p", { class: "empty" }, "Looking for the worst errors …"));
  const names = { liked: "Wrong, but valued", disliked: "Right, but not valued" };
  const found = told[state.side];
  return fill(place,
    el("div", { class: "kinds" }, el("nav", {}, Object.entries(names).map(([name, label]) => el("button", { "aria-selected": state.side === name, onclick: () => { state.side = name; errors(); } }, label))),
      el("p", {}, found.looked_at ? `The ${count(found.looked_at)} most confident errors, ${count(found.kinds)} kinds of program; the most frequent kind first.` : "")),
    found.clusters.length ? el("div", { class: "clusters" }, found.clusters.map(cluster)) : el("p", { class: "empty" }, told.liked.looked_at + told.disliked.looked_at ? "No errors on this side." : "Nobody has said which of these answers are right, so no error can be told. Label them with python -m data_prep.label."));
}

function cluster(one) {
  const go = () => { state.list = one.rows; open(one.rows[0]); };
  const most = Math.max(...one.over_time, 1), width = 110 / Math.max(one.over_time.length, 1);
  return el("div", { class: "card cluster", tabindex: 0, role: "button", onclick: go, onkeydown: event => { if (event.key === "Enter") { event.stopPropagation(); go(); } } },
    el("div", { class: "top" }, el("b", { class: "num" }, count(one.count)), el("div", {}, one.reason ? badge(one.reason, "wrong") : null, el("div", { class: "num" }, `${count(one.problems)} ${one.problems === 1 ? "problem" : "problems"} · value ${figure(one.value)}`), one.groups.length ? el("div", {}, plain(one.groups.join(", "))) : null),
      one.over_time.length ? svg("svg", { viewBox: "0 0 110 30", role: "img", "aria-label": "over time" }, one.over_time.map((height, place) => svg("rect", { x: place * width + 0.5, width: width - 1, y: 30 - 28 * height / most, height: 28 * height / most + 0.5, fill: "var(--wrong)", opacity: 0.7 })), svg("title", {}, "how often, over the steps")) : null),
    one.program ? code(one.program) : el("pre", {}, "(no program)"));
}

/* The whole */

function say(text) { fill($("state"), el("span", { class: "bad" }, text)); }

function show(tab, given) {
  if (given) { state.filters = { ...given }; filters(); load(); }
  state.tab = tab;
  for (const button of $("tabs").children) button.setAttribute("aria-selected", button.dataset.tab === tab);
  for (const name of ["overview", "answers", "errors"]) $(name).hidden = name !== tab;
  if (tab === "overview") overview();
  if (tab === "answers") { draw(); $("table").focus({ preventScroll: true }); }
  if (tab === "errors") refresh_errors();
  remember();
}

function remember() { if (!saved) history.replaceState(null, "", `#${new URLSearchParams({ source: state.names[state.source], tab: state.tab })}`); }

async function refresh_errors() {
  errors();
  if (state.errors_of === state.seen && state.errors) return;
  try {
    const seen = state.seen, source = state.source, told = await ask(`${source}/errors`);
    if (source !== state.source) return;
    [state.errors, state.errors_of] = [told, seen];
    if (state.tab === "errors") errors();
  } catch (error) { say(error.message); }
}

async function refresh() {
  const source = state.source;
  try {
    const told = await ask(`${source}/state`);
    if (source !== state.source) return;
    const notes = [`${count(told.rows)} answers${told.files > 1 ? ` in ${told.files} files` : ""}`];
    if (told.broken) notes.push(`${count(told.broken)} lines cannot be read`);
    fill($("state"), el("span", { class: saved ? "" : told.loaded ? "live" : "live reading" }, `${told.loaded ? "" : "reading, "}${notes.join(", ")}`), told.error ? el("span", { class: "bad" }, ` ${told.error}`) : null);
    if (told.rows !== state.seen) {
      const first = state.seen <= 0;
      state.seen = told.rows;
      state.figures = await ask(`${source}/figures`);
      if (source !== state.source) return;
      heads();
      if (first || !$("filters").contains(document.activeElement)) filters();
      if (state.tab === "overview") overview();
      await load(!first);
      if (state.tab === "errors") refresh_errors();
    }
  } catch (error) { say(error.message.includes("fetch") ? "The server has stopped; start code-reward view again." : error.message); }
}

async function choose(source) {
  Object.assign(state, { source, seen: -1, figures: null, errors: null, pin: null, list: null, filters: {}, sort: "", descending: false });
  close();
  heads();
  filters();
  await refresh();
  show(state.tab || "overview");
}

function renew() { filters(); load(); }

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const typing = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
  if (event.key === "Escape") { if (typing) document.activeElement.blur(); else close(); return; }
  if (typing) return;
  const moves = { j: 1, k: -1, ...(state.tab === "answers" && $("detail").contains(document.activeElement) === false ? { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 } : {}) };
  const tabs = { 1: "overview", 2: "answers", 3: "errors" };
  if (tabs[event.key]) show(tabs[event.key]);
  else if (event.key in moves && (state.tab === "answers" || !$("detail").hidden)) move(moves[event.key]);
  else if (event.key === "Enter" && state.tab === "answers" && document.activeElement === $("table")) page(Math.floor(state.at / PAGE)).then(rows => { state.list = null; open(rows[state.at % PAGE][0]); });
  else if (event.key === "p" && !$("detail").hidden) pin();
  else if (event.key === "/") { show("answers"); $("filters").querySelector("input, select")?.focus(); }
  else if (event.key === "?") $("help").showModal();
  else return;
  event.preventDefault();
});

async function begin() {
  let ticking = false;
  const told = await ask("sources").catch(error => { say(error.message); return null; });
  if (!told) return;
  $("run").textContent = told.run.split("/").filter(Boolean).slice(-2).join("/");
  document.title = `${$("run").textContent} – code-reward`;
  state.names = told.sources.map(source => source.name);
  const list = told => fill($("source"), told.sources.map(source => el("option", { value: source.number }, source.name)));
  list(told);
  const asked = new URLSearchParams(location.hash.slice(1)), named = state.names.indexOf(asked.get("source"));
  state.tab = ["overview", "answers", "errors"].includes(asked.get("tab")) ? asked.get("tab") : "overview";
  const source = named >= 0 ? named : told.first;
  $("source").value = source;
  $("source").addEventListener("change", event => choose(Number(event.target.value)));
  for (const button of $("tabs").children) button.addEventListener("click", () => show(button.dataset.tab));
  $("clear").addEventListener("click", () => show("answers", {}));
  $("help-button").addEventListener("click", () => $("help").showModal());
  $("filters").addEventListener("submit", event => event.preventDefault());
  $("table").addEventListener("scroll", () => { if (!ticking) { ticking = true; requestAnimationFrame(() => { ticking = false; draw(); }); } });
  addEventListener("resize", () => draw());
  await choose(source);
  document.body.dataset.ready = "yes";
  if (saved) return;
  const soon = () => state.figures && state.seen > 0 ? 2000 : 250;
  const again = async () => { if (!document.hidden) await refresh(); setTimeout(again, soon()); };
  setTimeout(again, 250);
  setInterval(async () => { const now = await ask("sources").catch(() => null); if (now && now.sources.length !== state.names.length) { state.names = now.sources.map(one => one.name); list(now); $("source").value = state.source; } }, 10000);
}

begin();
