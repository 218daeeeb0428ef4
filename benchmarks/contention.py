"""Training beside a busy process: `python -m benchmarks.contention`.

OpenMP's threads wait for each other by spinning. If another process keeps a core busy, a spinning thread can keep the
thread that it waits for from running. So the programs set GOMP_SPINCOUNT (`model/__init__.py`), and a waiting thread
soon sleeps. This benchmark trains the default network for a few steps with that setting and with OpenMP's default,
alone and beside one process with an endless loop, on as many threads as the training command uses.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

from benchmarks.running import ROOT
from benchmarks.timing import table

STEPS = 6
BUSY = "while True: pass"
CHARACTERS = 90  # in the vocabulary
# OpenMP reads its settings when torch is loaded: for its default, that is before `model` changes them.
IMPORTS = {"GOMP_SPINCOUNT as the programs set it": "", "OpenMP's default": "import torch; "}
UNSET = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")


def train() -> None:
    """Train for a few steps; print the median speed without the first, in characters a second, and the threads."""
    from model import hardware  # before torch

    hardware.prepare("cpu")
    import torch

    from model.lstm import CharLSTM
    from training.recipes import RECIPES

    recipe = RECIPES["modern"]
    network = CharLSTM(recipe.network, CHARACTERS)
    ids = torch.randint(CHARACTERS, (recipe.batch_size, recipe.window + 1))
    bfloat16 = recipe.precision == "bfloat16" and hardware.has_bfloat16(torch.device("cpu"))
    seconds = []
    for _ in range(STEPS + 1):
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            hidden, _ = network.read(ids[:, :-1], network.zero_state(len(ids)))
            logits = network.output(hidden)
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten()).backward()
        seconds.append(time.perf_counter() - begun)
    speed = recipe.batch_size * recipe.window / median(seconds[1:])
    print(json.dumps({"speed": speed, "threads": torch.get_num_threads()}))


def trained(imports: str) -> dict[str, Any]:
    """Run `train` in a new process that begins with `imports`; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    command = [sys.executable, "-c", f"{imports}from benchmarks import contention; contention.train()"]
    run = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told


def main() -> None:
    found = {}
    for name, imports in IMPORTS.items():
        alone = trained(imports)
        busy = subprocess.Popen([sys.executable, "-c", BUSY])
        try:
            beside = trained(imports)
        finally:
            busy.kill()
            busy.wait()
        found[name] = {"alone": alone["speed"], "beside": beside["speed"], "threads": alone["threads"]}
    rows = [[name, *(f"{row[key]:,.0f}" for key in ("alone", "beside", "threads"))] for name, row in found.items()]
    print(table(("characters a second", "alone", "beside a busy process", "threads"), rows))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
