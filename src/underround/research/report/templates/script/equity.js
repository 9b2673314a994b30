// Equity against what the run started with, and how far equity lies below its highest point so far.
function equityChart(host) {
  const times = unpack(data.t).map((t) => t * 1000);
  const equity = unpack(data.equity);
  const cash = unpack(data.cash);
  const fees = unpack(data.fees);
  const drawdown = unpack(data.drawdown);
  const small = host.clientWidth < 520;
  const padded = (values) => [...values, values[values.length - 1]];
  const xs = [...times, Math.max(END, times[times.length - 1])].map(seconds);
  return stack(host, [
    {
      title: "Equity (dashed: at the start)", height: small ? 200 : 260, write: brief("$"),
      data: [xs, padded(equity), xs.map(() => data.start)],
      series: [line("buy", undefined, 1.8), line("quiet", [5, 4], 1)],
      scale: { range: airy(10000) },
    },
    {
      title: "Drawdown", height: small ? 130 : 150, write: brief("$"),
      data: [xs, padded(drawdown)],
      series: [{ ...line("sell", undefined, 1.3, "fall"), fillTo: 0 }],
      scale: { range: (u, low) => [Math.min(low || 0, -10000) * 1.12, 0] },
    },
  ], (offset) => {
    const value = at(equity, times, offset);
    const when = element("p", utc(offset), "when");
    if (value === null) return [when, element("span", "before the first point")];
    return [when, table([
      ["Equity", money(value)],
      ["Change", signedMoney(value - data.start)],
      ["Drawdown", money(at(drawdown, times, offset))],
      ["Cash", money(at(cash, times, offset))],
      ["Fees paid", money(at(fees, times, offset))],
    ])];
  });
}
