"""The configuration loader: exact, strict, and able to name the place of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import ConfigError
from underround.model.units import decimal_text, usd
from underround.operations.config import Loaded, SecretRef, StrategySection, default_file, load
from underround.operations.document import COMMAND_LINE, DEFAULT

Dollars = Annotated[int, msgspec.Meta(ge=0, extra={"micros": "dollars"})]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    min_edge: Dollars = usd("0.005")
    max_age_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 2_000


class OtherParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    levels: int = 3


PARAMS: dict[str, type[msgspec.Struct]] = {"dutch_book": Params, "spread_capture": OtherParams}


class Risk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_loss: Dollars = usd("100")
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    policy: Literal["strict", "loose"] = "strict"
    steps: tuple[Dollars, ...] = ()
    key: SecretRef | None = None
    folder: Path | None = None
    venue_cash: dict[str, Dollars] = {}


class Root(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    seed: int = 1
    name: str = ""
    weight: float = 1.0
    risk: Risk = Risk()
    strategies: dict[str, StrategySection] = msgspec.field(
        default_factory=lambda: {
            "first": StrategySection(kind="dutch_book", markets=("*",), params=Params())
        }
    )


def loaded(folder: Path, text: str | None, *overrides: str) -> Loaded[Root]:
    file = None
    if text is not None:
        file = folder / "underround.toml"
        file.write_text(text, "utf-8")
    return load(
        Root,
        file,
        overrides,
        params_type=PARAMS.get,
        kinds=PARAMS,
    )


def refusal(folder: Path, text: str | None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, *overrides)
    return str(caught.value).replace(f"{folder}/", "")


def test_nothing_given_is_all_defaults(tmp_path: Path) -> None:
    """Without file and overrides every value is the struct's and its origin is the default."""
    found = loaded(tmp_path, None)
    assert found.value == Root()
    assert set(found.origins.values()) == {DEFAULT}
    assert "strategies.first.params.min_edge" in found.origins


def test_precedence_is_command_line_then_file_then_default(tmp_path: Path) -> None:
    """The command line wins over the file, the file over the default, and origins say which."""
    found = loaded(
        tmp_path, '[risk]\nmax_loss = "50"\nshare = 0.25\n', "risk.max_loss=7.5", "seed=9"
    )
    assert (found.value.risk.max_loss, found.value.risk.share) == (7_500_000, 0.25)
    assert found.value.seed == 9
    assert found.origins["risk.max_loss"] == COMMAND_LINE
    assert found.origins["risk.share"] == f"{tmp_path}/underround.toml:3"
    assert found.origins["risk.policy"] == DEFAULT


def test_the_last_override_of_a_key_wins(tmp_path: Path) -> None:
    """Overrides are applied in order."""
    assert loaded(tmp_path, None, "seed=2", "seed=3").value.seed == 3


def test_every_leaf_has_exactly_one_origin(tmp_path: Path) -> None:
    """Rows, which walk the value, and origins, noted while reading, name the same leaves."""
    text = (
        '[risk]\nvenue_cash = { kalshi = "5" }\nsteps = ["1", "2"]\n'
        '[strategies."a b"]\nkind = "dutch_book"\nmarkets = []\nparams.min_edge = "1"\n'
    )
    found = loaded(tmp_path, text, "risk.venue_cash.polymarket=6")
    assert [path for path, _, _ in found.rows()] == list(dict.fromkeys(
        path for path, _, _ in found.rows()
    ))  # fmt: skip
    assert {path for path, _, _ in found.rows()} == set(found.origins)
    assert found.origins['strategies."a b".params.min_edge'].endswith(":7")


@given(st.integers(min_value=0, max_value=10**15))
def test_money_is_exact_from_file_to_struct_and_back(micros: int) -> None:
    """Decimal text becomes the same millionths, and is shown as the same text again."""
    text = decimal_text(micros)
    found = load(Risk, None, [f"max_loss={text}"])
    assert found.value.max_loss == micros
    assert found.tree()["max_loss"] == text


def test_money_as_a_toml_number_is_refused_with_the_reason(tmp_path: Path) -> None:
    """A TOML number where exact money belongs is refused and told to be quoted."""
    said = refusal(tmp_path, "[risk]\n\nmax_loss = 0.02\n")
    assert said.startswith("underround.toml:3: risk.max_loss: expected a decimal number of dollars")
    assert "got the number 0.02: put it in quotes" in said


