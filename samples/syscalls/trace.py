"""Traces of the work in work.py, as strace -f writes them. Usage: python3 trace.py FOLDER [--seeds N] [--first SEED]"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from abnormal import ABNORMAL
from everyday import EVERYDAY

here = os.path.dirname(os.path.abspath(__file__))


def trace(folder: str, label: str, name: str, seed: int) -> None:
    out = os.path.join(os.path.abspath(folder), f"{label}-{name}-{seed}.strace")
    with tempfile.TemporaryDirectory() as empty:
        command = ["strace", "-f", "-tt", "-T", "-s", "0", "-o", out, sys.executable, "-S", os.path.join(here, "work.py"), name, str(seed)]
        subprocess.run(command, cwd=empty, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    jobs = [(label, name, options.first + i) for label, kinds in (("everyday", EVERYDAY), ("abnormal", ABNORMAL)) for name in kinds for i in range(options.seeds)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: trace(options.folder, *job), jobs))
