"""The models that the page offers, and what it says of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from model.about import details, entry, held_out_bits, title
from model.generation import defaults
from model.hub import load
from model.loaded import Model

# How a text may begin, by language; written for this page.
BEGINNINGS = {
    "en": (
        "The door at the end of the garden had never been opened before, and",
        "“What a curious clock,” said the girl,",
        "It was raining so hard that the bear could not find his own house.",
        "Nobody in the village believed the old sailor until",
    ),
    "de": (
        "Am Ende des Gartens war eine Tür, die noch niemand geöffnet hatte, und",
        "„Was für eine seltsame Uhr,“ sagte das Mädchen,",
        "Es regnete so sehr, daß der Bär sein eigenes Haus nicht finden konnte.",
        "Niemand im Dorf glaubte dem alten Schiffer, bis",
    ),
    "fr": (
        "Au fond du jardin il y avait une porte que personne n’avait jamais ouverte, et",
        "— Quelle drôle d’horloge, dit la petite fille,",
        "Il pleuvait si fort que l’ours ne retrouvait plus sa maison.",
        "Personne au village ne croyait le vieux marin, jusqu’au jour où",
    ),
}
PLAYS = (
    "QUEEN:\nWhat news, my lord? You come upon us late,\n",
    "FIRST CITIZEN:\nThe river rises, and the bread grows dear.\n",
)


class Models(Mapping[str, Model]):
    """The models by name: listed ones for everyone, and private ones, which are found by name but not listed.

    `forgotten` holds functions that are called with the name of each private model that is removed. Code that keeps
    data by the name of a model adds a function that drops the data.
    """

    def __init__(self, listed: Mapping[str, Model]) -> None:
        self._listed = dict(listed)
        self._private: dict[str, Callable[[], Model]] = {}
        self.forgotten: list[Callable[[str], None]] = []

    def __getitem__(self, name: str) -> Model:
        return self._listed[name] if name in self._listed else self._private[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._listed or name in self._private

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    def add(self, name: str, model: Callable[[], Model]) -> None:
        """Add a private model, which `model()` returns; nobody must be able to guess its name."""
        self._private[name] = model

    def forget(self, name: str) -> None:
        """Remove a private model."""
        if self._private.pop(name, None):
            for forget in self.forgotten:
                forget(name)


def load_models(places: Sequence[str | Path]) -> tuple[dict[str, Model], dict[str, str]]:
    """Load checkpoints: the models by name, the best on held-out text first, and the reason for each unusable one."""
    models, unavailable = [], {}
    for place in places:
        try:
            models.append(load(place))
        except (ValueError, OSError) as error:
            unavailable[str(place)] = str(error)
    models.sort(key=lambda model: (held_out_bits(model), model.name))
    by_name: dict[str, Model] = {}
    for model in models:
        if model.name in by_name:
            unavailable[model.name] = f"two models have the name {model.name}: rename the directory of one of them"
        by_name.setdefault(model.name, model)
    return by_name, unavailable


def chosen(models: Mapping[str, Model], name: Any) -> Model:
    """The model of that name; where there is none, the first."""
    return models[name] if isinstance(name, str) and name in models else next(iter(models.values()))


def complaint(unavailable: dict[str, str]) -> str:
    """A line for the page on the models that cannot be used; "" if there are none.

    A reason names places on this machine, so only the log has it.
    """
    names = ", ".join(Path(place).name for place in unavailable)
    return f"Unavailable: {names}. The log of the server says why." if names else ""


def offered(models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """What the page needs to know of each model, in the order in which they are offered."""
    told = []
    for name, model in models.items():
        heading, manner = title(model)
        config = model.network.config
        language = str(entry(model.training, "corpus", "language") or "")
        told.append(
            {
                "name": name,
                "title": heading,
                "manner": manner,
                "details": details(model, models),
                "classic": config.input_encoding == "scaled",
                "language": language,
                "lowercase": model.vocabulary.lowercase,
                "layers": config.layers,
                "neurons": config.hidden_size,
                "sampling": defaults(model),
                "beginnings": PLAYS if "shakespeare" in name else BEGINNINGS.get(language, BEGINNINGS["en"]),
            }
        )
    return told
