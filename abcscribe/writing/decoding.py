"""Heard notes + a language model -> tokens: greedy decoding, sampling, beam search, and the masks of the logits.

A `Stepper` runs the model (ONNX Runtime or torch), `abcscribe.tokens.Reader` gives the mask of the grammar, this module
chooses. Invalid scores cannot be written: the grammar, positions within their bar, the pointer within the heard groups
and the user's hints mask the logits. Every answer ends, because the sequences of the grammar are finite.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from abcscribe.errors import ScoreError
from abcscribe.model.note_features import HeardNotes
from abcscribe.tokens import METRE_TOKENS, MODES, MOST_FIFTHS, VOCABULARY, Reader, tempo_index
from abcscribe.writing.draft import Draft, groups_ahead

CLOSED = -1e9  # logit of a masked token
MOST_AHEAD = 8  # tokens of a draft that are verified in one step; 4 to 12 take the same time


class Stepper(Protocol):
    """The model, run token by token; holds the cache of keys and values of all rows."""

    def start(self, heard: Sequence[HeardNotes]) -> None:
        """Fill the cache with the note list of each row."""

    def step(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Append ids (rows, k) at positions (rows, k, 3); logits (rows, vocabulary) of the next token."""
        ...

    def keep(self, rows: np.ndarray) -> None:
        """Continue with these rows (repetition allowed), in this order."""


