// Exact numbers: everything arrives as integers (millionths, micro- or milliseconds) and is written by integer arithmetic.
const MINUS = "\u2212";
const ONE = 1000000;
const data = JSON.parse(document.getElementById("charts").textContent);

function unpack(column) {
  let sum = 0;
  return column.d.map((step) => (sum += step) * column.u);
}

function grouped(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

function decimal(micros, places, prefix, signed) {
  const size = Math.abs(micros);
  const rest = size % ONE;
  const digits = String(rest).padStart(6, "0").replace(/0+$/, "").padEnd(places, "0");
  const sign = micros < 0 ? MINUS : signed && micros > 0 ? "+" : "";
  return sign + prefix + grouped((size - rest) / ONE) + (digits ? "." + digits : "");
}

const money = (micros) => decimal(micros, 2, "$", false);
const signedMoney = (micros) => decimal(micros, 2, "$", true);
const price = (micros) => decimal(micros, 2, "", false);
const shares = (micros) => decimal(micros, 0, "", false);

// Microseconds after the run's start, as UTC.
function utc(offset) {
  const at = data.t0 + offset;
  const micros = ((at % ONE) + ONE) % ONE;
  const text = new Date(((at - micros) / ONE) * 1000).toISOString();
  return text.slice(0, 10) + " " + text.slice(11, 19) + "." + String(micros).padStart(6, "0").replace(/000$/, "") + " UTC";
}

function lasting(micros) {
  const seconds = Math.floor(micros / ONE);
  if (seconds >= 3600) return Math.floor(seconds / 3600) + " h " + (Math.floor(seconds / 60) % 60) + " min";
  if (seconds >= 60) return Math.floor(seconds / 60) + " min " + (seconds % 60) + " s";
  return micros >= ONE ? seconds + "." + Math.floor((micros % ONE) / 100000) + " s" : Math.floor(micros / 1000) + " ms";
}

// The charts' x axis: seconds of Unix time; back to whole microseconds after the start.
const seconds = (offset) => (data.t0 + offset) / ONE;
const END = data.t1 - data.t0;

function at(values, times, offset) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  return low ? values[low - 1] : null;
}
