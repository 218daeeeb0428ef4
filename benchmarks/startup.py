"""The time from `python app.py` to a page that answers, and that of its parts: `python -m benchmarks.startup`."""

import json
import subprocess
import sys
import time
from statistics import median

from benchmarks.running import ROOT, running_app
from benchmarks.timing import table

RUNS = 5
# The same start in a fresh interpreter, part by part. The time of a part is what it adds to those before it.
PARTS = """
import json, sys, time
before = time.perf_counter()
parts = {}
def part(name):
    global before
    parts[name], before = time.perf_counter() - before, time.perf_counter()
import torch
part("import torch")
import gradio
part("import gradio")
import app
part("import the rest")
models, _ = app.load_models(sorted(file.parent for file in app.ASSETS.glob("*/config.json")))
part(f"load {len(models)} models")
site = app.build(models, app.Scheduler())
part("build the page")
app.launch(site, wait=False)
part("launch the server")
print(json.dumps(parts))
"""


def until_it_answers() -> float:
    """Seconds from the command to the page."""
    start = time.monotonic()
    with running_app():
        return time.monotonic() - start


def parts() -> dict[str, float]:
    """Seconds for each part."""
    run = subprocess.run([sys.executable, "-c", PARTS], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seconds: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    runs = [parts() | {"python app.py, in all": until_it_answers()} for _ in range(RUNS)]
    seconds = {name: median(run[name] for run in runs) for name in runs[0]}
    print(table(("part", "seconds"), [(name, f"{value:.2f}") for name, value in seconds.items()]))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
