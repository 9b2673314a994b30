// What all charts share: colours from the page, axes in UTC, one cursor, tooltips, keyboard.
const palette = new Map();

function colour(name) {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
  return palette.get(name);
}

function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function timeAxis(shown) {
  return {
    stroke: () => colour("quiet"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    size: shown ? 42 : 4,
    space: 90,
    values: (u, splits, axis, space, step) => splits.map((split, i) => shown ? clock(split, step, splits[i - 1]) : ""),
  };
}

// Hours in UTC, with the day where it begins or changes and fractions where the lines are close.
function clock(stamp, step, before) {
  const text = new Date(Math.round(stamp * 1000)).toISOString();
  const day = text.slice(0, 10);
  if (step >= 86400) return day;
  const hour = step >= 60 ? text.slice(11, 16) : step >= 1 ? text.slice(11, 19) : text.slice(11, 23);
  return before === undefined || new Date(Math.round(before * 1000)).toISOString().slice(0, 10) !== day ? hour + "\n" + day : hour;
}

function valueAxis(write, width) {
  return {
    stroke: () => colour("quiet"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    size: width,
    values: write,
  };
}

// Axis text needs only as many decimals as the distance of its lines.
function brief(prefix) {
  return (u, splits) => {
    const gap = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : ONE;
    const places = gap >= ONE ? 0 : gap >= 10000 ? 2 : gap >= 1000 ? 3 : gap >= 100 ? 4 : 6;
    const grain = Math.pow(10, 6 - places);
    return splits.map((split) => decimal(Math.round(split / grain) * grain, places, prefix, false));
  };
}

// The tooltip: placed beside the cursor, filled by describe(offset, plot), spoken when keys moved the cursor.
function tooltip(host, gutter, describe) {
  const tip = element("div", undefined, "tip");
  const spoken = element("output", undefined, "hidden");
  spoken.setAttribute("aria-live", "polite");
  tip.hidden = true;
  host.append(tip, spoken);
  return {
    hide: () => { tip.hidden = true; },
    show(u, byKeys) {
      const left = u.cursor.left;
      tip.hidden = left === undefined || left < 0 || u.cursor.top < 0;
      if (tip.hidden) return;
      const stamp = byKeys ? u.data[0][u.cursor.idx] : u.posToVal(left, "x");
      const micros = Math.round(stamp * ONE) - data.t0;
      tip.replaceChildren(...describe(byKeys ? micros : Math.round(micros / 1000) * 1000, u));
      const x = gutter + left + 16;
      const fits = x + tip.offsetWidth <= host.clientWidth;
      tip.style.left = Math.max(4, fits ? x : x - 32 - tip.offsetWidth) + "px";
      if (byKeys) spoken.textContent = tip.innerText;
    },
  };
}

function options(host, plot, last, width, gutter, moved) {
  return {
    width: width,
    height: plot.height,
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC"),
    legend: { show: false },
    padding: [20, 14, 0, 0],
    cursor: { sync: { key: host.id, scales: ["x", null] }, drag: { x: true, y: false }, points: { show: false }, y: false },
    scales: { x: { time: true }, y: plot.scale },
    axes: [timeAxis(last), valueAxis(plot.write, gutter)],
    series: [{}, ...plot.series],
    bands: plot.bands || [],
    hooks: { ...plot.hooks, setCursor: [moved] },
  };
}

// Where the cursor goes when it moves by some points: within what is shown.
function step(u, steps) {
  const times = u.data[0];
  const shown = u.scales.x;
  let index = Math.max(0, Math.min(times.length - 1, (u.cursor.idx ?? 0) + steps));
  while (times[index] < shown.min && index < times.length - 1) index += 1;
  while (times[index] > shown.max && index > 0) index -= 1;
  u.setCursor({ left: u.valToPos(times[index], "x"), top: 10 });
}

const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25, Home: -Infinity, End: Infinity };

// A stack of charts with one x axis, one cursor and one tooltip.
// plots: [{title, height, write, data, series, bands, scale, hooks}]; describe(offset, plot) gives the tooltip's elements.
function stack(host, plots, describe) {
  host.replaceChildren();
  const gutter = host.clientWidth < 520 ? 62 : 76;
  // On paper the width is that of A4 less its margins: the page is laid out for it only after the charts are drawn.
  const width = document.documentElement.dataset.print ? 680 : Math.max(260, host.clientWidth - 10);
  const state = { plot: null, byKeys: false };
  const moved = (u) => { if (u === state.plot) tip.show(u, state.byKeys); };
  const made = plots.map((plot, index) => {
    const frame = element("div", undefined, "plot");
    const name = element("span", plot.title, "name");
    name.style.left = gutter + 4 + "px";
    frame.append(name);
    host.append(frame);
    return new uPlot(options(host, plot, index === plots.length - 1, width, gutter, moved), plot.data, frame);
  });
  const tip = tooltip(host, gutter, describe);
  made.forEach((u) => u.over.addEventListener("mouseenter", () => { state.plot = u; state.byKeys = false; }));
  host.onkeydown = (event) => {
    if (event.key === "Escape") {
      tip.hide();
      made.forEach((u) => u.setScale("x", { min: u.data[0][0], max: u.data[0][u.data[0].length - 1] }));
    } else if (event.key in KEYS) {
      state.plot = made[0];
      state.byKeys = true;
      step(made[0], KEYS[event.key] * (event.shiftKey ? 10 : 1));
    } else return;
    event.preventDefault();
  };
  host.onblur = () => { if (state.byKeys) tip.hide(); };
  return { destroy: () => made.forEach((u) => u.destroy()) };
}

function table(rows) {
  const made = element("table");
  for (const [name, value] of rows) {
    const row = element("tr");
    row.append(element("th", name), element("td", value));
    made.append(row);
  }
  return made;
}

const stepped = uPlot.paths.stepped({ align: 1 });

function line(name, dash, width, fill) {
  return {
    stroke: () => colour(name),
    width: width || 1.5,
    dash: dash,
    paths: stepped,
    points: { show: false },
    fill: fill ? () => colour(fill) : undefined,
  };
}

// A range with a little air that never collapses.
function airy(least) {
  return (u, low, high) => {
    if (low == null) return [-least, least];
    const air = Math.max((high - low) * 0.08, least);
    return [low - air, high + air];
  };
}
