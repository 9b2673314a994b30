"""What is wrong with a scene is said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.local_venue.flow.stage import KALSHI, MARKET, SECOND, scene_of
from underround.local_venue.flow.quantities import Span, read_span
from underround.local_venue.flow.scene import AnyStep
from underround.local_venue.flow.scene_file import find_scene, read_scene, read_step
from underround.model.errors import ConfigError

WRONG = {
    "title =": "this is not TOML: .*: correct it there$",
    'tittle = "x"': r":1: tittle: there is no such key: did you mean title\?$",
    "seed = -1": ":1: seed: expected int >= 0: write a larger one$",
    "starts = 2026-11-20T12:00:00": ":1: starts: it has no time zone: write it like 2026-",
    "[[markets]]\nslug = 'a'": r":1: markets\[0\]: object missing required field title: add it$",
    MARKET.replace('"0.48"', "0.48"): (
        r":2: markets\[0\]\.bids\[0\]\[0\]: 0.48 is a number of TOML, which is not exact: put it"
    ),
    MARKET.replace("0.48", "1.2"): r"bids\[0\]\[0\]: \"1.2\" is no price: write one above 0 and",
    MARKET.replace("0.48", "0.485"): r"bids\[0\]: 0.485 is off the grid of 0.01: use a multiple",
    MARKET.replace("0.48", "0.53"): r"asks: the bid 0.53 meets the ask 0.52: move them apart$",
    MARKET.replace('"100"', '"1"'): r"bids\[0\]: 1 is below the least size 5: add more$",
    MARKET.replace('"100"', '"10.001"'): r"10.001 is no multiple of 0.01: round it$",
    MARKET.replace('"100"', '"much"'): r"'much' is not a plain decimal number: write it like",
    MARKET.replace('"100"', '"-5"'): r"\"-5\" is negative: write it like",
    MARKET + MARKET: r":8: markets\[1\]: rain is there already: give it another name$",
    MARKET + 'event = "x"': r"markets\[0\]\.event: there is no event x: nothing can be set here$",
    MARKET + 'tick = "0.02"': r"markets\[0\]\.tick: '0.02' is unknown: use one of 0.1, 0.01, ",
    MARKET + 'outcomes = ["A", "a"]': "outcomes: both have the same name: give each its own$",
    MARKET + 'venue = "binance"': "venue: 'binance' is unknown: use one of polymarket, kalshi$",
    "[[events]]\nslug = 'e'\ntitle = 'E'\nneg_risk = true": "e needs at least two markets: add",
    "[[accounts]]\nname = 'a'": r"accounts\[0\]: object missing required field cash: add it$",
    "[[accounts]]\nname = 'a'\ncash = 5": "5 is a number of TOML, which is not exact: put it in",
    MARKET
    + "[[accounts]]\nname='a'\ncash='5'\nshares=[{market='rain',outcome='maybe',size='5'}]": (
        r"accounts\[0\]\.shares\[0\]\.outcome: rain has no outcome maybe: use YES \(Yes\) or NO"
    ),
    KALSHI + "[[accounts]]\nname='a'\nvenue='kalshi'\ncash='5'\n"
    "shares=[{market='KXRAIN-26NOV20-T1',outcome='YES',size='5'}]": (
        "Kalshi's positions come from trades only: let the account send an order$"
    ),
    "[[steps]]\nat = '2'\ndo = 'clear'": r"steps\[0\]\.at: \"2\" is no span of time: write \"250",
    "[[steps]]\nat = '2s'\ndo = 'explode'": r"\.do: 'explode' is unknown: use one of order, ",
    "[[steps]]\nat = '2s'": r"steps\[0\]: object missing required field do: add it$",
    MARKET + "[[steps]]\ndo='resolve'\nmarket='rian'\nwins='YES'": (
        r":7: steps\[0\]\.market: there is no market rian: did you mean rain\?$"
    ),
    MARKET + "[[steps]]\ndo='resolve'\nmarket='rain'\nwin='YES'": (
        r"steps\[0\]\.win: there is no such key: did you mean wins\?$"
    ),
    MARKET + "[[steps]]\ndo='resolve'\nmarket='rain'\nwins='maybe'": (
        "wins: 'maybe' is unknown: use one of YES, NO, void$"
    ),
    "[[steps]]\ndo = 'cancel'": r"steps\[0\]\.name: cancel either an order by its name or an acc",
    "[[steps]]\ndo = 'cancel'\nname = 'x'": r"no order before is called x: nothing can be set",
    "[[steps]]\ndo = 'closed_only'\naccount = 'zoe'": r"\.account: there is no account zoe: known",
    "[[accounts]]\nname='zoe'\ncash='1'\n[[steps]]\ndo='closed_only'\naccount='zoe'": (
        "only a ready-made account can be: use one of alice, bob, carol$"
    ),
    "[[steps]]\ndo='fund'\naccount='zoe'\ncash='1'": r"\.account: there is no account zoe: known",
    "[[steps]]\ndo='fund'\naccount='0x12'\ncash='1'": (
        r"\.account: address '0x12' has 2 hex digits .*: write 0x and 40 hex digits$"
    ),
    f"[[steps]]\ndo='fund'\naccount='0x{'12' * 20}'\ncash='1'\nvenue='kalshi'": (
        r"\.account: there is no account 0x12"
    ),
    "[[steps]]\ndo='fund'\naccount='bob'\ncash=1": r"\.cash: 1 is a number of TOML, which is not",
    KALSHI + "[[steps]]\ndo='ticks'\nmarket='KXRAIN-26NOV20-T1'\ntick='0.001'": (
        "Kalshi's grids do not change here: name a Polymarket market$"
    ),
    MARKET + "[[steps]]\ndo='order'\naccount='bob'\nmarket='rain'\noutcome='YES'\nside='buy'\n"
    "price='0.4'\nsize='5'\nlives='1m'": r"\.lives: it belongs to GTD orders, and they need it",
    MARKET
    + "[[steps]]\ndo='print'\nmarket='rain'\noutcome='YES'\nside='buy'\nprice='0.5'\nsize='0'": (
        r"\.size: an order of nothing: write a size above 0"
    ),
    "[[steps]]\ndo='fault'\nset={fault='lose', stream='polymarket.market', permille=5}": (
        r"steps\[0\]\.set\.permille: there is no such key: did you mean per_mille\?$"
    ),
    "[[steps]]\ndo='fault'\nset={fault='loose', stream='polymarket.market'}": (
        r"\.set\.fault: 'loose' is unknown: use one of drop, freeze, delay,"
    ),
    "[recording]\nname = 'none'": r":1: .*there is no recording none: give a folder or one of nhl",
    "[generator]\nstep_ms = 300": r"generator\.step_ms: it must divide a second: 100, 200, 250",
    "[generator]\n[[generator.windows]]\nasset='BTC'\nperiod='5m'": (
        r"generator\.windows: those of BTC need a price: add \[generator.prices.\"btc/usd\"\]"
    ),
    "[generator.prices.'btc/usd']\nstart='0'": r"\.start: a price begins above 0: write it like",
    "[generator.prices.'btc/usd']\nstart='1'\n[[generator.windows]]\nasset='BTC'\nperiod='5m'\n"
    "venue='kalshi'": r":3: generator\.windows\[0\]\.period: Kalshi lists windows of \"15m\" only$",
    "[[generator.groups]]\nslug='g'\ntitle='G'\noutcomes=['a','a','b']": (
        r"generator\.groups\[0\]\.outcomes: two of them have the same name: name each once$"
    ),
    "[[generator.games]]\nslug='g'\nhome='a'\naway='b'\nlasts='1s'": (
        r"generator\.games\[0\]\.lasts: at least a minute, \"1m\"$"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_scene_is_one_sentence_with_place_and_remedy(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=WRONG[text]) as told:
        scene_of(tmp_path, text)
    sentence = str(told.value)
    assert sentence.startswith(f"{tmp_path / 'scene.toml'}")
    assert "\n" not in sentence
    assert sentence.count(": ") >= 2
    assert "`" not in sentence


def test_a_file_that_is_not_there_or_no_text_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such scene: correct the path$"):
        read_scene(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"byte 0 is not UTF-8: save it as UTF-8$"):
        read_scene(tmp_path / "binary.toml")
    with pytest.raises(ConfigError, match=r"bundled name \(desk, exact, quiet, storm\)$"):
        find_scene("none")


@pytest.mark.parametrize(
    "written, nanos",
    [("250ms", SECOND // 4), ("2s", 2 * SECOND), ("1h30m", 5_400 * SECOND), ("0.5s", SECOND // 2)],
)
def test_spans_of_time_are_exact(written: str, nanos: int) -> None:
    assert read_span(written) == Span(nanos)


def test_a_step_of_every_kind_is_known_by_its_word() -> None:
    for kind in get_args(AnyStep):
        with pytest.raises(ConfigError) as told:
            read_step(b'{"do": "%s", "nonsense": 1}' % kind.__struct_config__.tag.encode())
        assert str(told.value).startswith("nonsense: there is no such key")
