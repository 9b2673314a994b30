"""Faults in keeping sockets open, in the frames between two of them, and in books stated anew."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_POOL: Final = ("venues/streams/test_pool.py",)
_INBOX: Final = ("venues/streams/test_inbox.py",)
_RESYNC: Final = ("market/test_resync.py",)
_HUB: Final = ("market/test_hub_doubts.py", "market/test_restatements.py", "app/test_feeds.py")
_FEEDS: Final = ("app/test_feeds.py",)
_POLYMARKET: Final = ("venues/polymarket/test_stream.py",)

FAULTS: Final = (
    # --- from one socket to the next -------------------------------------------------------------
    Fault(
        "a standby takes over before it has proven anything",
        "venues/streams/slot.py",
        "                await line.proof\n",
        "                pass\n",
        _POOL,
    ),
    Fault(
        "a standby has to prove nothing of what the old socket proved",
        "venues/streams/slot.py",
        "[] if self._active is None else self._demands.of(self._active.proven)",
        "[]",
        _POOL,
    ),
    Fault(
        "the old socket stays open after the hand-over",
        "venues/streams/slot.py",
        "            old.close()\n",
        "",
        _POOL,
    ),
    Fault(
        "what a standby heard before it took over is lost",
        "venues/streams/delivery.py",
        "for payload in held:",
        "for payload in held[:0]:",
        _POOL,
    ),
    Fault(
        "a hand-over goes on as the same connection",
        "venues/streams/delivery.py",
        "            self._announced = False\n        else:\n            self.connection += 1\n",
        "            self._announced = False\n",
        _POOL,
    ),
    Fault(
        "the loss of a socket is not told until the next one delivers",
        "venues/streams/delivery.py",
        '        self.frame(self._clock(), b"")\n',
        "",
        _POOL,
    ),
    Fault(
        "the time of a held frame is that of the hearing",
        "venues/streams/delivery.py",
        "            self.frame(now, payload)\n",
        "            self.frame(now - 1_000_000_000, payload)\n",
        _POOL,
    ),
    Fault(
        "a socket that broke is not followed by the standby that is open",
        "venues/streams/slot.py",
        "if standby is not None and standby.is_open:",
        "if False:",
        _POOL,
    ),
    Fault(
        "a standby may hear without bound",
        "venues/streams/line.py",
        "if len(self._held) > HELD_FRAMES or self._held_bytes > HELD_BYTES:",
        "if False:",
        _POOL,
    ),
    Fault(
        "pongs prove that data flow",
        "venues/streams/pulse.py",
        "        self._any_at = now\n        self._pinged = False",
        "        self._data_at = self._any_at = now\n        self._pinged = False",
        _POOL,
    ),
    Fault(
        "a socket without data is dead after days",
        "venues/streams/pulse.py",
        "self._silence = limits.silence_ms / 1_000",
        "self._silence = limits.silence_ms",
        _POOL,
    ),
    Fault(
        "a socket of which nothing comes, not even a pong, is kept for minutes",
        "venues/streams/pulse.py",
        "PING_S: Final = 10.0",
        "PING_S: Final = 100.0",
        _POOL,
    ),
    Fault(
        "frames leave faster than the channel allows",
        "venues/streams/outbox.py",
        "if full and now < self._sent_at[0] + _WINDOW_S:",
        "if False:",
        _POOL,
    ),
    Fault(
        "a pause between two tries does not grow",
        "venues/streams/backoff.py",
        "self._rules.first_ms / 1_000 * 2.0**doublings",
        "self._rules.first_ms / 1_000",
        _POOL,
    ),
    Fault(
        "a refused key is tried again at once",
        "venues/streams/backoff.py",
        "if isinstance(error, AccountError):",
        "if False:",
        _POOL,
    ),
    Fault(
        "a venue's Retry-After does not hold back a handshake",
        "venues/streams/backoff.py",
        "now + (told or 0) / 1_000 + self._rng",
        "now + self._rng",
        _POOL,
    ),
    # --- between sockets and books ---------------------------------------------------------------
    Fault(
        "the inbox grows without bound",
        "venues/streams/inbox.py",
        "if len(self._queue) > self._limits.frames or self._bytes > self._limits.bytes:",
        "if False:",
        _INBOX,
    ),
    Fault(
        "the bytes that wait are not counted",
        "venues/streams/inbox.py",
        " or self._bytes > self._limits.bytes:",
        ":",
        _INBOX,
    ),
    Fault(
        "frames that were dropped are not told",
        "venues/streams/inbox.py",
        "        self._owner.overflowed(stream)\n",
        "",
        _INBOX,
    ),
    Fault(
        "a shed stream is not stated anew",
        "venues/streams/inbox.py",
        "            self._owner.recovered(stream)\n",
        "            pass\n",
        _INBOX,
    ),
    Fault(
        "a shed stream's next frames are applied over the gap",
        "venues/streams/inbox.py",
        "elif stream in self._shed:",
        "elif False:",
        _INBOX,
    ),
    Fault(
        "frames of a connection that is over are still applied",
        "venues/streams/inbox.py",
        "        self._forget(frame.stream)\n        first",
        "        first",
        _INBOX,
    ),
    Fault(
        "a frame that comes while one is consumed goes first",
        "venues/streams/inbox.py",
        "elif self._queue or self._busy or",
        "elif self._queue or",
        _INBOX,
    ),
    Fault(
        "a frame is recorded after it was looked at",
        "app/live/feeds.py",
        "        self._record(stream, connection, recv_ns, payload)\n"
        '        assert self._inbox is not None, "frames come while run() runs"\n'
        "        self._inbox.put(stream, connection, recv_ns, payload)\n",
        "        assert self._inbox is not None\n"
        "        self._inbox.put(stream, connection, recv_ns, payload)\n"
        "        self._record(stream, connection, recv_ns, payload)\n",
        _FEEDS,
    ),
    # --- books stated anew -----------------------------------------------------------------------
    Fault(
        "a requested book older than ours is newer",
        "market/resync.py",
        "if stated.at_ns is not None and stated.at_ns < tracked.changed_ns:",
        "if False:",
        _RESYNC,
    ),
    Fault(
        "two different books of one moment are one newer than the other",
        "market/resync.py",
        'return "different" if stated.at_ns == tracked.changed_ns else "newer"',
        'return "newer"',
        _RESYNC,
    ),
    Fault(
        "a doubt is asked about before its grace",
        "market/resync.py",
        "return self.rules.graces.get(reason, 0) * NANOS_PER_MS",
        "return 0",
        _RESYNC,
    ),
    Fault(
        "a second question is put before the first one's answer is due",
        "market/resync.py",
        "case.due_ns = now + max(pause_ns, rules.answer_ms * NANOS_PER_MS)",
        "case.due_ns = now + pause_ns",
        _RESYNC,
    ),
    Fault(
        "a book that no question helps never makes its stream suspicious",
        "market/resync.py",
        "suspicious = attempt > 0 and attempt % rules.suspicion == 0",
        "suspicious = False",
        _RESYNC,
    ),
    Fault(
        "all trusted books are compared in one moment",
        "market/resync.py",
        "int(self.rules.compare_ms * self._rng.uniform(0.75, 1.25))",
        "self.rules.compare_ms",
        _RESYNC,
    ),
    Fault(
        "every book is restated instead of the doubted one",
        "app/live/restatements.py",
        "topics += channel.topics(self._markets[ask.market])",
        "topics += [topic for each in self._markets.values() for topic in channel.topics(each)]",
        _FEEDS,
    ),
    Fault(
        "a requested book replaces newer state of the stream",
        "market/snapshots.py",
        "        if event.at_ns is not None and event.at_ns < tracked.changed_ns:\n"
        "            tracked.counters.stale_snapshots",
        "        if False:\n            tracked.counters.stale_snapshots",
        _HUB,
    ),
    Fault(
        "a requested book is trusted although its stream is silent",
        "market/snapshots.py",
        "if tracked.feed.silent or not tracked.changed_ns:",
        "if not tracked.changed_ns:",
        _HUB,
    ),
    # --- dialects --------------------------------------------------------------------------------
    Fault(
        "a book with another hash than ours proves a socket",
        "venues/polymarket/stream.py",
        "            and event.venue_hash == snapshot_hash(event, markets[event.market])\n",
        "",
        _POLYMARKET,
    ),
    Fault(
        "an empty list subscribes to every market",
        "venues/polymarket/stream.py",
        "        if not topics:\n            return ()\n"
        '        return (frame(assets_ids=list(topics), type="market"',
        '        return (frame(assets_ids=list(topics), type="market"',
        _POLYMARKET,
    ),
)
