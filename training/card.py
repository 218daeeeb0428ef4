"""The model card of a checkpoint, filled in from its training record."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData


def card(record: dict[str, Any]) -> str:
    """The README.md of a checkpoint: the Hub's metadata as YAML, then what a person wants to know first."""
    held_out, corpus = record["held_out"], record["corpus"]
    metadata = ModelCardData(
        model_name=corpus["name"],
        library_name="pytorch",
        pipeline_tag="text-generation",
        tags=["lstm", "character-level"],
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type="text",
                dataset_name=corpus["name"],
                metric_type="bits_per_character",
                metric_name="bits per character, held-out tenth",
                metric_value=round(held_out["bits_per_character"], 4),
            )
        ],
    )
    files = "\n".join(f"- `{file['name']}`, SHA-256 `{file['sha256']}`" for file in corpus["files"])
    init = record.get("init")
    begun = f", beginning from `{init['name']}` (SHA-256 of its weights `{init['sha256']}`)" if init else ""
    sample = record["samples"][-1]["text"].replace("\n", "\n    ")
    return f"""---
{metadata.to_yaml()}
---

# {corpus["name"]}

A character-level LSTM ({record["recipe"]["name"]} recipe, {record["parameters"]:,} parameters){begun},
trained on the first {record["split"]["training"]:,} characters of

{files}

On the {record["split"]["held_out"]:,} characters held out it needs
**{held_out["bits_per_character"]:.3f} bits per character**.
It writes in the manner of this one text and knows nothing else; what it writes is not fact.

Made with

    {record["command"]}

in {record["seconds"] / 60:.1f} minutes on {record["machine"]}. Unedited, at the last measurement:

    {sample}
"""
