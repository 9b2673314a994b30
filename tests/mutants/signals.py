"""Faults in what is known besides books: averages, volatility, forecasts, depth, and listings."""

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
_LISTINGS: Final = ("venues/polymarket/test_listings.py",)
_CATALOGUE: Final = ("market/test_catalogue.py",)

FAULTS: Final = (
    # --- averages and volatility ---------------------------------------------------------------
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
    # --- forecasts -----------------------------------------------------------------------------
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
    # --- candles and depth ---------------------------------------------------------------------
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
    # --- listings ------------------------------------------------------------------------------
    Fault(
        "a market of an unknown protocol version is taken for V1",
        "venues/polymarket/listings.py",
        'if row.version == "v1":',
        'if row.version != "v2":',
        _LISTINGS,
    ),
    Fault(
        "tokens that do not follow from the condition are believed",
        "venues/polymarket/listings.py",
        "if tokens != derive(row.condition_id, neg_risk=row.neg_risk):",
        "if False:",
        _LISTINGS,
    ),
    Fault(
        "Person B may be traded",
        "venues/polymarket/listings.py",
        " or _UNNAMED.fullmatch(title) is not None",
        "",
        _LISTINGS,
    ),
    Fault(
        "a placeholder passes every filter",
        "market/selection.py",
        "if listing.placeholder and not self.placeholders:",
        "if False:",
        ("market/test_selection.py",),
    ),
    Fault(
        "a group to which outcomes may be added is exhaustive",
        "venues/polymarket/listings.py",
        "        and not augmented\n",
        "",
        _LISTINGS,
    ),
    Fault(
        "a group with a market that could not be read is exhaustive",
        "venues/polymarket/listings.py",
        "        and not refused\n",
        "",
        _LISTINGS,
    ),
    Fault(
        "the flag `active` says that a market trades",
        "venues/polymarket/gamma_states.py",
        "if row.enable_order_book and row.accepting_orders and not row.archived:",
        "if row.active:",
        _LISTINGS,
    ),
    Fault(
        "a disputed outcome has paid",
        "venues/polymarket/gamma_states.py",
        "prices in _DECIDED and status not in _UNDECIDED and",
        "prices in _DECIDED and",
        _LISTINGS,
    ),
    Fault(
        "a market whose fees are not stated is free",
        "venues/polymarket/gamma_terms.py",
        'raise AnswerRefused("`feeSchedule` is missing although fees are enabled")',
        "return NoFees()",
        _LISTINGS,
    ),
    Fault(
        "a fee that is not stated is that of last winter",
        "venues/polymarket/gamma_terms.py",
        "if archive and row.fee_type in _LEGACY_TYPES:",
        "if row.fee_type in _LEGACY_TYPES:",
        _LISTINGS,
    ),
    Fault(
        "fees that makers pay as well are taken for takers' fees",
        "venues/polymarket/gamma_terms.py",
        "if not schedule.taker_only:",
        "if False:",
        _LISTINGS,
    ),
    Fault(
        "terms of another market are believed",
        "venues/polymarket/terms.py",
        "if read.c.lower() != condition.lower():",
        "if False:",
        ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py"),
    ),
    Fault(
        "a stated protocol that contradicts the token ids is believed",
        "venues/polymarket/terms.py",
        'if stated == "v1" and kinds == {"v1"}:',
        'if stated == "v1":',
        ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py"),
    ),
    Fault(
        "the hash of the rules ignores the source that decides",
        "model/listing.py",
        'f"{self.rules}\\n{self.resolution_source}"',
        'f"{self.rules}"',
        ("market/test_catalogue.py", "venues/polymarket/test_listings.py", "model"),
    ),
    Fault(
        "an older row replaces a newer one",
        "market/catalogue.py",
        "listing.updated_ns < known.updated_ns",
        "listing.updated_ns < 0",
        _CATALOGUE,
    ),
    Fault(
        "other tokens for a known market are believed",
        "market/catalogue.py",
        "if new.tokens != old.tokens:",
        "if False:",
        _CATALOGUE,
    ),
    Fault(
        "a stream's close is undone by a cached row",
        "market/catalogue.py",
        "if known.state in _OVER and state not in _OVER and closed_ns",
        "if False and closed_ns",
        _CATALOGUE,
    ),
    Fault(
        "Gamma's list whose cursor repeats counts as complete",
        "venues/polymarket/gamma.py",
        "if cursor in seen:\n                raise",
        "if cursor in seen:\n                return\n                raise",
        ("venues/polymarket/test_gamma.py",),
    ),
)
