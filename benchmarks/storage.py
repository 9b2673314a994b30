"""``journal`` and ``recording``: what writing things down costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from benchmarks.measure import Figure, figure, interleave
from benchmarks.traffic import FOLDER
from underround.model.frames import Frame
from underround.model.ids import (
    POLYMARKET,
    YES,
    FillId,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.ledger import Entry, Ledger, cash
from underround.model.orders import Approved, Fill, Order, OrderIntent, Refusal
from underround.storage.journal import Journal
from underround.storage.recording import Recording, RecordingWriter, WriterLimits
from underround.storage.writer import JournalWriter

TRADES = 10_000
_OUTCOME = OutcomeId(MarketId(POLYMARKET, "0x" + "ab" * 32), YES)
_CASH = cash(POLYMARKET, "pUSD")
_MAKER = StrategyId("spread_capture")
_FIRST_NS = 1_760_000_000_000_000_000
_EVERY_NS = 5_000_000


class Trade(msgspec.Struct, frozen=True):
    """The five rows one trade leaves in the journal."""

    approved: Approved
    order: Order
    refusal: Refusal
    fill: Fill
    entry: Entry


def trades(count: int) -> list[Trade]:
    """Return ``count`` trades with entries of a real ledger."""
    ledger = Ledger()
    return [_trade(number, ledger) for number in range(count)]


def _trade(number: int, ledger: Ledger) -> Trade:
    at_ns = _FIRST_NS + number * _EVERY_NS
    plan = PlanId(f"spread_capture:{number}")
    intent = OrderIntent(
        strategy=_MAKER, plan=plan, outcome=_OUTCOME, side="buy", price=480_000, size=5_000_000,
        tif="GTC", purpose="open", expires_ns=at_ns, edge=20_000,
        reason="the spread is wider than the fee",
    )  # fmt: skip
    order = Order(
        id=OrderId(f"o{number}"), intent=IntentId(number), strategy=_MAKER, plan=plan,
        leg_group=None, outcome=_OUTCOME, side="buy", price=480_000, size=5_000_000, tif="GTC",
        post_only=False, purpose="open", good_until_ns=None, created_ns=at_ns, updated_ns=at_ns,
    )  # fmt: skip
    fill = Fill(
        id=FillId(f"o{number}.1"), order=order.id, outcome=_OUTCOME, side="buy", price=480_000,
        size=5_000_000, fee=1, liquidity="taker", at_ns=at_ns, evidence="walked the book",
    )  # fmt: skip
    refusal = Refusal(
        IntentId(number), at_ns, _MAKER, plan, str(_OUTCOME), "grid", "asked 5, allowed 4", 20_000
    )
    approved = Approved(IntentId(number), intent, None, ("halted", "expired", "grid"), at_ns)
    return Trade(approved, order, refusal, fill, ledger.fill(fill, _CASH))


def _write(writer: JournalWriter, rows: Iterable[Trade]) -> None:
    for row in rows:
        writer.intent(row.approved)
        writer.order(row.order)
        writer.refusal(row.refusal)
        writer.fill(row.fill)
        writer.entry(row.entry)


def measure_journal(rounds: int) -> list[Figure]:
    """Measure rows per second to disk, and what one call costs whoever makes it."""
    rows = trades(TRADES)
    waited: list[float] = []

    def whole() -> None:
        with (
            tempfile.TemporaryDirectory(prefix="underround-bench-") as folder,
            Journal(Path(folder, "journal.sqlite3")) as journal,
            journal.writer() as writer,
        ):
            writer.begin("bench", "replay", [], "{}", _FIRST_NS)
            begin = time.perf_counter()
            _write(writer, rows)
            waited.append(time.perf_counter() - begin)
            writer.flush()

    seconds = interleave({"whole": whole}, rounds)["whole"]
    count = 5 * TRADES
    note = f"{count:,} rows and {5 * TRADES:,} postings, SQLite; opening the journal included"
    per_call = [took / count * 1e6 for took in waited[1:]]
    return [
        figure("journal", "rows to disk", "rows/s", [count / took for took in seconds], note=note),
        figure("journal", "one call, as its caller waits", "µs/call", per_call,
               note="flushes of full batches included"),
    ]  # fmt: skip


def measure_recording(rounds: int) -> list[Figure]:
    """Measure appending, sealing and reading the bundled recording's frames."""
    recording = Recording.open(FOLDER)
    frames = list(recording.frames())
    count = len(frames)
    appended: list[float] = []
    sizes: list[int] = []

    def record(limits: WriterLimits, keep: list[float] | None) -> Callable[[], None]:
        def run() -> None:
            with tempfile.TemporaryDirectory(prefix="underround-bench-") as base:
                folder = Path(base, "copy")
                with RecordingWriter(folder, recording.header, recording.markets, limits) as writer:
                    begin = time.perf_counter()
                    _append(writer, frames)
                    if keep is not None:
                        keep.append(time.perf_counter() - begin)
                files = (file for file in folder.rglob("*") if file.is_file())
                sizes.append(sum(file.stat().st_size for file in files))

        return run

    # A segment is built within append; without rolling only the hot path and the tail remain.
    unrolled = WriterLimits(segment_rows=10 * count, segment_bytes=1 << 40)
    seconds = interleave(
        {
            "append": record(unrolled, appended),
            "record": record(WriterLimits(), None),
            "read": lambda: sum(1 for _ in Recording.open(FOLDER).frames()),
        },
        rounds,
    )

    def per_frame(values: list[float]) -> list[float]:
        return [took / count * 1e6 for took in values]

    payload = sum(len(frame.payload) for frame in frames) / count
    return [
        figure("recording", "append, with the crash-safe tail", "µs/frame",
               per_frame(appended[1:]), note=f"{count:,} frames, {payload:.0f} B on average"),
        figure("recording", "append, roll and seal", "µs/frame", per_frame(seconds["record"]),
               note="segments, index and manifest included, synced to disk"),
        figure("recording", "read", "µs/frame", per_frame(seconds["read"]),
               note="checksum of each segment included"),
        figure("recording", "sealed", "B/frame", [size / count for size in sizes],
               note="all files of the recording"),
    ]  # fmt: skip


def _append(writer: RecordingWriter, frames: Iterable[Frame]) -> None:
    append = writer.append
    for frame in frames:
        append(frame.stream, frame.connection, frame.recv_ns, frame.payload, frame.kind)
