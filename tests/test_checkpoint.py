"""A trained model on disk: loading returns what was saved, and refuses anything else."""

import copy
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model.checkpoint import (
    CARD,
    CONFIG,
    COPIES,
    FILES,
    NEEDED,
    TRAINING,
    VERSION,
    VOCABULARY,
    WEIGHTS,
    CheckpointError,
    as_stored,
    check_place,
    load,
    save,
)
from model.copying import Copies, Source
from model.loaded import Model
from model.lstm import CharLSTM, LSTMConfig
from model.sampling import SamplingConfig
from model.vocabulary import Vocabulary
from tests.conftest import CHARACTERS, TALE, H, V, book, lively

VOUCHED = [file for file in FILES if file != CARD]  # no digest vouches for the card, which is for people


def logits(model: Model) -> torch.Tensor:
    ids = torch.arange(V)[None]
    with torch.inference_mode():
        return model.network(ids, model.network.zero_state(1))[0]


def same(a: Model, b: Model) -> bool:
    return torch.equal(logits(a), logits(b)) and (a.vocabulary, a.training) == (b.vocabulary, b.training)


def refusal(directory: Path) -> str:
    """Return the one sentence with which `load` refuses the checkpoint."""
    with pytest.raises(CheckpointError, match=r"\w") as error:
        load(directory)
    assert "\n" not in str(error.value)
    return str(error.value)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def other_run(model: Model, directory: Path) -> Path:
    """Save another checkpoint with the same file sizes, but with other weights, characters, settings and record."""
    torch.manual_seed(1)
    network = CharLSTM(model.network.config, V)
    changed = Model(
        network,
        Vocabulary(reversed(CHARACTERS), lowercase=True),
        SamplingConfig(temperature=0.9, top_k=9),
        "carried",
        {"seed": 8},
        copies=model.copies,
    )
    save(changed, directory)
    return directory


# ---- what is kept ----------------------------------------------------------------------------------------------------


def weights_of(network: CharLSTM) -> dict[str, torch.Tensor]:
    return dict(network.state_dict())


def assert_same_weights(a: CharLSTM, b: CharLSTM) -> None:
    assert all(torch.equal(x, y) for x, y in zip(weights_of(a).values(), weights_of(b).values(), strict=True))


def test_a_loaded_network_is_the_saved_one_with_its_weights_as_stored(model: Model, directory: Path) -> None:
    loaded = load(directory)
    assert_same_weights(loaded.network, as_stored(model.network))
    assert {weights.dtype for weights in loaded.network.parameters()} == {torch.float32}
    assert all(weights.requires_grad for weights in loaded.network.parameters())
    assert not loaded.network.training


def test_stored_layers_are_off_by_at_most_half_a_quantization_step_and_the_rest_by_half_precision(model: Model) -> None:
    stored = weights_of(as_stored(model.network))
    for name, weights in weights_of(model.network).items():
        step = weights.abs().max() / 127 if "layers" in name and "weight" in name else weights.abs().max() * 2**-10
        off = (stored[name] - weights).abs().max()
        assert 0 < off <= 0.501 * step or not weights.any(), name


def test_weights_loaded_and_saved_again_are_the_same_bit_for_bit(directory: Path, tmp_path: Path) -> None:
    first = load(directory)
    save(first, tmp_path / "again")
    second = load(tmp_path / "again")
    assert_same_weights(first.network, second.network)
    assert_same_weights(first.network, as_stored(first.network))
    assert first.digest == second.digest


def test_a_loaded_network_can_be_trained_further(directory: Path) -> None:
    network = load(directory).network.train()
    before = weights_of(copy.deepcopy(network))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    network(torch.arange(V)[None], network.zero_state(1))[0].logsumexp(-1).sum().backward()
    optimizer.step()
    assert not any(torch.equal(weights, before[name]) for name, weights in weights_of(network).items())
    network(torch.arange(V)[None], network.zero_state(1))


