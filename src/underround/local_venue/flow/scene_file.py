"""Scenes from TOML files: strict, and every mistake is one sentence with its place and remedy."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from underround.local_venue.flow.quantities import read_quantity
from underround.local_venue.flow.scene import AnyStep, Scene
from underround.local_venue.flow.scene_check import check
from underround.local_venue.flow.scene_words import at, sentence
from underround.model.errors import ConfigError
from underround.pipeline.bundled import BUNDLED

SCENES: Final = Path(str(files("underround"))) / "data" / "scenes"
"""Where the bundled scenes lie."""
DEFAULT: Final = "desk"


def bundled() -> dict[str, Path]:
    """Return the bundled scenes by name."""
    return {path.stem: path for path in sorted(SCENES.glob("*.toml"))}


def find_scene(name: str) -> Path:
    """Return the file of a bundled scene or of a path; ``ConfigError`` names the bundled ones."""
    known = bundled()
    if name in known:
        return known[name]
    if Path(name).exists():
        return Path(name)
    raise ConfigError(
        f"there is no scene {name}: give the path of one, or a bundled name ({', '.join(known)})"
    )


def read_scene(path: str | Path) -> Scene:
    """Return the scene in a file; raises ``ConfigError`` for the first thing that is wrong."""
    file = Path(path)
    text = _text(file)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: this is not TOML: {error}: correct it there") from None
    try:
        scene = msgspec.convert(written, Scene, dec_hook=read_quantity)
    except msgspec.ValidationError as error:
        raise ConfigError(sentence(file, text, written, str(error))) from None
    for where, words in check(scene):
        raise ConfigError(f"{at(file, text, where)}: {words}")
    if scene.recording is not None:
        found = _recording(file, text, scene.recording.name)
        scene = msgspec.structs.replace(
            scene, recording=msgspec.structs.replace(scene.recording, name=str(found))
        )
    return scene


def read_step(data: bytes) -> AnyStep:
    """Return one step of a scene, given as JSON; raises ``ConfigError`` saying what is wrong."""
    try:
        written = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"the step is no JSON ({error}): send an object such as "
            '{"do": "resolve", "market": "rain", "wins": "YES"}'
        ) from None
    try:
        step: AnyStep = msgspec.convert(written, AnyStep, dec_hook=read_quantity)
        return step
    except msgspec.ValidationError as error:
        wrong = sentence(None, "", {"steps": [written]}, str(error), "steps[0]")
        raise ConfigError(wrong.removeprefix("steps[0]").lstrip(".: ")) from None


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such scene: correct the path") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: byte {error.start} is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror or error}): give a file that can be"
        ) from None


def _recording(file: Path, text: str, name: str) -> Path:
    if name in BUNDLED:
        return BUNDLED[name]
    path = file.parent / Path(name).expanduser()
    if path.is_dir():
        return path
    place, known = at(file, text, "recording.name"), ", ".join(sorted(BUNDLED))
    raise ConfigError(f"{place}: there is no recording {name}: give a folder or one of {known}")
