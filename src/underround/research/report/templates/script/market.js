// One market: bid and ask of YES, where the book was not trusted, own orders and fills, and the inventory below.
function marks(packed) {
  const price = unpack(packed.price);
  const size = unpack(packed.size);
  const extra = unpack(packed.extra);
  return unpack(packed.t).map((t, i) => {
    const code = packed.code[i];
    const no = (code & 2) > 0;
    return {
      t, no, size: size[i], extra: extra[i], own: price[i], level: no ? ONE - price[i] : price[i],
      sell: (code & 1) > 0, maker: (code & 4) > 0, name: data.names[packed.name[i]], note: data.notes[packed.note[i]],
    };
  });
}

// Stretches without trust, the time before the first price among them.
function doubts(times, trusted) {
  const found = [];
  let from = 0;
  times.forEach((t, i) => {
    if (trusted[i] && from !== null) {
      if (t > from) found.push([from, t]);
      from = null;
    } else if (!trusted[i] && from === null) from = t;
  });
  if (from !== null) found.push([from, END]);
  return found;
}

function shade(stretches) {
  return (u) => {
    const { left, top, width, height } = u.bbox;
    const ctx = u.ctx;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.strokeStyle = colour("hatch");
    ctx.lineWidth = devicePixelRatio;
    for (const [from, to] of stretches) {
      const x0 = Math.max(left, u.valToPos(seconds(from), "x", true));
      const x1 = Math.min(left + width, Math.max(u.valToPos(seconds(to), "x", true), x0 + 1));
      if (x1 < left || x0 > left + width) continue;
      ctx.fillStyle = colour("doubt");
      ctx.fillRect(x0, top, x1 - x0, height);
      ctx.save();
      ctx.beginPath();
      ctx.rect(x0, top, x1 - x0, height);
      ctx.clip();
      ctx.beginPath();
      const gap = 9 * devicePixelRatio;
      for (let x = left - height + ((x0 - left) - ((x0 - left) % gap)); x < x1; x += gap) {
        ctx.moveTo(x, top + height);
        ctx.lineTo(x + height, top);
      }
      ctx.stroke();
      ctx.restore();
    }
    ctx.restore();
  };
}

function drawOrders(u, orders, ratio) {
  const { left, width } = u.bbox;
  const ctx = u.ctx;
  let labels = 24;
  for (const order of orders) {
    const x0 = u.valToPos(seconds(order.t), "x", true);
    const x1 = Math.max(u.valToPos(seconds(order.t + order.extra), "x", true), x0 + 3 * ratio);
    if (x1 < left || x0 > left + width) continue;
    const y = u.valToPos(order.level, "y", true);
    ctx.strokeStyle = colour(order.sell ? "sell" : "buy");
    ctx.lineWidth = 1.8 * ratio;
    ctx.setLineDash(order.no ? [5 * ratio, 3 * ratio] : []);
    ctx.beginPath();
    ctx.moveTo(x0, y);
    ctx.lineTo(x1, y);
    ctx.stroke();
    if (order.no && x1 - Math.max(x0, left) > 54 * ratio && labels-- > 0) {
      ctx.fillStyle = colour("quiet");
      ctx.font = 10 * ratio + "px system-ui, sans-serif";
      ctx.fillText("NO " + price(order.own), Math.max(x0, left) + 3 * ratio, y - 3 * ratio);
    }
  }
  ctx.setLineDash([]);
}

function drawFills(u, fills, ratio) {
  const ctx = u.ctx;
  for (const fill of fills) {
    const x = u.valToPos(seconds(fill.t), "x", true);
    const y = u.valToPos(fill.level, "y", true);
    const r = (fill.maker ? 5.5 : 6.5) * ratio;
    const tip = fill.sell ? r : -r;
    ctx.beginPath();
    ctx.moveTo(x, y + tip);
    ctx.lineTo(x - r, y - tip * 0.75);
    ctx.lineTo(x + r, y - tip * 0.75);
    ctx.closePath();
    ctx.fillStyle = fill.maker ? colour("card") : colour(fill.sell ? "sell" : "buy");
    ctx.strokeStyle = fill.maker ? colour(fill.sell ? "sell" : "buy") : colour("card");
    ctx.lineWidth = (fill.maker ? 1.8 : 1) * ratio;
    ctx.fill();
    ctx.stroke();
    if (fill.no) {
      ctx.fillStyle = colour("ink");
      ctx.font = "bold " + 9 * ratio + "px system-ui, sans-serif";
      ctx.fillText("N", x + r + ratio, y + 3 * ratio);
    }
  }
}

function drawMarks(orders, fills) {
  return (u) => {
    const ctx = u.ctx;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    drawOrders(u, orders, devicePixelRatio);
    drawFills(u, fills, devicePixelRatio);
    ctx.restore();
  };
}

