"""The blocks of ``tail.log``: ``magic, u32 length, u32 crc32, zstd(msgpack of frames)``."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import zstandard

from underround.model.frames import Frame

MAGIC: Final = b"UTL1"
_PREFIX: Final = struct.Struct("<4sII")
_LEVEL: Final = 1  # the tail is short-lived: speed counts, the segment compresses properly

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Frame])


class TailContent(NamedTuple):
    """What could be read from a tail, and where reading had to end."""

    frames: list[Frame]
    good_bytes: int
    dropped_bytes: int


def encode_block(frames: Sequence[Frame]) -> bytes:
    """Return one block that holds ``frames``."""
    body = zstandard.ZstdCompressor(level=_LEVEL).compress(_encoder.encode(frames))
    return _PREFIX.pack(MAGIC, len(body), zlib.crc32(body)) + body


def decode_tail(data: bytes) -> TailContent:
    """Return the frames of every block before the first unreadable one; never raises.

    Only the last block can be torn by a crash.  After a damaged block nothing is used, because
    what follows would no longer join what came before.
    """
    frames: list[Frame] = []
    unpack = zstandard.ZstdDecompressor()
    at = 0
    while at + _PREFIX.size <= len(data):
        magic, length, checksum = _PREFIX.unpack_from(data, at)
        end = at + _PREFIX.size + length
        body = data[at + _PREFIX.size : end]
        if magic != MAGIC or end > len(data) or zlib.crc32(body) != checksum:
            break
        try:
            frames.extend(_decoder.decode(unpack.decompress(body)))
        except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError):
            break
        at = end
    return TailContent(frames, at, len(data) - at)


def joined(frames: Sequence[Frame], next_seq: int) -> list[Frame]:
    """Return the frames that continue the sealed ones: ``next_seq``, ``next_seq + 1`` and so on.

    Frames that a sealed segment already covers are dropped: the process ended after the index was
    replaced and before the tail was restarted.
    """
    kept: list[Frame] = []
    for frame in frames:
        if frame.ingest_seq == next_seq:
            kept.append(frame)
            next_seq += 1
        elif frame.ingest_seq > next_seq:
            break
    return kept
