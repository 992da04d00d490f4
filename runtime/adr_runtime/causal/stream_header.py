"""The header of a stream's state, and what its numbers may be beyond their types."""

from dataclasses import asdict, dataclass
from typing import Any

from adr_runtime.bundles.manifest import Rule
from adr_runtime.causal.config import MAX_GUIDANCE, Settings
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.causal.playlist import MAX_WORD_TOKENS, MAX_WORDS, Playlist
from adr_runtime.causal.samplers import SAMPLERS
from adr_runtime.limits import MAX_COUNT as MAX_ROWS
from adr_runtime.limits import MAX_TEMPERATURE
from adr_runtime.philox import SEED_BITS

# Tokens that are decoded at a time: nearly nine minutes of speech at 31 a second.
MAX_CHUNK = 1 << 14
# Noise is keyed by counters of 32 bits.
MAX_POSITION = 1 << 32
MAX_LIMIT = 1 << 60
# Of one token, for all rows and steps.
MAX_NOISE_BYTES = 1 << 30


@dataclass(frozen=True)
class Header:
    """`bundle` is the SHA-256 of its manifest.json. `past` is the length of the softmax mixer's cache, 0 without one;
    `finished` says for each row whether its clip is over; `controls` counts the tokens to come whose controls are
    known, null where nobody gave any; the rest are the fields of `Stream`, `GenerationState` and `Playlist`."""

    bundle: str
    settings: Settings
    position: int
    past: int
    labels: tuple[int, ...]
    finished: tuple[bool, ...]
    limit: int | None
    chunk_tokens: int
    emitted: int
    skip: int
    playlist: Playlist | None
    controls: int | None = None

    def values(self) -> dict[str, Any]:
        """All fields as JSON has them; the one that came later only where it says something, for older runtimes."""
        values = asdict(self)
        if self.controls is None:
            del values["controls"]
        return values


def header_rules(header: Header, manifest: CausalManifest) -> list[Rule]:
    rows, labels, audio = len(header.labels), len(manifest.labels), manifest.audio
    assert audio is not None
    cache = header.position if any("past" in state.shape for state in manifest.states) else 0
    rules: list[Rule] = [
        ("labels", rows, 1 <= rows <= MAX_ROWS, f"1 to {MAX_ROWS} rows"),
        ("labels", header.labels, all(0 <= i <= labels for i in header.labels), f"numbers from 0 to {labels}"),
        ("finished", len(header.finished), len(header.finished) == rows, f"{rows} rows"),
        ("position", header.position, 0 <= header.position < MAX_POSITION, f"0 to {MAX_POSITION - 1}"),
        ("past", header.past, 0 <= header.past <= cache, f"0 to {cache}"),
        ("limit", header.limit, header.limit is None or 0 < header.limit <= MAX_LIMIT, f"1 to {MAX_LIMIT}, or null"),
        ("chunk_tokens", header.chunk_tokens, 1 <= header.chunk_tokens <= MAX_CHUNK, f"1 to {MAX_CHUNK}"),
        ("emitted", header.emitted, 0 <= header.emitted <= header.position * audio.hop, "no more than was made"),
        ("playlist", "several rows", header.playlist is None or rows == 1, "one row for a playlist"),
        ("controls", header.controls, header.controls is None or bool(manifest.controls), "null without controls"),
        ("controls", header.controls, 0 <= (header.controls or 0) < MAX_POSITION, f"0 to {MAX_POSITION - 1}"),
        ("skip", header.skip, 0 <= header.skip <= audio.delay, f"0 to {audio.delay}"),
    ]
    return [*rules, *settings_rules(header.settings, rows, manifest), *playlist_rules(header.playlist, manifest)]


def settings_rules(settings: Settings, rows: int, manifest: CausalManifest) -> list[Rule]:
    labels, speakers, steps = len(manifest.labels), len(manifest.speakers), len(manifest.schedule.betas)
    taken, guidance, warmth = settings.steps, settings.guidance, settings.temperature
    if isinstance(taken, tuple) or isinstance(guidance, tuple) or isinstance(warmth, tuple):
        return [("settings", "several values", False, "one number of steps, one guidance and one temperature")]
    noise, voices = 4 * (taken + 1) * rows * manifest.tokens.channels, settings.speakers
    return [
        ("settings.labels", len(settings.labels), len(settings.labels) == rows, f"{rows} rows"),
        ("settings.labels", settings.labels, all(0 <= i <= labels for i in settings.labels), f"0 to {labels}"),
        ("settings.speakers", len(voices), len(voices) == rows, f"{rows} rows"),
        ("settings.speakers", voices, all(0 <= i <= speakers for i in voices), f"0 to {speakers}"),
        ("settings.steps", taken, 1 <= taken <= steps, f"1 to {steps}"),
        ("settings.steps", taken, noise <= MAX_NOISE_BYTES, f"fewer for {rows} rows"),
        ("settings.sampler", settings.sampler, settings.sampler in SAMPLERS, " or ".join(SAMPLERS)),
        ("settings.guidance", guidance, 0 <= guidance <= MAX_GUIDANCE, f"0 to {MAX_GUIDANCE}"),
        ("settings.temperature", warmth, 0 <= warmth <= MAX_TEMPERATURE, f"0 to {MAX_TEMPERATURE}"),
        ("settings.seed", settings.seed, 0 <= settings.seed < 1 << SEED_BITS, f"0 to 2^{SEED_BITS} - 1"),
    ]


def playlist_rules(words: Playlist | None, manifest: CausalManifest) -> list[Rule]:
    if words is None:
        return []
    labels, count, tokens = len(manifest.labels), len(words.labels), MAX_WORD_TOKENS
    return [
        ("playlist", "one", manifest.ends, "null for a model that does not say where a word is over"),
        ("playlist.labels", count, 1 <= count <= MAX_WORDS, f"1 to {MAX_WORDS}"),
        ("playlist.labels", words.labels, all(0 <= i <= labels for i in words.labels), f"numbers from 0 to {labels}"),
        ("playlist.pause", words.pause, 0 <= words.pause <= tokens, f"0 to {tokens}"),
        ("playlist.longest", words.longest, 1 <= words.longest <= tokens, f"1 to {tokens}"),
        ("playlist.word", words.word, 0 <= words.word < MAX_POSITION, f"0 to {MAX_POSITION - 1}"),
        ("playlist.made", words.made, 0 <= words.made < words.longest, "less than playlist.longest"),
        ("playlist.quiet", words.quiet, 0 <= words.quiet <= words.pause, "up to playlist.pause"),
    ]
