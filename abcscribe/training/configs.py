"""The options of ``abcscribe train`` (tower, sft, sft-text, rl, chain) and ``abcscribe data`` (listen, export, ...).

Imports nothing heavy: all commands are made of these at start-up (`abcscribe.command`). Comments of fields are the help
of the options. ``SMOKE`` are values of a run that ends within two minutes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from abcscribe.model import WEIGHTS

NOTES = Path("data/notes.npz")
SOUNDS = Path("data/sounds.npz")
HEARD = Path("data/heard")
QUESTION = "Transcribe this recording in ABC notation."


@dataclass(frozen=True)
class TowerTraining:
    """Options of a training run of the audio tower."""

    clips: Path | None = Path("data/clips")  # folder of abcscribe data render
    sounds: Path | None = None  # bank of abcscribe data sounds: clips are rendered from it as they are needed
    cache: Path = NOTES  # note cache of abcscribe data scores, for the rendered clips
    rendered: float = 0.6  # share of rendered clips; 1: no stored ones. Without a bank all are stored
    out: Path = Path("data/tower")  # checkpoint folder; a run found there is resumed
    start: Path | None = None  # checkpoint folder whose weights a new run begins with
    frozen: str = ""  # modules that stay as they are, by comma, "stem,blocks,chords": half the time of a step
    minutes: float = 90.0  # time budget over all resumed runs together
    steps: int | None = None  # end earlier, after so many steps of all runs together
    batch: int = 12  # clips a process and step
    matrix_rate: float = 2e-3  # learning rate of Muon, in units of AdamW's (Moonlight's scaling)
    vector_rate: float = 1e-3  # learning rate of AdamW
    weight_decay: float = 0.01  # of all weights
    warmup: int = 150  # steps in which the learning rate rises
    decay_share: float = 0.6  # of the budget, in which the learning rate decays
    checkpoint_minutes: float = 1.0  # between checkpoints
    log_steps: int = 50  # between log entries, of which there is one after 20 seconds anyway
    device: str = "cpu"  # device of torch: cpu, cuda, cuda:1; auto: cuda if there is one
    compiled: bool = False  # torch.compile: takes a minute at first, then steps are faster
    workers: int = 0  # processes that draw clips; 0: the one that trains
    threads: int = 2  # CPU threads
    seed: int = 1  # of weights and order

    SMOKE: ClassVar[Mapping[str, Any]] = {"minutes": 1.5, "steps": 12, "batch": 4, "warmup": 4, "log_steps": 4}


@dataclass(frozen=True)
class SftTraining:
    """Options of a supervised training run of the language model."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    out: Path = Path("data/sft")  # checkpoint folder; a run found there is resumed
    start: Path | None = None  # checkpoint folder whose weights a new run begins with
    heard: Path | None = None  # folder of abcscribe data listen: windows to mix in
    minutes: float = 90.0  # time budget over all resumed runs together
    steps: int | None = None  # end earlier, after so many steps of all runs together
    width: int = 256  # of a state
    encoder_layers: int = 3  # over the notes
    decoder_layers: int = 6  # over the tokens
    dropout: float = 0.0  # share of the states
    matrix_rate: float = 4e-3  # learning rate of Muon, in units of AdamW's (Moonlight's scaling)
    vector_rate: float = 1.5e-3  # learning rate of AdamW: embeddings, norms, biases
    warmup: int = 100  # steps in which the learning rate rises
    # At a constant rate the held-out loss stood still after a third of the budget.
    decay_share: float = 0.7  # of the budget, in which the learning rate decays
    average: float = 0.995  # of the moving average of the weights, a step
    checkpoint_minutes: float = 4.0  # between checkpoints
    evaluate_minutes: float = 8.0  # between evaluations on held-out windows
    valid_windows: int = 24  # held-out windows of each kind of music
    log_steps: int = 25  # between log entries, of which there is one after 20 seconds anyway
    device: str = "cpu"  # device of torch: cpu, cuda, cuda:1; auto: cuda if there is one
    threads: int = 1  # CPU threads of each process
    compile: bool = True  # the loss with torch.compile, which takes a minute and makes steps 1.9 times as fast
    seed: int = 1  # of weights and windows
    curriculum: str = "full"  # what windows are drawn when: full, or smoke, which has few and short ones

    SMOKE: ClassVar[Mapping[str, Any]] = {
        "minutes": 1.5, "steps": 12, "width": 64, "encoder_layers": 1, "decoder_layers": 2, "warmup": 4,
        "compile": False, "valid_windows": 4, "log_steps": 4, "curriculum": "smoke",
    }  # fmt: skip


