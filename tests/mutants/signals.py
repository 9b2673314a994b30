"""Faults in what is known besides books: averages, volatility, forecasts and depth."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_TWAP: Final = ("market/test_twap.py",)
_VOLATILITY: Final = ("market/test_volatility.py",)
_INFERENCE: Final = ("market/test_inference.py",)
_CANDLES: Final = ("market/test_candles.py",)
_ALLORA: Final = ("venues/allora/test_allora_answers.py",)
_DEPTH: Final = ("venues/binance/test_binance_depth.py",)
_BINANCE: Final = ("venues/binance/test_binance_signals.py",)

FAULTS: Final = (
    # --- averages and volatility -----------------------------------------------------------------
    Fault(
        "an average weighs ticks by their number instead of their time",
        "market/twap.py",
        "total = sum(map(mul, self._prices[place:after], map(sub, ends, [from_ns, *inner])))",
        "total = sum(self._prices[place:after]) * (to_ns - from_ns) // (after - place)",
        _TWAP,
    ),
    Fault(
        "a tie goes Down",
        "market/twap.py",
        "return self.observed_micros_ns >= strike * self.length_ns",
        "return self.observed_micros_ns > strike * self.length_ns",
        _TWAP,
    ),
    Fault(
        "what Up needs is rounded down",
        "market/twap.py",
        "ceil_div(strike * self.length_ns - self.observed_micros_ns, self.to_come_ns)",
        "(strike * self.length_ns - self.observed_micros_ns) // self.to_come_ns",
        _TWAP,
    ),
    Fault(
        "what comes after the newest tick counts as observed",
        "market/twap.py",
        "seen_ns = min(newest, ends_ns)",
        "seen_ns = min(now, ends_ns)",
        _TWAP,
    ),
    Fault(
        "a value that was held for a minute is believed",
        "market/twap.py",
        "stale=silent or area.longest_hold_ns > max_hold_ns",
        "stale=silent",
        _TWAP,
    ),
    Fault(
        "the volatility's window holds one change too many",
        "market/volatility.py",
        "if len(self._changes) > self._window_s:",
        "if len(self._changes) > self._window_s + 1:",
        _VOLATILITY,
    ),
    Fault(
        "the deviation is that of a whole population",
        "market/volatility.py",
        "count * (count - 1)",
        "count * count",
        _VOLATILITY,
    ),
    Fault(
        "silence is calm",
        "market/volatility.py",
        "            self._begin_anew()\n",
        "            pass\n",
        _VOLATILITY,
    ),
    Fault(
        "a price stated on a whole second counts from the next one",
        "market/volatility.py",
        "self._settle(-(-at_ns // NANOS_PER_SECOND) - 1)",
        "self._settle(at_ns // NANOS_PER_SECOND)",
        _VOLATILITY,
    ),
    # --- forecasts -------------------------------------------------------------------------------
    Fault(
        "staleness is the epoch by the age",
        "market/inference.py",
        "ceil_div(age * _BPS, epoch_ns)",
        "ceil_div(epoch_ns * _BPS, age + 1)",
        _INFERENCE,
    ),
    Fault(
        "the age by the time left in the candle is not judged",
        "market/inference.py",
        "elif candle_bps > most:",
        "elif False:",
        _INFERENCE,
    ),
    Fault(
        "an age counts from the nonce, so that every inference is born stale",
        "market/inference.py",
        "age = max(0, situation.now - situation.known_ns)",
        "age = max(0, situation.now - situation.nonce_ns)",
        _INFERENCE,
    ),
    Fault(
        "the interval runs from high to low",
        "market/inference.py",
        "ordered = sorted(values)",
        "ordered = sorted(values, reverse=True)",
        _INFERENCE,
    ),
    Fault(
        "a log-return is a plain return",
        "market/inference.py",
        "_DIGITS.multiply(Decimal(reference), _DIGITS.exp(value))",
        "_DIGITS.multiply(Decimal(reference), 1 + value)",
        _INFERENCE,
    ),
    Fault(
        "a topic that nobody asked about is active",
        "market/inference.py",
        "if situation.active is not True:",
        "if situation.active is False:",
        _INFERENCE,
    ),
    Fault(
        "a playground's answers are used",
        "market/inference.py",
        "if topic.sandbox and not rules.sandbox:",
        "if False:",
        _INFERENCE,
    ),
    Fault(
        "one inferer who is named twice is two",
        "venues/allora/answers.py",
        "if len(set(names)) != len(names):",
        "if False:",
        _ALLORA,
    ),
    Fault(
        "a signed fall is a huge rise",
        "venues/allora/consumer.py",
        "return number - 2 * _HALF if number >= _HALF else number",
        "return number",
        _ALLORA,
    ),
    Fault(
        "another topic's signed value is believed",
        "venues/allora/consumer.py",
        "if topic != asked:",
        "if False:",
        _ALLORA,
    ),
    # --- candles and depth -----------------------------------------------------------------------
    Fault(
        "the distance from open has the other sign",
        "market/candles.py",
        "return self.now - self.open.price",
        "return self.open.price - self.now",
        _CANDLES,
    ),
    Fault(
        "a tick at the start is the last one before it",
        "market/candles.py",
        "if at_ns < self.starts_ns:",
        "if at_ns <= self.starts_ns:",
        _CANDLES,
    ),
    Fault(
        "ticks after the end move the distance",
        "market/candles.py",
        "if at_ns <= self.ends_ns and (self._last",
        "if (self._last",
        _CANDLES,
    ),
    Fault(
        "a message that is missing from the depth goes unnoticed",
        "venues/binance/depth.py",
        "event.first_id > last_id + 1:",
        "event.first_id > last_id + 2:",
        _DEPTH,
    ),
    Fault(
        "a depth snapshot older than the stream is applied",
        "venues/binance/depth.py",
        "if book.last_id < self._kept[0].first_id:",
        "if False:",
        _DEPTH,
    ),
    Fault(
        "a crossed depth stays a book",
        "venues/binance/depth.py",
        "bid[0] >= ask[0]:",
        "bid[0] > ask[0] + 10**12:",
        _DEPTH,
    ),
    Fault(
        "a candle that is not closed yet is told",
        "venues/binance/codec.py",
        "if not kline.k.x:",
        "if False:",
        _BINANCE,
    ),
)
