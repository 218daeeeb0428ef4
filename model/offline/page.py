"""The offline page of a model, put together from the files beside this one."""

import base64
import gzip
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.about import details, title
from model.decoder import STEPS, Decoder
from model.loaded import Model
from model.vocabulary import Vocabulary

HERE = Path(__file__).parent
COLUMNS = 16  # columns of a matrix that the product reads at once
# Code points that may have replacements: letters of Latin, Greek and Cyrillic, accents, quotes, dashes, tabs, small
# figures, letterlike symbols (™), fractions and Roman numerals, ligatures (ﬁ).
REPAIRED = (0x09, *range(0x20, 0x530), *range(0x1E00, 0x2190), *range(0xFB00, 0xFB07))


def offline_page(model: Model, licence: str | None = None) -> bytes:
    """Return the HTML file that writes with `model`; `licence` replaces the one in the model's card."""
    arrays, weights = _packed(model.decoder)
    heading, manner = title(model)
    licence = licence or model.licence
    told = _vocabulary(model.vocabulary) | {
        "start": model.opening,
        "sampling": vars(model.sampling),
        "context": model.context,
        "layers": model.decoder.L,
        "hidden": model.decoder.H,
        "reads": model.decoder.reads,
        "exact": model.decoder.exact,
        "arrays": arrays,
        "digest": hashlib.sha256(weights).hexdigest()[:16],
    }
    script, style = _read("page.js"), _read("page.css")
    parts = {
        "title": html.escape(f"{heading}, {manner}" if manner else heading),
        "about": html.escape(details(model)),
        "licence": html.escape(f"Licence of the model: {licence}." if licence else "Its maker names no licence."),
        "model": json.dumps(told).replace("<", "\\u003c"),  # else "</script>" could end it
        "product": _base64((HERE / "product.wasm").read_bytes()),
        "worker": _read("worker.js"),
        "weights": _base64(gzip.compress(weights, mtime=0)),  # the same model gives the same file
        "script": script,
        "script hash": _hash(script),
        "style": style,
        "style hash": _hash(style),
    }
    return re.sub(r"{{(.*?)}}", lambda match: parts[match[1]], _read("page.html")).encode()


def _packed(decoder: Decoder) -> tuple[dict[str, tuple[str, int, int]], bytes]:
    """Return the type, first byte and number of elements of each array of a decoder, and the bytes of all arrays.

    Rows of matrices are filled up with zeros to a multiple of `COLUMNS`.
    """
    arrays: dict[str, NDArray[Any]] = {"table": decoder.table}
    for i, matrix in enumerate(decoder.numbers):
        arrays[f"weights {i}"] = _filled(matrix.numpy())
    arrays |= {f"bias {i}": bias for i, bias in enumerate(decoder.biases) if i > 0}
    arrays |= {"output": _filled(decoder.output.numpy()), "output bias": decoder.output_bias}
    if decoder.exact:
        arrays |= {f"scales {i}": scales for i, scales in enumerate(decoder.scales)}
        tanh = np.tanh(np.arange(10 * STEPS, dtype=np.float32) / np.float32(STEPS))
        arrays["tanh"] = tanh[: int((tanh < 1).sum()) + 1]  # up to the first 1
    places, data = {}, bytearray()
    for name, array in arrays.items():
        places[name] = (array.dtype.name, len(data), array.size)
        data += np.ascontiguousarray(array).tobytes()
        data += bytes(-len(data) % 16)
    return places, bytes(data)


def _filled(matrix: NDArray[Any]) -> NDArray[Any]:
    return np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % COLUMNS)))


def _vocabulary(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the characters, and the replacements of others: after a space, bracket or dash, and elsewhere."""
    letter = next((character for character in vocabulary.characters if character.isalnum()), "")

    def read_as(before: str) -> dict[str, str]:
        table = {}
        for character in map(chr, REPAIRED):
            new = vocabulary.repair(before + character).text.removeprefix(before)
            if new != (character if character in vocabulary.ids else ""):
                table[character] = new
        return table

    return {
        "characters": vocabulary.characters,
        "opening": read_as(""),
        "closing": read_as(letter),
        "dash": vocabulary.repair(f"{letter}--{letter}").text.removeprefix(letter).removesuffix(letter),
    }


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hash(text: str) -> str:
    """Return the hash of a script or style, in the form of a content security policy."""
    return f"'sha256-{_base64(hashlib.sha256(text.encode()).digest())}'"