@runtime_checkable
class Checker(Stepper, Protocol):
    """A stepper that returns logits after each of several tokens, and can remove the last ones from its cache."""

    def check(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """As ``step``, with logits (rows, k, vocabulary) after each of the k tokens."""
        ...

    def drop(self, count: int) -> None:
        """Remove the last ``count`` tokens from the cache."""


class Guide(Protocol):
    """Changes of the model's log-probabilities by other evidence."""

    def __call__(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """Log-probabilities (vocabulary,) of the next token -> changed ones; they need not be normalised."""
        ...


@dataclass(frozen=True, slots=True)
class Decoding:
    """Parameters of decoding."""

    temperature: float = 0.0  # 0: greedy
    top_p: float = 1.0  # nucleus sampling: the likeliest tokens of this total probability
    beams: int = 1  # hypotheses of the beam search; above 1 the temperature is not used
    most_tokens: int = 2048  # after the prompt
    constrained: bool = True  # False: no mask but PAD, so that a policy can learn validity
    seed: int = 0  # of the sampling
    first: int = 0  # number of the first answer: what is drawn of one does not depend on those beside it


@dataclass(frozen=True, slots=True)
class Constraints:
    """The user's hints as tokens: the others of their blocks are masked."""

    metre: int | None = None
    fifths: int | None = None
    mode: int | None = None
    tempo: int | None = None
    program: int | None = None  # then there is one part
    parts: tuple[int, ...] | None = None  # programs and clefs of all parts, in order
    downbeat: int | None = None  # group of heard notes that begins a bar

    @classmethod
    def of(cls, metre=None, key=None, quarter_bpm=None, program=None, downbeat=None) -> Constraints:
        """From a Metre, a Key, quarters a minute, a General MIDI program and a group; None leaves it free."""
        v = VOCABULARY
        return cls(
            v.metre.start + METRE_TOKENS.index(metre) if metre in METRE_TOKENS and metre else None,
            v.fifths.start + key.fifths + MOST_FIFTHS if key else None,
            v.mode.start + MODES.index(key.mode) if key else None,
            v.tempo.start + tempo_index(quarter_bpm) if quarter_bpm else None,
            v.program.start + program if program is not None else None,
            downbeat=downbeat,
        )

    def narrow(self, allowed: np.ndarray, reader: Reader) -> None:
        """Mask the tokens that contradict the constraints, in place."""
        v, header = VOCABULARY, not reader.spans
        for block, token in (
            (v.metre, self.metre),
            (v.fifths, self.fifths),
            (v.mode, self.mode),
            (v.tempo, self.tempo),
        ):
            if token is None:
                continue
            wanted = allowed[token] and (header or block == v.mode)  # a later signature names its mode again
            allowed[block] = False
            if wanted and reader.state != "mode":
                allowed[token] = True
            elif wanted:  # a header may have no tempo, but not if it is known
                allowed[:] = False
                allowed[token] = True
        if self.program is not None:
            first = allowed[self.program] and not reader.parts
            allowed[v.program] = False
            allowed[self.program] = first
        if self.parts is not None and header and reader.state in ("mode", "tempo", "program", "clef"):
            self._these_parts(allowed, reader)
        if self.downbeat is not None and reader.state not in ("stay", "position"):
            self._to_the_beat(allowed, reader)

    def _these_parts(self, allowed: np.ndarray, reader: Reader) -> None:
        v, parts = VOCABULARY, self.parts or ()
        said = sum(1 + len(clefs) for _, clefs in reader.parts)
        closed = np.zeros(len(allowed), bool)
        closed[v.program] = closed[v.clef] = True
        if said < len(parts):
            if reader.state != "mode":  # after the mode the tempo may come first
                closed[:] = True
            closed[parts[said]] = not allowed[parts[said]]
        allowed[closed] = False

    def _to_the_beat(self, allowed: np.ndarray, reader: Reader) -> None:
        """The group ``downbeat`` may be reached at position 0 only, and not be skipped."""
        v, left = VOCABULARY, (self.downbeat or 0) - reader.group
        first = bool(allowed[v.position.start])
        if left == 1:
            allowed[v.position] = False
            allowed[v.position.start] = first
        if left >= 1:  # inside a bar not even up to it: the position that must follow would be the downbeat's
            allowed[v.skip.start + max(left - 1 - (not first), 0) : v.skip.stop] = False


@dataclass(frozen=True, slots=True)
class Written:
    """One answer."""

    ids: np.ndarray  # (t,) with the prompt
    log_probabilities: np.ndarray  # (t,) of each token among those that are not masked; 0 in the prompt
    prompt: int  # tokens of the prompt
    finished: bool  # it ends with EOS


class _Row:
    """One answer that is being written."""

    def __init__(
        self,
        seconds: np.ndarray,
        prompt: Sequence[int],
        options: Decoding,
        constraints: Constraints,
        guide: Guide | None = None,
        number: int = 0,
    ) -> None:
        self.seconds, self.constraints, self.guide = seconds, constraints, guide
        self.rng = np.random.default_rng([options.seed, options.first + number])
        self.most = len(prompt) + options.most_tokens
        self.reader = Reader(len(seconds))
        self.bound = options.constrained
        self.valid = True
        self.ids: list[int] = []
        self.scores: list[float] = []
        for token in prompt:
            self.push(token, 0.0)

    @property
    def done(self) -> bool:
        return bool(self.ids) and self.ids[-1] == VOCABULARY.eos

    @property
    def group(self) -> int:
        return min(self.reader.group, len(self.seconds) - 1)

    def push(self, token: int, score: float) -> None:
        self.ids.append(token)
        self.scores.append(score)
        if self.valid:
            try:
                self.reader.push(token)
            except ScoreError:
                if self.bound:
                    raise
                self.valid = False  # the pointer stays where it is

    def allowed(self) -> np.ndarray:
        if not self.bound:
            return ~(np.arange(len(VOCABULARY)) == VOCABULARY.pad)
        allowed = self.reader.allowed()
        self.constraints.narrow(allowed, self.reader)
        return allowed if allowed.any() else self.reader.allowed()

    def guided(self, scores: np.ndarray) -> np.ndarray:
        return scores if self.guide is None or not self.valid else self.guide(self.reader, scores)

    def copy(self) -> _Row:
        other = copy.copy(self)
        other.reader, other.ids, other.scores = self.reader.copy(), list(self.ids), list(self.scores)
        return other


def generate(
    stepper: Stepper,
    heard: Sequence[HeardNotes],
    options: Decoding = Decoding(),
    *,
    prompts: Sequence[Sequence[int]] | None = None,
    constraints: Sequence[Constraints] | None = None,
    guides: Sequence[Guide | None] | None = None,
    draft: Draft | None = None,
) -> list[Written]:
    """Write an answer for each note list.

    Args:
        stepper: the model.
        heard: note lists with ascending onsets, at least one note each.
        options: parameters of decoding.
        prompts: first tokens of each answer, all of one length; by default BOS alone.
        constraints: of each answer.
        guides: of each answer.
        draft: of one greedy answer, for speculative decoding, which does not change the answer; the stepper must be a
            Checker.

    Returns:
        One answer for each note list.
    """
    seconds = [notes.starts - notes.onset[0] for notes in heard]
    prompts = prompts or [[VOCABULARY.bos]] * len(heard)
    constraints = constraints or [Constraints()] * len(heard)
    guides = guides or [None] * len(heard)
    told = zip(seconds, prompts, constraints, guides, range(len(heard)), strict=True)
    rows = [_Row(s, list(p), options, w, g, number) for s, p, w, g, number in told]
    stepper.start(heard)
    if draft is not None and options.beams == 1 and options.temperature <= 0 and len(rows) == 1:
        assert isinstance(stepper, Checker)
        _check(stepper, rows[0], options, draft)
    elif options.beams > 1:
        assert len(rows) == 1, "beams follow one recording at a time"
        rows = [_beam(stepper, rows[0], options)]
    else:
        _choose(stepper, rows, options)
    prompt = len(prompts[0])
    return [Written(np.array(r.ids), np.array(r.scores), prompt, r.done) for r in rows]


def _choose(stepper: Stepper, rows: list[_Row], options: Decoding) -> None:
    """Continue all rows token by token, greedily or by sampling."""
    active, fed = list(rows), 0
    while active:
        logits = _read(stepper, active, fed)
        fed = len(active[0].ids)
        for row, own in zip(active, logits, strict=True):
            scores = log_softmax(np.where(row.allowed(), own, CLOSED))
            token = _pick(row.rng, row.guided(scores), options)
            row.push(token, float(scores[token]))
        going = np.array([not row.done and len(row.ids) < row.most for row in active])
        if not going.all():
            active = [row for row, goes_on in zip(active, going, strict=True) if goes_on]
            if active:
                stepper.keep(np.flatnonzero(going))


def _check(stepper: Checker, row: _Row, options: Decoding, draft: Draft) -> None:
    """Continue a row speculatively: proposed tokens are verified in one step, and kept up to the first difference."""
    fed = 0
    while not row.done and len(row.ids) < row.most:
        reached = len(row.ids)
        ahead = draft.ahead(row.ids, row.reader.group, MOST_AHEAD)
        groups = groups_ahead(row.ids[-1], ahead, row.reader.group)
        ids = np.array([[*row.ids[fed:], *ahead]])
        logits = stepper.check(ids, _positions([row], fed, [groups]))[0, -1 - len(ahead) :]
        right = 0
        for own, wanted in zip(logits, [*ahead, None], strict=True):
            scores = log_softmax(np.where(row.allowed(), own, CLOSED))
            token = _pick(row.rng, row.guided(scores), options)
            row.push(token, float(scores[token]))
            if token != wanted or row.done or len(row.ids) >= row.most:
                break
            right += 1
        fed = reached + right
        stepper.drop(len(ahead) - right)


def _read(stepper: Stepper, rows: list[_Row], fed: int) -> np.ndarray:
    """Next-token logits of the rows, after the tokens that are not in the cache yet."""
    return stepper.step(np.array([row.ids[fed:] for row in rows]), _positions(rows, fed))


def _positions(rows: list[_Row], fed: int, ahead: Sequence[Sequence[int]] = ()) -> np.ndarray:
    """(rows, k, 3) of the tokens that are not in the cache yet, and of proposed ones with the groups ``ahead``."""
    length = len(rows[0].ids) - fed + (len(ahead[0]) if ahead else 0)
    positions = np.zeros((len(rows), length, 3), np.float32)
    for r, row in enumerate(rows):
        at = row.reader.token_groups[fed:]
        at = [*at, *[row.group] * (len(row.ids) - fed - len(at)), *(ahead[r] if ahead else ())]
        at = [min(g, len(row.seconds) - 1) for g in at]
        positions[r, :, 1] = at
        positions[r, :, 2] = [row.seconds[g] if g >= 0 else 0.0 for g in at]
    positions[:, :, 0] = fed + 1 + np.arange(length)
    return positions


def _pick(rng: np.random.Generator, scores: np.ndarray, options: Decoding) -> int:
    """A token, by its log-probability."""
    if options.temperature <= 0:
        return int(scores.argmax())
    probabilities = np.exp(log_softmax(scores / options.temperature))
    if options.top_p < 1:
        order = np.argsort(-probabilities)
        beyond = np.cumsum(probabilities[order]) - probabilities[order] >= options.top_p
        probabilities[order[beyond]] = 0
    return int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))


