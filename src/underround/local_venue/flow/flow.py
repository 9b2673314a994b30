"""Everything that fills one local venue: the scene's own script, and what runs beside it."""

from __future__ import annotations

from pathlib import Path

from underround.local_venue.flow.generator import Generator
from underround.local_venue.flow.grid import follow_ticks
from underround.local_venue.flow.house import House
from underround.local_venue.flow.recording import RecordingFlow
from underround.local_venue.flow.scene import AnyStep, Scene
from underround.local_venue.flow.scene_file import read_step
from underround.local_venue.flow.script import Restart, Script
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.model.units import Nanos


class Flow:
    """One scene in one world."""

    def __init__(self, world: World, scene: Scene, restart: Restart | None = None) -> None:
        """Nothing happens before ``begin``; raises ``RecordingError`` for a broken recording.

        ``restart`` restarts Polymarket's engine as its servers know it: ``(now, down_ms,
        post_only_ms)``.
        """
        self.scene = scene
        self.house = House(world)
        self._world = world
        self._script = Script(world, self.house, scene, restart)
        self.recording: RecordingFlow | None = None
        if scene.recording is not None:
            self.recording = RecordingFlow(world, Path(scene.recording.name), self.house)
        self._generator: Generator | None = None
        if scene.generator is not None:
            self._generator = Generator(world, self.house, scene.generator)

    def begin(self, now: Nanos) -> None:
        """List what is there from the beginning and plan everything else on the world's agenda.

        Ready-made accounts must have moved in before: the scene decides what they have.
        """
        follow_ticks(self._world)
        self._script.begin(now)
        if self.recording is not None and self.scene.recording is not None:
            self._world.agenda.plan(now + self.scene.recording.after, self.recording.begin)
        if self._generator is not None:
            self._generator.begin(now)

    def perform(self, step: AnyStep, now: Nanos) -> str:
        """Do one step now; return why the venue refused it, if it did.

        Raises ``ConfigError`` for names nobody knows.
        """
        return self._script.perform(step, now)

    def carry_out(self, data: bytes, now: Nanos) -> str:
        """Do one step given as JSON now; return what it was; ``ConfigError`` if it is refused."""
        step = read_step(data)
        if step.at:
            raise ConfigError("at: a step that is sent happens at once: leave it out")
        tag = str(step.__struct_config__.tag)
        refused = self.perform(step, now)
        if refused:
            raise ConfigError(f"{tag}: {refused}")
        return tag