@dataclass(frozen=True)
class SftTextTraining:
    """Options of a training run of a projector and LoRA."""

    pairs: Path  # JSON Lines: answer, and features (.npy) or audio
    base: str  # language model: folder, .gguf file, or name on the Hugging Face Hub
    out: Path = Path("data/sft-text")  # checkpoint folder; a run found there is resumed
    system: str = ""  # qwen2-audio, qwen2.5-omni, audio-flamingo, music-flamingo or voxtral, if base is one: no tower
    audio_tower: str = "abcscribe"  # abcscribe, whisper:NAME, or nothing if all pairs have features
    question: str = QUESTION  # question of pairs that have none
    form: str = "chat"  # of questions: chat, the language model's own, or llark
    frames: int = 4  # frames of the tower that become one soft token; 0: as many as make token-rate
    token_rate: float = 10.0  # soft tokens a second, with --frames 0
    join: str = "stack"  # how they become one: stack or mean
    hidden: int = 0  # width of the projector's MLP; 0: one linear map
    lora_rank: int = 16  # rank of the language model's LoRA; 0: it is frozen
    precision: str = "float32"  # of the frozen weights: float32, or bfloat16, half the memory and twice as fast
    steps: int = 1000  # of all runs together
    batch: int = 4  # pairs a process and part of a step
    accumulate: int = 1  # parts of a step, whose gradients are added up
    longest: int = 1024  # tokens of an answer at most
    projector_rate: float = 1e-3  # learning rate of the projector
    lora_rate: float = 2e-4  # learning rate of LoRA
    warmup: int = 20  # steps in which the learning rate rises
    log_steps: int = 10  # between log entries, of which there is one after 20 seconds anyway
    save_steps: int = 100  # between checkpoints
    seed: int = 1  # of weights and order

    SMOKE: ClassVar[Mapping[str, Any]] = {"steps": 4, "batch": 1, "longest": 256, "warmup": 1, "log_steps": 1}


@dataclass(frozen=True)
class LlarkTraining(SftTextTraining):
    """Options of a training run of a replica of LLark (Gardner et al., 2024)."""

    valid_pairs: Path | None = None  # JSON Lines of questions about held-out pieces
    held_out: int = 140  # questions of valid_pairs, as many of each kind
    evaluate_steps: int = 100  # between evaluations on them
    out: Path = Path("data/llark")  # checkpoint folder; a run found there is resumed
    form: str = "llark"  # of questions: llark, or chat, the language model's own
    frames: int = 0  # frames of the tower that become one soft token; 0: as many as make token-rate
    join: str = "mean"  # how they become one: stack or mean
    longest: int = 64  # tokens of an answer at most

    SMOKE: ClassVar[Mapping[str, Any]] = {"steps": 4, "batch": 1, "warmup": 1, "log_steps": 1, "held_out": 7}


