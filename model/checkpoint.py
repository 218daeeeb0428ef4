"""A model on disk: a directory of JSON and safetensors files, written whole or not at all."""

import copy
import dataclasses
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialized
from torch import Tensor

from model.copying import Copies
from model.loaded import Model
from model.lstm import CharLSTM, Context, LSTMConfig
from model.quantization import dequantize, quantize
from model.sampling import SamplingConfig
from model.vocabulary import Vocabulary

FORMAT = "lstm-text-generation checkpoint"
VERSION = 2  # the weights of the LSTM layers have eight bits; in version 1 all weights were in half precision
WEIGHTS, CONFIG, VOCABULARY, TRAINING, COPIES, CARD = FILES = (
    "model.safetensors",
    "config.json",
    "vocabulary.json",
    "training.json",
    "copies.npz",
    "README.md",
)
NEEDED = (WEIGHTS, CONFIG, VOCABULARY, TRAINING)  # older checkpoints have no copies, and the card is for people
LARGEST = 100_000_000  # bytes of a checkpoint from elsewhere: ten times as many as training writes
LONGEST_JSON = 4_000_000  # bytes: parsed JSON takes up to thirty times as much memory
DTYPES = {torch.int8: "I8", torch.float16: "F16", torch.float32: "F32"}  # as safetensors writes them


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one sentence that names the file."""


def check_place(directory: Path) -> None:
    """Raise CheckpointError if saving a checkpoint to `directory` would replace anything but a checkpoint."""
    if directory.exists() and not directory.is_dir():
        raise CheckpointError(f"{directory} is a file: give the name of a directory of its own")
    others = sorted({file.name for file in directory.iterdir()} - set(FILES)) if directory.exists() else []
    if others:
        raise CheckpointError(f"{directory} holds other files ({others[0]}): give a directory of its own")


def save(model: Model, directory: Path, card: str = "") -> None:
    """Write `model` to `directory`, with quantized weights; a checkpoint that is already there is replaced.

    The files are written to a new directory beside `directory`, which then replaces it. So a crash at any moment leaves
    either the old checkpoint or the new one. CheckpointError if `directory` is a file or holds other files, OSError if
    the files cannot be written.
    """
    directory = Path(directory).resolve()
    _recover(directory)
    check_place(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.new.", dir=directory.parent))
    try:
        network = model.network
        config = {
            "format": FORMAT,
            "version": VERSION,
            "architecture": dataclasses.asdict(network.config),
            "vocabulary_size": network.vocabulary_size,
            "context": model.context,
            "sampling": dataclasses.asdict(model.sampling),
        }
        (fresh / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        model.vocabulary.save(fresh / VOCABULARY)
        training = json.dumps(model.training, indent=1, ensure_ascii=False) + "\n"
        (fresh / TRAINING).write_text(training, encoding="utf-8")
        if model.copies:
            (fresh / COPIES).write_bytes(model.copies.data)
        (fresh / CARD).write_text(card, encoding="utf-8")
        weights = {name: tensor.cpu().contiguous() for name, tensor in quantize(network).items()}
        (fresh / WEIGHTS).write_bytes(serialized(weights, metadata=_digests(fresh, weights)))
        for file in fresh.iterdir():
            file.chmod(0o644)
            with file.open("r+b") as written:  # Windows flushes only what can be written
                os.fsync(written.fileno())
        fresh.chmod(0o755)  # mkdtemp makes it private
        if directory.exists():
            directory.rename(_previous(directory))
        fresh.rename(directory)
        shutil.rmtree(_previous(directory), ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _recover(directory)


def as_stored(network: CharLSTM) -> CharLSTM:
    """Return a copy of `network` with the weights that it would have after it is saved and loaded."""
    stored = copy.deepcopy(network)
    stored.load_state_dict(dequantize(quantize(network)))
    return stored


def load(directory: Path) -> Model:
    """Return the model saved in `directory`, in evaluation mode and float32; CheckpointError if a file is not valid.

    The declared sizes are compared before the weights are read and before memory is taken for them.
    """
    name = Path(directory).absolute().name
    directory = Path(directory).resolve()
    if not directory.is_dir():  # `save` was cut off while it replaced the checkpoint, or is just replacing it
        directory = _previous(directory) if _previous(directory).is_dir() else directory
    if not directory.is_dir():
        raise CheckpointError(f"there is no checkpoint directory {directory}: train one with python -m training.train")
    for file in NEEDED:
        if not (directory / file).is_file():
            raise CheckpointError(f"{directory / file} is missing: a checkpoint needs {', '.join(NEEDED)}")

    config = _read_json(directory / CONFIG)
    if config.get("format") != FORMAT:
        raise CheckpointError(f"{directory / CONFIG} is not the config of a {FORMAT}")
    version = config.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise CheckpointError(
            f"{directory / CONFIG} has version {version!r}, but this program reads versions 1 to {VERSION}"
        )
    training = _read_json(directory / TRAINING)
    try:
        vocabulary = Vocabulary.from_json(_read_text(directory / VOCABULARY))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{directory / VOCABULARY} is damaged: {error}") from error
    if config.get("vocabulary_size") != len(vocabulary):
        raise CheckpointError(
            f"{directory / VOCABULARY} holds {len(vocabulary)} characters, "
            f"but {CONFIG} beside it is for {config.get('vocabulary_size')!r}"
        )
    try:
        sampling = SamplingConfig(**config["sampling"])
        context = config["context"]
        if context not in get_args(Context):
            raise ValueError(f"context is {context!r}, but must be carried or window")
        with torch.device("meta"):  # shapes without memory
            network = CharLSTM(LSTMConfig(**config["architecture"]), len(vocabulary))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{directory / CONFIG} is damaged: {error}") from error
    weights, digest = _read_weights(directory, _stored(network, version))
    network.load_state_dict(weights, assign=True)
    try:
        copies = Copies.from_data((directory / COPIES).read_bytes()) if (directory / COPIES).is_file() else None
    except ValueError as error:
        raise CheckpointError(f"{directory / COPIES} is damaged: {error}") from error
    licence = _licence(directory / CARD)
    return Model(network.eval(), vocabulary, sampling, context, training, name, digest, copies, licence)


def _stored(network: CharLSTM, version: int) -> dict[str, Tensor]:
    """Return the tensors, by name, in which this version of the format stores the weights."""
    return {name: tensor.half() for name, tensor in network.state_dict().items()} if version == 1 else quantize(network)


def _read_weights(directory: Path, expected: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Return the float32 weights and the digest of the stored ones.

    CheckpointError if the stored weights do not have the names, types and shapes of `expected`, or if the weights and
    the files beside them were not saved together.
    """
    path = directory / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            found = {name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()}
            if found != {name: (DTYPES[each.dtype], tuple(each.shape)) for name, each in expected.items()}:
                raise CheckpointError(f"{path} does not hold the weights that {CONFIG} describes")
            stored = {name: file.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    digests = _digests(directory, stored)
    if COPIES in metadata.keys() - digests.keys():
        raise CheckpointError(f"{directory / COPIES} is missing: the {WEIGHTS} beside it was saved with one")
    for name, digest in digests.items():
        if metadata.get(name) != digest:
            raise CheckpointError(
                f"{path} is damaged: its weights have changed"
                if name == WEIGHTS
                else f"{directory / name} does not belong to the {WEIGHTS} beside it"
            )
    weights = dequantize(stored)
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise CheckpointError(f"{path} holds weights that are not finite numbers")
    return weights, digests[WEIGHTS]


def _digests(directory: Path, weights: dict[str, Tensor]) -> dict[str, str]:
    """Return the SHA-256 of the weights and of each file that belongs to them; the weights' file stores these."""
    names = [CONFIG, VOCABULARY, TRAINING] + [COPIES] * (directory / COPIES).is_file()
    digests = {name: hashlib.sha256((directory / name).read_bytes()) for name in names}
    digests[WEIGHTS] = hashlib.sha256()
    for name in sorted(weights):
        digests[WEIGHTS].update(f"{name} {tuple(weights[name].shape)}".encode())
        digests[WEIGHTS].update(weights[name].numpy().tobytes())
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _licence(card: Path) -> str:
    """The licence that the metadata of a model card names, "" where there is none."""
    metadata = re.match(r"---\n(.*?)\n---\n", card.read_text("utf-8", "replace") if card.is_file() else "", re.DOTALL)
    licence = re.search(r"^license: ([\w.-]+)$", metadata[1] if metadata else "", re.MULTILINE)
    return licence[1] if licence else ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged: it does not hold a JSON object")
    return content


def _read_text(path: Path) -> str:
    if path.stat().st_size > LONGEST_JSON:
        raise ValueError(f"it is larger than {LONGEST_JSON / 1e6:.0f} MB")
    return path.read_text(encoding="utf-8")


def _previous(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.previous")


def _recover(directory: Path) -> None:
    """Clean up after a `save` that was cut off: delete unfinished files, restore the old checkpoint if it is gone."""
    for unfinished in directory.parent.glob(f".{glob.escape(directory.name)}.new.*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    if _previous(directory).is_dir():
        if directory.exists():
            shutil.rmtree(_previous(directory), ignore_errors=True)
        else:
            _previous(directory).rename(directory)
