"""Every program sets how long torch's threads wait, before torch is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = ("app", "model.generate", "training.train", "training.evaluate", "training.publish", "benchmarks.generation")
# Imports a module, and prints the variable at the moment when torch would be loaded.
PROBE = """
import importlib, os, sys

class Probe:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"))
            raise SystemExit

sys.meta_path.insert(0, Probe())
importlib.import_module(sys.argv[1])
"""


def spin_count(module: str, **variables: str) -> str:
    """Return GOMP_SPINCOUNT as it is when `module` loads torch, in a process that has it from `variables` only."""
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} | variables
    run = subprocess.run(
        [sys.executable, "-c", PROBE, module], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout.strip()


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_threads_of_every_program_wait_only_briefly_for_each_other(program: str) -> None:
    assert spin_count(program) == "1000"


def test_a_variable_that_the_user_has_set_stays() -> None:
    assert spin_count("model.generate", GOMP_SPINCOUNT="7") == "7"
    assert spin_count("model.generate", OMP_WAIT_POLICY="passive") == "None"