function trade(mark, labels) {
  const at = mark.no ? " (drawn at " + price(mark.level) + ")" : "";
  const label = labels[mark.no ? 1 : 0];
  const side = mark.no ? "NO" : "YES";
  return shares(mark.size) + " " + side + (label.toUpperCase() === side ? "" : " “" + label + "”") + " at " + price(mark.own) + at;
}

function sentences(market, orders, fills, offset, u) {
  const reach = (u.scales.x.max - u.scales.x.min) * ONE * (7 / Math.max(1, u.over.clientWidth));
  const found = [];
  const near = fills.filter((fill) => Math.abs(fill.t - offset) <= reach);
  near.slice(0, 4).forEach((fill) => found.push(element("p", (fill.sell ? "▼ Sold " : "▲ Bought ") + trade(fill, market.outcomes) + ", " +
    (fill.maker ? "maker" : "taker") + ", fee " + money(fill.extra) + ", " + fill.name + ", " + fill.note + ", " + utc(fill.t))));
  if (near.length > 4) found.push(element("p", "and " + (near.length - 4) + " more fills"));
  const open = orders.filter((order) => order.t - reach / 4 <= offset && offset <= order.t + order.extra + reach / 4);
  open.slice(0, 4).forEach((order) => found.push(element("p", (order.sell ? "Offer " : "Bid ") + trade(order, market.outcomes) + ", rested " +
    lasting(order.extra) + ", " + order.note + ", " + order.name)));
  if (open.length > 4) found.push(element("p", "and " + (open.length - 4) + " more orders"));
  return found;
}

// Everything of one market, unpacked; times in microseconds after the start.
function opened(market) {
  const yes = unpack(market.yes);
  const no = unpack(market.no);
  return {
    outcomes: market.outcomes, yes, no, net: yes.map((amount, i) => amount - no[i]),
    times: unpack(market.t).map((t) => t * 1000), heldTimes: unpack(market.inventory_t).map((t) => t * 1000),
    bid: unpack(market.bid), ask: unpack(market.ask), trusted: unpack(market.trusted),
    fills: marks(market.fills), orders: marks(market.orders),
  };
}

// Prices from the lowest to the highest of book, orders and fills that are in view.
function inView(m) {
  return (u, low, high) => {
    let least = low ?? ONE / 2;
    let most = high ?? ONE / 2;
    const [from, to] = u.series[0].idxs ? u.series[0].idxs.map((i) => u.data[0][i]) : [-Infinity, Infinity];
    const take = (mark, until) => {
      if (seconds(mark.t) > to || seconds(until) < from) return;
      least = Math.min(least, mark.level);
      most = Math.max(most, mark.level);
    };
    m.fills.forEach((fill) => take(fill, fill.t));
    m.orders.forEach((order) => take(order, order.t + order.extra));
    const air = Math.max((most - least) * 0.07, 4000);
    return [Math.max(0, least - air), Math.min(ONE, most + air)];
  };
}

function bookRows(m, offset) {
  const sure = at(m.trusted, m.times, offset);
  const ask = at(m.ask, m.times, offset);
  const bid = at(m.bid, m.times, offset);
  const held = [m.yes, m.no, m.net].map((amounts) => shares(at(amounts, m.heldTimes, offset) || 0));
  return table([
    ["Ask of YES", sure === null ? "unknown" : ask < ONE ? price(ask) : "no ask"],
    ["Bid of YES", sure === null ? "unknown" : bid > 0 ? price(bid) : "no bid"],
    ["Book", sure ? "trusted" : "not trusted"],
    ["Held", held[0] + " YES, " + held[1] + " NO, net " + held[2]],
  ]);
}

function marketChart(host, market) {
  const m = opened(market);
  const small = host.clientWidth < 520;
  const extend = (list, fill) => [fill, ...list, list.length ? list[list.length - 1] : fill];
  const span = (list) => [0, ...list, Math.max(END, list.length ? list[list.length - 1] : 0)].map(seconds);
  return stack(host, [
    {
      title: "Price of YES (" + m.outcomes[0] + "), bid to ask", height: small ? 270 : 360, write: brief(""),
      data: [span(m.times), extend(m.bid.map((p) => (p > 0 ? p : null)), null), extend(m.ask.map((p) => (p < ONE ? p : null)), null)],
      series: [line("quote", undefined, 1), line("quote", undefined, 1)],
      bands: [{ series: [2, 1], fill: colour("band") }],
      scale: { range: inView(m) },
      hooks: { drawClear: [shade(doubts(m.times, m.trusted))], draw: [drawMarks(m.orders, m.fills)] },
    },
    {
      title: "Shares held: YES, NO (dashed), net (thick)", height: small ? 150 : 170, write: brief(""),
      data: [span(m.heldTimes), extend(m.yes, 0), extend(m.no, 0), extend(m.net, 0)],
      series: [line("buy", undefined, 1.3), line("sell", [5, 3], 1.3), line("third", undefined, 2.4)],
      scale: { range: airy(ONE) },
    },
  ], (offset, u) => [element("p", utc(offset), "when"), bookRows(m, offset), ...sentences(m, m.orders, m.fills, offset, u)]);
}