@pytest.mark.parametrize("text", ['"1e3"', '"0.0000001"', '""', '"-1"', "true", '["1"]', "{a=1}"])
def test_what_is_no_amount_is_refused(tmp_path: Path, text: str) -> None:
    """Exponents, digits below a millionth, empty text, values below the bound and other types."""
    assert refusal(tmp_path, f"[risk]\nmax_loss = {text}\n").startswith(
        "underround.toml:2: risk.max_loss: expected a decimal number of dollars at least 0"
    )


@pytest.mark.parametrize(
    "text,said",
    [
        ("sede = 1", "underround.toml:1: sede: there is no such key: did you mean seed?"),
        ("\n[rsik]\nx = 1", "underround.toml:2: rsik: there is no such key: did you mean risk?"),
        ("[risk]\nqqq = 1", "underround.toml:2: risk.qqq: there is no such key: known are "),
        ('seed = "1"', 'underround.toml:1: seed: expected a whole number, got the string "1"'),
        ("seed = true", "underround.toml:1: seed: expected a whole number, got the value true"),
        ("seed = 1.0", "underround.toml:1: seed: expected a whole number, got the number 1.0"),
        ("risk = 3", "underround.toml:1: risk: expected a section, got the number 3"),
        ("[seed]", "underround.toml:1: seed: expected a whole number, got a section"),
        ("[risk]\nshare = 2", "underround.toml:2: risk.share: expected a number from 0 to 1, got"),
        ("[risk]\nshare = nan", "underround.toml:2: risk.share: expected a number from 0 to 1,"),
        ("weight = nan", "underround.toml:1: weight: expected a number, got the number nan"),
        ("weight = -inf", "underround.toml:1: weight: expected a number, got the number -inf"),
        ("[risk]\nshare = inf", "underround.toml:2: risk.share: expected a number from 0 to 1,"),
        (
            '[risk]\npolicy = "lose"',
            'underround.toml:2: risk.policy: expected one of "strict", "loose", got the string',
        ),
        ('[risk]\nsteps = [\n"1",\n2,\n]', "underround.toml:2: risk.steps[1]: expected a decimal"),
        ("[risk]\nsteps = 1", "underround.toml:2: risk.steps: expected a list, got the number 1"),
        ("seed = ", "underround.toml:1: not TOML"),
        ("a = 1\nb = [1,\n", "underround.toml:2: not TOML"),
        ("seed = 1\nseed = 2", "underround.toml:2: not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_line_key_and_remedy(
    tmp_path: Path, text: str, said: str
) -> None:
    """Every kind of mistake names its line, its key, what was expected and what is there."""
    assert refusal(tmp_path, text).startswith(said)


def test_a_mistake_on_the_command_line_is_named_as_such(tmp_path: Path) -> None:
    """An override that is wrong names the command line as its place."""
    assert refusal(tmp_path, None, "risk.share=7").startswith("command line: risk.share: expected")
    assert "did you mean seed?" in refusal(tmp_path, None, "sed=7")


@pytest.mark.parametrize("override", ["seed", "=3", "a b=1", ".=1", "[x]=1", ""])
def test_an_override_without_key_and_value_is_refused(tmp_path: Path, override: str) -> None:
    """What is not section.key=value is refused with an example."""
    assert "is not section.key=value" in refusal(tmp_path, None, override)


def test_an_override_takes_bare_text_where_the_key_holds_text(tmp_path: Path) -> None:
    """Text needs no quotes on the command line, even if it looks like a number; lists stay TOML."""
    found = loaded(
        tmp_path, None, "name=007", "risk.folder=/x y", 'risk.policy="loose"', "risk.steps=['1']"
    )
    assert found.value.name == "007"
    assert found.value.risk.folder == Path("/x y")
    assert found.value.risk.policy == "loose"
    assert found.value.risk.steps == (1_000_000,)


def test_an_override_with_an_equals_sign_in_its_value_keeps_it(tmp_path: Path) -> None:
    """Only the first equals sign divides key and value."""
    assert loaded(tmp_path, None, "name=a=b").value.name == "a=b"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that was named and is not there is never taken for an empty one."""
    with pytest.raises(ConfigError, match="there is no such configuration file"):
        load(Root, tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused with a remedy."""
    file = tmp_path / "underround.toml"
    file.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8: save the file"):
        load(Root, file)


def test_the_file_may_come_from_windows(tmp_path: Path) -> None:
    """A byte order mark and carriage returns change neither values nor lines."""
    file = tmp_path / "underround.toml"
    file.write_bytes("\ufeffseed = 4\r\n[risk]\r\nshare = 1\r\n".encode())
    found = load(Root, file, params_type=PARAMS.get)
    assert found.value.seed == 4
    assert found.origins["risk.share"].endswith(":3")


def test_the_default_file_is_the_one_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an option underround.toml is used if it is there, and nothing if it is not."""
    monkeypatch.chdir(tmp_path)
    assert default_file() is None
    (tmp_path / "underround.toml").touch()
    assert default_file() == Path("underround.toml")


# --- strategies --------------------------------------------------------------------------------


def test_instances_of_the_file_replace_the_default_ones(tmp_path: Path) -> None:
    """Several instances of a kind live side by side, and a default one does not stay unasked."""
    text = "".join(
        f'[strategies.{name}]\nkind = "dutch_book"\nmarkets = ["x"]\n' for name in ("a", "b")
    )
    assert list(loaded(tmp_path, text).value.strategies) == ["a", "b"]


def test_an_override_changes_a_default_instance(tmp_path: Path) -> None:
    """Reaching into a default instance changes one parameter and keeps the others."""
    found = loaded(tmp_path, None, "strategies.first.params.min_edge=0.01")
    params = found.value.strategies["first"].params
    assert params == Params(min_edge=10_000)
    assert found.value.strategies["first"].markets == ("*",)
    assert found.origins["strategies.first.params.min_edge"] == COMMAND_LINE
    assert found.origins["strategies.first.params.max_age_ms"] == DEFAULT


def test_another_kind_does_not_inherit_the_parameters_of_the_first(tmp_path: Path) -> None:
    """Changing the kind of a default instance starts from the new kind's own defaults."""
    section = loaded(tmp_path, None, "strategies.first.kind=spread_capture").value.strategies[
        "first"
    ]
    assert section.params == OtherParams()
    assert section.markets == ("*",)


def test_an_unknown_kind_names_the_nearest(tmp_path: Path) -> None:
    """A kind that is not registered is refused at its own line."""
    said = refusal(tmp_path, '[strategies.a]\nmarkets = []\nkind = "duch_book"\n')
    assert said == (
        "underround.toml:3: strategies.a.kind: there is no strategy kind 'duch_book': "
        "did you mean dutch_book?"
    )


@pytest.mark.parametrize(
    "params,said",
    [
        ("min_edg = '1'", "params.min_edg: there is no such key: did you mean min_edge?"),
        ("max_age_ms = 0", "params.max_age_ms: expected a whole number from 1 to 60000, got"),
        ("min_edge = 1", "params.min_edge: expected a decimal number of dollars"),
    ],
)
def test_params_are_checked_against_their_kind(tmp_path: Path, params: str, said: str) -> None:
    """Names and bounds of parameters are those of the kind's own struct."""
    text = f'[strategies.a]\nkind = "dutch_book"\nmarkets = []\n[strategies.a.params]\n{params}\n'
    assert refusal(tmp_path, text).startswith(f"underround.toml:5: strategies.a.{said}")


@pytest.mark.parametrize(
    "override,said",
    [
        ("strategies.first.min_edg=1", "did you mean strategies.first.params.min_edge?"),
        ("strategies.fist.params.min_edge=1", "there is no instance fist: did you mean first?"),
        ("risk.max_loss=abc", "at least 0, such as 0.02: 'abc' is not a plain decimal number"),
        ("risk.max_loss", "write for example --set risk.max_loss=25"),
    ],
)
def test_a_mistyped_override_is_told_what_was_meant(
    tmp_path: Path, override: str, said: str
) -> None:
    """The command line is corrected in its own terms: no quotes, and paths that can be typed."""
    sentence = refusal(tmp_path, None, override)
    assert sentence.startswith("command line: ")
    assert said in sentence
    assert "in quotes" not in sentence


def test_a_new_instance_may_be_begun_on_the_command_line(tmp_path: Path) -> None:
    """With its kind an instance is meant to be new."""
    found = loaded(
        tmp_path, None, "strategies.new.kind=spread_capture", "strategies.new.markets=['*']"
    )
    assert list(found.value.strategies) == ["first", "new"]


def test_sections_can_be_left_unread(tmp_path: Path) -> None:
    """What is left out keeps its default, however wrong the file is there."""
    file = tmp_path / "underround.toml"
    file.write_text('seed = 4\n[strategies.a]\nkind = "lost"\n')
    found = load(Root, file, ["strategies.b.x=1"], params_type=PARAMS.get, without=("strategies",))
    assert (found.value.seed, found.value.strategies) == (4, Root().strategies)


def test_the_check_of_a_section_names_the_key_it_is_about(tmp_path: Path) -> None:
    """A sentence that begins with a field's name is told at that field's own line."""

    class Checked(msgspec.Struct, frozen=True):
        low: int = 1
        high: int = 2

        def __post_init__(self) -> None:
            if self.high < self.low:
                raise ValueError("high: it is below low")

    file = tmp_path / "underround.toml"
    file.write_text("low = 5\nhigh = 4\n")
    with pytest.raises(ConfigError, match=r"toml:2: high: it is below low"):
        load(Checked, file)


def test_an_instance_without_kind_or_markets_is_refused(tmp_path: Path) -> None:
    """What an instance needs has no default."""
    said = refusal(tmp_path, '\n[strategies.a]\nkind = "dutch_book"\n')
    assert (
        said
        == "underround.toml:2: strategies.a.markets: it is missing and has no default: add a list"
    )


# --- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["'hunter2'", "['hunter2']", "{ a = 'hunter2' }", "'env:9hunter2'"]
)
def test_a_plain_secret_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    """The error names file, line and key, and not what was written there."""
    said = refusal(tmp_path, f"[risk]\nkey = {text}\n")
    assert said.startswith("underround.toml:2: risk.key: expected a reference to a secret")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host/db", "postgresql://hunter2@host", "s3:me:hunter2@host",
        "postgresql://me:hun/ter2hunter2@host/db", "https://host/?a=1&password=hunter2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["name = '{}'", "name = ['{}']", "seed = '{}'"])
def test_a_secret_inside_a_url_is_refused_and_never_repeated(
    tmp_path: Path, form: str, url: str
) -> None:
    """Users, passwords and tokens in URLs are refused wherever they stand."""
    said = refusal(tmp_path, f"{form.format(url)}\n")
    assert said.startswith("underround.toml:1: ")
    assert "hunter2" not in said
    assert "host" not in said


def test_a_url_or_path_without_secrets_is_taken(tmp_path: Path) -> None:
    """An at sign in a path is no secret."""
    for url in ("sqlite:///a@b/x.db", "a@b/x.db", "https://host:80/x", "s3://bucket/key"):
        assert loaded(tmp_path, None, f"name={url}").value.name == url


def test_broken_toml_around_a_secret_does_not_repeat_it(tmp_path: Path) -> None:
    """A syntax error says where, and not what stands there."""
    assert "hunter2" not in refusal(tmp_path, '[risk]\nkey = "hunter2\n')


def test_a_reference_is_kept_and_shown_as_a_reference(tmp_path: Path) -> None:
    """The three forms are accepted; show-config prints the reference."""
    for reference in ("env:KEY", "file:/run/key", "keystore:main.kalshi"):
        found = loaded(tmp_path, f'[risk]\nkey = "{reference}"\n')
        assert found.value.risk.key == SecretRef(reference)
        assert found.tree()["risk"]["key"] == reference  # type: ignore[index]  # a section
    assert loaded(tmp_path, None, "risk.key=env:KEY").value.risk.key == SecretRef("env:KEY")


def test_a_section_of_the_operators_own_names_can_be_empty(tmp_path: Path) -> None:
    """An empty table is a value with an origin, and is not the default."""
    found = loaded(tmp_path, "[strategies]\n")
    assert found.value.strategies == {}
    assert found.origins["strategies"].endswith(":1")


def test_lines_are_right_below_long_strings_arrays_and_comments(tmp_path: Path) -> None:
    """What spans lines, or looks like a key inside a string, does not shift what follows."""
    text = (
        '# seed = 9\nname = """\nseed = 3\n[risk]\n"""\n\n'
        "seed = 2 # one, two,\nweight = 2\n"
        "[risk] # here\nsteps = [ # one, two,\n  '1', # x,\n\n  '2',\n]\nshare = 1\n"
    )
    found = loaded(tmp_path, text)
    lines = {key: int(where.rpartition(":")[2]) for key, where in found.origins.items()
             if where != DEFAULT}  # fmt: skip
    assert lines == {"name": 2, "seed": 7, "weight": 8, "risk.steps": 10, "risk.share": 15}