def as_version_1(model: Model, directory: Path) -> Path:
    """`model` as version 1 of the format stored it: every weight in half precision."""
    save(model, directory)
    edit(directory / CONFIG, version=1)
    weights = {name: tensor.half() for name, tensor in weights_of(model.network).items()}
    digests = {file: hashlib.sha256((directory / file).read_bytes()).hexdigest() for file in (*NEEDED[1:], COPIES)}
    content = b"".join(
        f"{name} {tuple(weights[name].shape)}".encode() + weights[name].numpy().tobytes() for name in sorted(weights)
    )
    save_file(weights, directory / WEIGHTS, metadata=digests | {WEIGHTS: hashlib.sha256(content).hexdigest()})
    return directory


def test_a_checkpoint_of_version_1_is_loaded_and_saved_in_the_present_version(model: Model, tmp_path: Path) -> None:
    older = load(as_version_1(model, tmp_path / "tiny"))
    halves = copy.deepcopy(model.network).half().float()
    assert_same_weights(older.network, halves)
    assert (older.vocabulary, older.training) == (model.vocabulary, model.training)
    save(older, tmp_path / "tiny")
    assert json.loads((tmp_path / "tiny" / CONFIG).read_text())["version"] == VERSION
    assert_same_weights(load(tmp_path / "tiny").network, as_stored(halves))


def test_weights_of_another_version_than_the_one_in_the_config_are_refused(model: Model, tmp_path: Path) -> None:
    directory = as_version_1(model, tmp_path / "tiny")
    edit(directory / CONFIG, version=VERSION)
    assert f"{directory / WEIGHTS} does not hold the weights that {CONFIG} describes" in refusal(directory)


def test_sizes_are_compared_before_memory_is_taken_for_them(directory: Path) -> None:
    # Sixteen layers of 8,192 units have 8.6 billion weights: if `load` took memory for them, this test would be killed.
    config = json.loads((directory / CONFIG).read_text())
    edit(directory / CONFIG, architecture=config["architecture"] | {"hidden_size": 8192, "layers": 16})
    assert f"{directory / WEIGHTS} does not hold the weights that {CONFIG} describes" in refusal(directory)


@pytest.mark.parametrize("file", [CONFIG, VOCABULARY, TRAINING])
def test_json_too_large_is_refused_unread(directory: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (directory / file).open("r+b") as sparse:
        sparse.truncate(10**11)
    monkeypatch.setattr(Path, "read_bytes", None)
    assert f"{directory / file} is damaged: it is larger than" in refusal(directory)


def test_everything_else_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    network = CharLSTM(LSTMConfig("scaled", hidden_size=H, layers=3, dropout_output=0.2), V)
    training = {"corpus": {"name": "Ælfric’s 안녕 😀"}, "curve": [{"nats": 1.25, "none": None}], "text": "a\r\nb"}
    config = SamplingConfig(temperature=0.3, top_k=4, top_p=0.9, min_p=0.01)
    vocabulary = Vocabulary("z😀\n안\"\\'abcdef", lowercase=False)
    save(Model(network, vocabulary, config, "window", training), tmp_path / "a model")
    loaded = load(tmp_path / "a model")
    assert loaded.network.config == network.config
    assert loaded.vocabulary == vocabulary
    assert loaded.sampling == config
    assert loaded.context == "window"
    assert loaded.training == training
    assert loaded.name == "a model"


def test_a_checkpoint_saved_again_as_it_was_loaded_is_the_same(directory: Path, tmp_path: Path) -> None:
    save(load(directory), tmp_path / "copy")
    for file in set(FILES) - {WEIGHTS}:
        assert (tmp_path / "copy" / file).read_bytes() == (directory / file).read_bytes()
    first, second = load_file(directory / WEIGHTS), load_file(tmp_path / "copy" / WEIGHTS)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_saving_leaves_the_network_as_it_was(model: Model, tmp_path: Path) -> None:
    before = logits(model)
    save(model, tmp_path / "saved")
    assert torch.equal(logits(model), before)


def test_a_checkpoint_is_six_files_in_json_markdown_safetensors_and_npz_and_none_is_pickled(directory: Path) -> None:
    assert sorted(file.name for file in directory.iterdir()) == sorted(FILES)
    assert {Path(file).suffix for file in FILES} == {".safetensors", ".json", ".md", ".npz"}
    for file in (CONFIG, VOCABULARY, TRAINING):
        assert isinstance(json.loads((directory / file).read_text(encoding="utf-8")), dict)
    weights = load_file(directory / WEIGHTS)
    assert {tensor.dtype for tensor in weights.values()} == {torch.int8, torch.float16, torch.float32}
    assert sum(tensor.nbytes for tensor in weights.values()) < sum(map(torch.numel, weights.values())) * 1.5
    with np.load(directory / COPIES, allow_pickle=False) as arrays:
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}