def _beam(stepper: Stepper, row: _Row, options: Decoding) -> _Row:
    """Beam search: of the finished hypotheses the one with the highest mean log-probability a token."""
    beams, fed = [row], 0
    finished: list[_Row] = []
    while beams and len(finished) < options.beams:
        logits = _read(stepper, beams, fed)
        fed = len(beams[0].ids)
        reached: list[tuple[float, int, int, float]] = []
        for index, (beam, own) in enumerate(zip(beams, logits, strict=True)):
            scores = log_softmax(np.where(beam.allowed(), own, CLOSED))
            likeliest = np.argsort(-scores)[: options.beams]
            for token in likeliest[scores[likeliest] > CLOSED / 2]:
                reached.append((sum(beam.scores) + float(scores[token]), index, int(token), float(scores[token])))
        reached.sort(key=lambda r: -r[0])
        kept, origins = [], []
        for _, index, token, score in reached[: options.beams]:
            grown = beams[index].copy()
            grown.push(token, score)
            if grown.done or len(grown.ids) >= grown.most:
                finished.append(grown)
            else:
                kept.append(grown)
                origins.append(index)
        beams = kept
        if beams:
            stepper.keep(np.array(origins))
    return max(finished or beams, key=lambda r: sum(r.scores) / len(r.scores))


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits along the last axis."""
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
