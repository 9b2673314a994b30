// Puts the charts into the page and keeps them true to its width, its colours and the printer.
document.documentElement.classList.add("scripted");
const drawn = {};

function drawEquity() {
  const host = document.getElementById("equity-chart");
  if (!host) return;
  if (drawn.equity) drawn.equity.destroy();
  drawn.equity = equityChart(host);
}

function shownOf(packed, name) {
  const listed = packed.code.length;
  const text = grouped(packed.total) + " " + name;
  return listed < packed.total ? text + " (" + grouped(listed) + " of them drawn, evenly chosen)" : text;
}

function drawMarket(index) {
  const host = document.getElementById("market-chart");
  if (!host) return;
  const market = data.markets[index];
  if (drawn.market) drawn.market.destroy();
  drawn.market = marketChart(host, market);
  document.getElementById("market").value = String(index);
  document.getElementById("market-before").disabled = index === 0;
  document.getElementById("market-after").disabled = index === data.markets.length - 1;
  document.getElementById("market-name").textContent = market.key + " · YES is " + market.outcomes[0] + ", NO is " + market.outcomes[1];
  const own = market.fills.total || market.orders.total
    ? shownOf(market.orders, "own orders") + " and " + shownOf(market.fills, "own fills") + "."
    : "No own orders in this market.";
  document.getElementById("market-note").textContent = own + " Everything is drawn in terms of YES: an order or fill of NO at q stands at 1 − q.";
}

function everything() {
  palette.clear();
  drawEquity();
  if (data.markets.length) drawMarket(Number(document.getElementById("market").value));
}

everything();
if (data.markets.length) {
  const select = document.getElementById("market");
  const go = (by) => drawMarket(Math.max(0, Math.min(data.markets.length - 1, Number(select.value) + by)));
  select.addEventListener("change", () => go(0));
  document.getElementById("market-before").addEventListener("click", () => go(-1));
  document.getElementById("market-after").addEventListener("click", () => go(1));
  for (const button of document.querySelectorAll(".show")) {
    button.addEventListener("click", () => {
      drawMarket(Number(button.dataset.market));
      document.getElementById("markets").scrollIntoView();
      document.getElementById("market-chart").focus({ preventScroll: true });
    });
  }
}

let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  const now = document.documentElement.clientWidth;
  if (now !== width) { width = now; everything(); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
addEventListener("beforeprint", () => {
  document.documentElement.dataset.print = "yes";
  everything();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.print;
  everything();
});

const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
}, { rootMargin: "-45% 0px -50% 0px" });
for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) watcher.observe(section);
}