def test_the_config_begins_with_its_format_and_version(directory: Path) -> None:
    assert list(json.loads((directory / CONFIG).read_text()))[:2] == ["format", "version"]


def test_the_card_is_kept_and_not_needed(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "saved", card="# Café\n")
    assert (tmp_path / "saved" / CARD).read_text(encoding="utf-8") == "# Café\n"
    (tmp_path / "saved" / CARD).unlink()
    load(tmp_path / "saved")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlanguage: en\nlicense: cc0-1.0\n---\n\n# Tiny\n", "cc0-1.0"),
        ("---\nlanguage: en\n---\n\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_the_one_in_the_metadata_of_the_card(
    model: Model, tmp_path: Path, card: str, licence: str
) -> None:
    save(model, tmp_path / "saved", card=card)
    assert load(tmp_path / "saved").licence == licence


def test_the_files_can_be_read_by_everyone(directory: Path) -> None:
    assert directory.stat().st_mode & 0o777 == 0o755
    assert {(directory / file).stat().st_mode & 0o777 for file in FILES} == {0o644}


def test_the_files_are_flushed_through_descriptors_that_can_write_as_windows_needs(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []

    def flush(descriptor: int) -> None:
        flushed.append(os.write(descriptor, b""))  # raises if it can only read

    monkeypatch.setattr(os, "fsync", flush)
    save(model, tmp_path / "tiny")
    assert len(flushed) == 6


def test_missing_directories_above_are_made(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "some" / "where" / "deep")
    assert load(tmp_path / "some" / "where" / "deep").training == model.training


def test_a_relative_path_means_the_directory_it_names(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(model, Path("here"))
    assert load(Path("here")).name == load(tmp_path / "here").name == "here"


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    assert str(tmp_path / "file") in refusal(tmp_path / "file")


@pytest.mark.parametrize("file", VOUCHED)
def test_a_checkpoint_without_one_of_its_files_is_refused_by_the_name_of_that_file(directory: Path, file: str) -> None:
    (directory / file).unlink()
    assert file in refusal(directory).split(":")[0]


@pytest.mark.parametrize("file", VOUCHED)
def test_a_file_cut_off_anywhere_is_refused(directory: Path, file: str) -> None:
    whole = (directory / file).read_bytes()
    end = len(whole.rstrip()) if file.endswith(".json") else len(whole)  # without its last new line JSON is still whole
    for length in sorted({0, 1, 7, 9, 100, end // 3, end // 2, end - 1} & set(range(end))):
        (directory / file).write_bytes(whole[:length])
        assert str(directory / file) in refusal(directory)


@pytest.mark.parametrize("file", VOUCHED)
def test_a_file_with_one_bit_flipped_anywhere_is_refused(directory: Path, file: str) -> None:
    whole = (directory / file).read_bytes()
    for place in sorted({0, 2, *range(9, len(whole), max(1, len(whole) // 40)), len(whole) - 2}):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (directory / file).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"\w") as error:
            load(directory)
        assert file in str(error.value), f"bit 0 of byte {place}"


@pytest.mark.parametrize("file", NEEDED)
def test_a_file_of_another_run_with_the_same_sizes_is_refused(
    model: Model, directory: Path, tmp_path: Path, file: str
) -> None:
    other = other_run(model, tmp_path / "other")
    assert (other / file).stat().st_size == (directory / file).stat().st_size
    shutil.copy(other / file, directory / file)
    assert file in refusal(directory)


def test_weights_of_another_run_on_the_same_book_are_refused(model: Model, directory: Path, tmp_path: Path) -> None:
    # With another seed only weights and record differ: if this were loaded, its figures would be of other weights.
    torch.manual_seed(1)
    network = CharLSTM(model.network.config, V)
    save(replace(model, network=network, training={"seed": 8}), tmp_path / "other")
    shutil.copy(tmp_path / "other" / WEIGHTS, directory / WEIGHTS)
    assert WEIGHTS in refusal(directory)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "another"},
        {"version": VERSION + 1},
        {"version": 0},
        {"version": 1.0},
        {"version": True},
        {"version": [2]},
        {"version": None},
        {"vocabulary_size": V + 1},
        {"vocabulary_size": None},
        {"context": "both"},
        {"context": None},
        {"sampling": {"temperature": -1}},
        {"sampling": {"heat": 1}},
        {"sampling": None},
        {"architecture": {"hidden_size": 0}},
        {"architecture": {"hidden_size": H + 1}},
        {"architecture": {"heads": 4}},
        {"architecture": []},
    ],
    ids=str,
)
def test_a_config_with_a_wrong_value_is_refused(directory: Path, changes: dict[str, Any]) -> None:
    edit(directory / CONFIG, **changes)
    assert CONFIG in refusal(directory)


def test_another_version_is_refused_with_both_versions(directory: Path) -> None:
    edit(directory / CONFIG, version=VERSION + 6)
    assert f"version {VERSION + 6}" in refusal(directory)
    assert f"versions 1 to {VERSION}" in refusal(directory)


@pytest.mark.parametrize("file", [CONFIG, VOCABULARY, TRAINING])
@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"3", b"\xff\xfe\x00", b"{'a': 1}"], ids=range(6))
def test_a_file_of_other_content_is_refused_by_its_name(directory: Path, file: str, content: bytes) -> None:
    (directory / file).write_bytes(content)
    assert str(directory / file) in refusal(directory)


@pytest.mark.parametrize("file", [CONFIG, VOCABULARY, TRAINING])
def test_json_too_deep_to_be_read_is_refused_by_the_name_of_its_file(directory: Path, file: str) -> None:
    (directory / file).write_bytes(b"[" * 100_000)
    assert str(directory / file) in refusal(directory)


def test_characters_too_many_for_the_config_are_refused(directory: Path) -> None:
    Vocabulary(CHARACTERS + "xyz", lowercase=True).save(directory / VOCABULARY)
    assert VOCABULARY in refusal(directory)


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the weights in the file, and keep its metadata, which has the digests of all files."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata=metadata)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(directory: Path, value: float) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["output.weight"][3, 5] = value

    rewrite(directory / WEIGHTS, spoil)
    assert str(directory / WEIGHTS) in refusal(directory)


def test_weights_missing_added_or_of_another_shape_are_refused(directory: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copy(directory / WEIGHTS, whole)

    def transpose(weights: dict[str, torch.Tensor]) -> None:
        weights["output.weight"] = weights["output.weight"].T.contiguous()

    def remove(weights: dict[str, torch.Tensor]) -> None:
        del weights["output.bias"]

    def add(weights: dict[str, torch.Tensor]) -> None:
        weights["more"] = torch.zeros(3)

    for change in (transpose, remove, add):
        shutil.copy(whole, directory / WEIGHTS)
        rewrite(directory / WEIGHTS, change)
        assert str(directory / WEIGHTS) in refusal(directory)


def test_weights_without_the_metadata_that_vouches_for_them_are_refused(directory: Path) -> None:
    save_file(load_file(directory / WEIGHTS), directory / WEIGHTS)
    assert WEIGHTS in refusal(directory)


# ---- what it has read ------------------------------------------------------------------------------------------------


def test_the_copies_of_what_it_has_read_are_found_again(directory: Path) -> None:
    copies = load(directory).copies
    assert copies
    [run] = copies.runs("no. " + TALE[5:50] + "no")
    assert (run.start, run.end, run.source) == (4, 49, "tale")


def test_a_checkpoint_without_copies_is_saved_loaded_and_replaced_like_any(model: Model, directory: Path) -> None:
    older = replace(model, copies=None)
    for saved in (older, older, model, older):
        check_place(directory)
        save(saved, directory)
        loaded = load(directory)
        assert (directory / COPIES).exists() == bool(loaded.copies) == bool(saved.copies)
        assert same(loaded, load(directory))


def test_the_copies_are_no_part_of_the_digest_of_the_weights(model: Model, directory: Path) -> None:
    digest = load(directory).digest
    save(replace(model, copies=None), directory)
    assert load(directory).digest == digest


def test_copies_that_were_not_saved_with_the_weights_are_refused(model: Model, directory: Path, tmp_path: Path) -> None:
    save(replace(model, copies=None), tmp_path / "older")
    shutil.copy(directory / COPIES, tmp_path / "older" / COPIES)
    assert f"{COPIES} does not belong to the {WEIGHTS} beside it" in refusal(tmp_path / "older")
    save(replace(model, copies=Copies((Source.of("tale", book(300)),))), tmp_path / "other")
    shutil.copy(tmp_path / "other" / COPIES, directory / COPIES)
    assert f"{COPIES} does not belong to the {WEIGHTS} beside it" in refusal(directory)


def test_copies_that_cannot_be_read_are_refused_even_where_the_weights_vouch_for_them(
    model: Model, tmp_path: Path
) -> None:
    copies = Copies(())
    vars(copies)["data"] = b"PK and no more"
    save(replace(model, copies=copies), tmp_path / "damaged")
    assert f"{COPIES} is damaged: " in refusal(tmp_path / "damaged")


# ---- replacing, and crashes while it happens -------------------------------------------------------------------------


def test_saving_over_a_checkpoint_replaces_it_whole_and_leaves_nothing_beside_it(model: Model, directory: Path) -> None:
    newer = replace(model, network=lively(model.network.config, scale=2), training={"seed": 8})
    for _ in range(2):
        save(newer, directory)
    assert load(directory).training == {"seed": 8}
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_an_empty_directory_can_be_saved_to(model: Model, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    save(model, tmp_path / "empty")
    assert load(tmp_path / "empty").training == model.training


def test_a_checkpoint_reached_through_a_link_can_be_saved_over(model: Model, directory: Path) -> None:
    link = directory.with_name("link")
    link.symlink_to(directory)
    for seed in (8, 9):
        save(replace(model, training={"seed": seed}), link)
        assert load(link).training == {"seed": seed}


def test_a_directory_that_holds_other_files_is_refused_and_left_untouched(model: Model, directory: Path) -> None:
    (directory / "thesis.txt").write_text("ten years of work")
    before = {path: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(CheckpointError, match=r"thesis\.txt"):
        check_place(directory)
    with pytest.raises(CheckpointError, match=r"thesis\.txt"):
        save(model, directory)
    assert {path: path.read_bytes() for path in directory.iterdir()} == before
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_a_file_in_the_way_is_refused_and_left_untouched(model: Model, tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("ten years of work")
    with pytest.raises(CheckpointError, match="thesis"):
        save(model, tmp_path / "thesis")
    assert (tmp_path / "thesis").read_text() == "ten years of work"


class Crash(BaseException):
    """Like the end of a process, not an Exception: no `except Exception` catches it."""


# All functions by which saving changes the disk.
TOUCHES = [
    (Path, "mkdir"),
    (Path, "write_text"),
    (Path, "write_bytes"),
    (Path, "chmod"),
    (Path, "rename"),
    (os, "fsync"),
    (shutil, "rmtree"),
    (tempfile, "mkdtemp"),
]


def crash_at(n: int, monkeypatch: pytest.MonkeyPatch, *, dead: bool) -> list[str]:
    """Let the n-th change of the disk crash, and all later ones too if `dead`; return the list of changes."""
    touches: list[str] = []

    def guard(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            touches.append(name)
            if len(touches) > n and not dead:
                return original(*arguments, **options)
            if len(touches) >= n:
                raise Crash
            return original(*arguments, **options)

        return guarded

    for owner, name in TOUCHES:
        monkeypatch.setattr(owner, name, guard(name, getattr(owner, name)))
    return touches


@pytest.mark.parametrize("dead", [False, True], ids=["an error", "the end of the process"])
def test_a_crash_at_any_moment_of_saving_leaves_the_old_or_the_new_checkpoint_whole(
    model: Model, tmp_path: Path, dead: bool
) -> None:
    newer = replace(model, network=lively(model.network.config, scale=2), training={"seed": 8})
    save(newer, tmp_path / "newer")
    new = load(tmp_path / "newer")
    outcomes, n = [], 0
    while True:
        n += 1
        directory = tmp_path / str(n) / "saved"
        save(model, directory)
        old = load(directory)
        with pytest.MonkeyPatch.context() as monkeypatch:
            touches = crash_at(n, monkeypatch, dead=dead)
            try:
                save(newer, directory)
            except Crash:
                crashed = True
            else:
                crashed = False
        if not crashed:
            break
        found = load(directory)
        assert same(found, old) or same(found, new), f"touch {n}, {touches[n - 1]}"
        outcomes.append(same(found, new))
        # And the next attempt succeeds, whatever the crash left behind.
        save(newer, directory)
        assert same(load(directory), new)
    assert len(touches) < n
    assert len(outcomes) > 15
    assert outcomes == sorted(outcomes)  # the old one before the moment of the exchange, the new one afterwards


def test_a_crash_in_the_first_save_leaves_nothing_or_a_whole_checkpoint(model: Model, tmp_path: Path) -> None:
    n, crashed = 0, True
    while crashed:
        n += 1
        directory = tmp_path / str(n) / "saved"
        with pytest.MonkeyPatch.context() as monkeypatch:
            crash_at(n, monkeypatch, dead=True)
            try:
                save(model, directory)
            except Crash:
                crashed = True
            else:
                crashed = False
        if directory.exists():
            assert load(directory).training == model.training
    assert n > 10


def test_an_error_while_saving_leaves_no_half_written_directory_behind(model: Model, tmp_path: Path) -> None:
    unwritable = replace(model, training={"not": {"json"}})
    with pytest.raises(TypeError):
        save(unwritable, tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_in_the_middle_of_a_replacement_sees_the_old_checkpoint_and_does_not_disturb_the_writer(
    model: Model, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An app that loads a checkpoint while a training run is just replacing it.
    rename = Path.rename
    seen: list[dict[str, Any]] = []

    def rename_and_read(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if not seen:
            seen.append(load(directory).training)
        return moved

    monkeypatch.setattr(Path, "rename", rename_and_read)
    save(replace(model, training={"seed": 8}), directory)
    assert seen == [{"seed": 7}]
    assert load(directory).training == {"seed": 8}


@pytest.mark.parametrize("limit", [100, 3_000])
def test_a_full_disk_is_an_os_error_and_leaves_the_old_checkpoint_and_nothing_else(
    model: Model, tmp_path: Path, limit: int
) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    save(model, tmp_path / "tiny")
    before = {file.name: file.read_bytes() for file in (tmp_path / "tiny").iterdir()}
    assert 100 < len(before["config.json"]) < 3_000 < len(before["model.safetensors"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # larger files are refused, as on a full disk
    try:
        with pytest.raises(OSError, match="File too large"):
            save(replace(model, training={"seed": 9}), tmp_path / "tiny")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    assert {file.name: file.read_bytes() for file in (tmp_path / "tiny").iterdir()} == before
