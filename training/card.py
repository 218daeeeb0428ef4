"""The model card of a checkpoint, filled in from its training record."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

USE = """
## Use it

In a clone of LSTM Text Generation, the program that made it:

```python
from model.generation import GenerationConfig, defaults, generate
from model.hub import load

checkpoint = load("{name}")
config = GenerationConfig(**defaults(checkpoint), length=500)
print("".join(generate(checkpoint, "once upon a time", config)))
```
"""

COPIES = """
So that such passages are found in what it writes, `copies.npz` holds hashes of what it has read, not the text."""


def card(
    record: dict[str, Any],
    name: str = "",
    licence: str | None = None,
    language: str | None = None,
    *,
    copies: bool = False,
) -> str:
    """The README.md of a checkpoint, made from its training record: metadata for the Hub, then a text for readers.

    The language is that of the corpus unless another code is given. With a `name` on the Hub, the card shows how to
    load the model from there. With `copies`, it explains the file `copies.npz`.
    """
    held_out, corpus, split, recipe = record["held_out"], record["corpus"], record["split"], record["recipe"]
    init = record.get("init")
    metadata = ModelCardData(
        language=language or corpus.get("language") or None,
        license=licence,
        base_model=init["name"].split("@")[0] if init and "/" in init["name"] else None,
        model_name=corpus["name"],
        library_name="pytorch",
        pipeline_tag="text-generation",
        tags=["lstm", "character-level"],
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type="text",
                dataset_name=corpus["name"],
                dataset_split="held out",
                metric_type="bits_per_character",
                metric_name="bits per character, held out",
                metric_value=round(held_out["bits_per_character"], 4),
            )
        ],
    )
    files = "\n".join(f"- `{file['name']}`, SHA-256 `{file['sha256']}`" for file in corpus["files"])
    held = ", ".join(f"`{file['name']}`" for file in corpus.get("held_out_files", ()))
    where = f"from the beginning of {held}" if held else "which follow them"
    these = "this one text" if len(corpus["files"]) == 1 else f"these {len(corpus['files'])} texts"
    these += f" and of those that `{init['name']}` had read" if init else ""
    begun = f", beginning from `{init['name']}` (SHA-256 of its weights `{init['sha256']}`)" if init else ""
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    samples = {sample["step"]: sample["text"] for sample in record["samples"]}
    sample = samples[record["best_step"]].replace("\n", "\n    ")
    settings = ", ".join(f"{setting} {value}" for setting, value in recipe["sampling"].items())
    return f"""---
{metadata.to_yaml()}
---

# {corpus["name"]}

A character-level LSTM ({recipe["name"]} recipe, {record["parameters"]:,} parameters){begun},
trained on the first {split["training"]:,} characters of

{files}

On the {split["held_out"]:,} characters held out, {where}, it needs
**{held_out["bits_per_character"]:.3f} bits per character**.
{USE.format(name=name) if name else ""}
## What it is not for

It spells one character after another in the manner of {these}, and knows nothing else.
What it writes is not fact, and must not be used as information, advice or a basis for decisions, nor passed off as the
author's. It can repeat passages of what it has read, and whatever in it offends.{COPIES if copies else ""}

## How it was made

    {record["command"]}

in {record["seconds"] / 60:.1f} minutes on {record["machine"]}, with {versions}.

## A sample

Unedited, written at step {record["best_step"]:,}, whose weights these are, without a prompt ({settings}, context \
{recipe["context"]}, seed {record["seed"]}):

    {sample}
"""
