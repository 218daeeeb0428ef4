"""The structure of the modules: imports go one way, and no module uses a private name of another."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("model", "training", "interface", "app", "benchmarks", "tests")

# The modules of `model` that each module of `model` may import. Each line names only modules of the lines above it, so
# there is no import cycle.
BASE = {"model", "model.options", "model.hardware", "model.typography", "model.vocabulary", "model.lstm"}
BASE |= {"model.sampling", "model.quantization", "model.product"}
LOADED = BASE | {"model.copying", "model.decoder", "model.loaded"}
WRITING = LOADED | {"model.adaptation", "model.words", "model.serving", "model.serving.mixture", "model.generation"}
MODEL = {
    "model": set(),
    "model.options": set(),
    "model.hardware": set(),
    "model.typography": set(),
    "model.vocabulary": {"model.typography"},
    "model.lstm": {"model.options"},
    "model.sampling": {"model.options"},
    "model.quantization": {"model.lstm"},
    "model.product": set(),
    "model.reference": BASE,
    "model.copying": set(),
    "model.adaptation": set(),
    "model.words": {"model.vocabulary"},
    "model.decoder": BASE,
    "model.loaded": BASE | {"model.copying", "model.decoder"},
    "model.about": LOADED,
    "model.offline": set(),
    "model.offline.page": LOADED | {"model.about"},
    "model.checkpoint": LOADED,
    "model.archive": {"model.checkpoint"},
    "model.hub": LOADED | {"model.checkpoint", "model.archive"},
    "model.analysis": set(),
    "model.analysis.units": set(),
    "model.serving": set(),
    "model.serving.work": set(),
    "model.analysis.inspection": LOADED | {"model.adaptation", "model.serving.work"},
    "model.analysis.alignment": set(),
    "model.analysis.saliency": LOADED,
    "model.serving.mixture": LOADED,
    "model.generation": LOADED | {"model.adaptation", "model.words", "model.serving.mixture"},
    "model.analysis.stepping": WRITING | {"model.serving.work"},
    "model.serving.limits": {"model.options"},
    "model.serving.figures": set(),
    "model.serving.prefix_cache": WRITING,
    "model.serving.batch": WRITING | {"model.serving.prefix_cache"},
    "model.serving.scheduler": WRITING
    | {f"model.serving.{name}" for name in ("batch", "figures", "limits", "prefix_cache", "work")},
    "model.text_file": set(),
    "model.generate": WRITING | {"model.checkpoint", "model.hub", "model.text_file"},
}
# The training modules that the page may import: they run its commands, fetch a book and publish a model.
ENTRANCE = {"training.jobs", "training.job", "training.limits", "training.gutenberg", "training.publish"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(*places: str) -> dict[str, Path]:
    """The modules of some packages, or the single files of those names."""
    paths = [path for place in places for path in (ROOT / place).rglob("*.py")]
    paths += [ROOT / f"{place}.py" for place in places if (ROOT / f"{place}.py").exists()]
    return {name_of(path): path for path in paths}


def imports(source: str) -> set[tuple[str, str]]:
    """Return every import of a file as a module and the name taken from it ("" for the module itself)."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            for alias in node.names:
                module = f"{package}.{alias.name}"
                is_module = (ROOT / (module.replace(".", "/") + ".py")).exists()
                found.add((module, "") if is_module else (package, alias.name))
    return found


def ours(path: Path) -> set[str]:
    """The modules of this project that a file imports."""
    return {module for module, _ in imports(path.read_text(encoding="utf-8")) if module.split(".")[0] in OURS}


def test_imports_of_every_form_are_found() -> None:
    source = """
import os, model.lstm as network
from model import checkpoint as module
from model.sampling import sample, _private
from . import near
def later():
    from training.trainer import Trainer
"""
    assert imports(source) == {
        ("os", ""),
        ("model.lstm", ""),
        ("model.checkpoint", ""),
        ("model.sampling", "sample"),
        ("model.sampling", "_private"),
        (".", "near"),
        ("training.trainer", "Trainer"),
    }


def test_the_order_names_every_module_of_the_model_and_allows_only_earlier_ones() -> None:
    assert set(modules("model")) == set(MODEL)
    before: set[str] = set()
    for name, allowed in MODEL.items():
        assert allowed <= before
        before.add(name)


@pytest.mark.parametrize("name", modules("model"))
def test_a_module_of_the_model_imports_only_the_allowed_ones(name: str) -> None:
    assert ours(modules("model")[name]) <= MODEL[name]


@pytest.mark.parametrize("name", modules("model", "training"))
def test_neither_the_model_nor_the_training_imports_the_page(name: str) -> None:
    imported = {module.split(".")[0] for module, _ in imports(modules("model", "training")[name].read_text("utf-8"))}
    assert not imported & {"app", "interface", "gradio", "gradio_client", "tests", "benchmarks"}


@pytest.mark.parametrize("name", modules("app", "interface"))
def test_the_page_imports_only_the_entrance_of_the_training(name: str) -> None:
    imported = ours(modules("app", "interface")[name])
    assert {module for module in imported if module.split(".")[0] == "training"} <= ENTRANCE
    assert "model.generate" not in imported  # it is a separate command


@pytest.mark.parametrize("name", modules("app", "interface", "model", "training", "benchmarks"))
def test_nothing_takes_a_private_name_from_another_module(name: str) -> None:
    source = modules("app", "interface", "model", "training", "benchmarks")[name].read_text(encoding="utf-8")
    of_ours = {(module, taken) for module, taken in imports(source) if module.split(".")[0] in OURS}
    assert not [(module, taken) for module, taken in of_ours if taken.startswith("_")]


@pytest.mark.parametrize("name", modules("app", "interface", "model", "training", "benchmarks"))
def test_nothing_is_pickled_and_nothing_is_executed_from_text(name: str) -> None:
    source = modules("app", "interface", "model", "training", "benchmarks")[name].read_text(encoding="utf-8")
    assert not {module for module, _ in imports(source)} & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("exec", "eval")
            if called == "torch.load":
                assert "weights_only=True" in ast.unparse(node)


@pytest.mark.parametrize("name", modules("model", "training", "tests"))
def test_every_module_says_in_its_first_line_what_it_is(name: str) -> None:
    docstring = ast.get_docstring(ast.parse(modules("model", "training", "tests")[name].read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "`.", ":"))