@dataclass(frozen=True)
class RlTraining:
    """Options of a run of reinforcement learning."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    out: Path = Path("data/rl")  # run folder with model, state.pt, log.jsonl, samples.jsonl; a run there is resumed
    start: Path = Path("data/sft")  # checkpoint folder of abcscribe train sft
    algorithm: str = "grpo"  # grpo or ppo
    reward: str = "full"  # full, origin, or weights such as pitch=.5,rhythm=.3
    minutes: float = 60.0  # time budget over all resumed runs together
    steps: int | None = None  # end earlier, after so many steps of all runs together
    # Held-out reward of the shipped model after 20 to 40 steps: -.007 and 0 at 3e-4 with two updates a step at
    # temperature 1 (KL .29 a token), +.006 at 1e-4 with one update a step at temperature .8.
    rate: float = 1e-4  # learning rate of AdamW
    warmup: int = 5  # steps in which the learning rate rises
    windows: int = 8  # windows a process and step
    group: int = 8  # answers to each window
    notes: tuple[int, int] = (16, 48)  # fewest and most notes of a window
    minibatches: int = 1  # updates a step
    epochs: int = 1  # times that each answer is learned from
    temperature: float = 0.8  # of the sampling: at 1 most differences are tokens that no greedy answer has
    constrained: bool = True  # sample under the grammar; else it is learned from the reward too
    most_tokens: int = 600  # tokens of an answer at most
    by_spread: bool = True  # GRPO: divide advantages by the spread of their group
    by_part: bool = True  # GRPO: advantages of a token from the parts of the reward that it can change
    clip: float = 0.2  # of the ratio of probabilities, downwards
    # Unlikely tokens may rise a little more, which keeps entropy up (DAPO; Yu et al., 2025).
    clip_high: float = 0.28  # of the ratio of probabilities, upwards
    kl: float = 0.005  # weight of the KL to the start
    kl_target: float | None = None  # nats a token; PPO: the weight of the KL is moved towards it
    entropy: float = 0.0  # weight of the entropy bonus
    discount: float = 1.0  # of later rewards
    trace: float = 0.99  # lambda of GAE: answers have some hundred tokens and their reward at the end
    value_weight: float = 0.1  # PPO: of the loss of the value head
    critic_steps: int = 10  # PPO: steps at the beginning in which only the values are learned
    held_out: int = 96  # held-out windows, by which the checkpoint is chosen
    evaluate_steps: int = 20  # between evaluations on them
    tolerance: float = 0.01  # the held-out reward may fall this far below the best
    patience: int = 2  # evaluations in a row before the policy is rolled back
    checkpoint_minutes: float = 4.0  # between checkpoints
    rounded: bool = True  # bfloat16 where it is faster, see NotePolicy
    device: str = "cpu"  # device of torch: cpu, cuda, cuda:1; auto: cuda if there is one
    threads: int = 1  # CPU threads of each process
    seed: int = 1  # of windows and answers

    SMOKE: ClassVar[Mapping[str, Any]] = {
        "minutes": 1.5, "steps": 3, "windows": 2, "group": 4, "notes": (12, 24), "most_tokens": 200, "held_out": 4,
        "warmup": 1, "critic_steps": 1,
    }  # fmt: skip


@dataclass(frozen=True)
class RlTextTraining(RlTraining):
    """Options of a run of reinforcement learning of a model that writes ABC text."""

    pairs: Path = Path("data/pairs/train.jsonl")  # JSON Lines of abcscribe data export
    valid_pairs: Path = Path("data/pairs/test.jsonl")  # by which the checkpoint is chosen
    start: Path = Path("data/sft-text")  # checkpoint folder of abcscribe train sft-text
    out: Path = Path("data/rl-text")  # run folder; a run there is resumed
    system: str = ""  # as in sft-text, of which start is a checkpoint or the published weights
    held_out: int = 16  # pairs of valid_pairs
    windows: int = 2  # pairs a process and step
    most_tokens: int = 1024  # tokens of an answer at most

    SMOKE: ClassVar[Mapping[str, Any]] = {
        "minutes": 1.5, "steps": 2, "windows": 1, "group": 2, "most_tokens": 48, "held_out": 2, "warmup": 1,
        "critic_steps": 1,
    }  # fmt: skip


@dataclass(frozen=True)
class ListeningConfig:
    """Options of the windows that the tower transcribes, for training the language model and the analysis."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    out: Path = HEARD  # folder to fill
    split: str = "train"  # train or valid
    shards: int = 30  # of 100 windows, a minute of one core each
    seed: int = 1  # of the windows
    jobs: int = os.cpu_count() or 1  # processes
    on: str = ""  # ray or ray://HOST:PORT: on the cores of a cluster, in place of processes; folders must be shared


@dataclass(frozen=True)
class ClipListeningConfig:
    """Options of the recordings that the tower transcribes, of one to four lines in turn, for training the analysis."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    out: Path = HEARD  # folder to fill
    split: str = "train"  # train or valid
    clips: int = 2560  # half a second of one core each
    seed: int = 31  # of the clips


@dataclass(frozen=True)
class ExportConfig:
    """Options of what is made of a data set of recordings."""

    data_set: str  # name, see abcscribe data fetch
    kind: str  # abc, questions, embeddings, embedding-questions, suite, recordings or clips
    folder: Path  # local copy of the data set
    out: Path  # folder to fill
    seconds: float = 25.0  # of a window
    converter: str = "analysis"  # notes -> ABC: analysis (the printed score where it is aligned) or midi2abc
    midi2abc: str = "midi2abc"  # program, or script such as EasyABC's
    tower: str = "abcscribe"  # of embeddings: abcscribe, whisper:NAME and others
    sound: bool = False  # put the sound into the Parquet files, as FLAC
    stems: bool = False  # single players of a mix, too
    most: int | None = None  # recordings of a split at most


@dataclass(frozen=True)
class ChainConfig:
    """Options of a rebuild of weights: what has changed, and the folders."""

    changed: tuple[str, ...]  # a file of the weights, such as tower, or scores, sounds, metres
    run: bool = False  # rebuild; otherwise only list what is stale
    until: str | None = None  # the last that is made, such as downbeats; what depends on it stays as it is
    out: Path = Path("data/chain")  # folder of this chain: its log, the data that are made anew, training checkpoints
    data: Path = Path("data")  # folder with the data that have not changed
    weights: Path = WEIGHTS  # folder whose files are made again
    smoke: bool = False  # every step with its --smoke: tests the chain; its weights are useless
