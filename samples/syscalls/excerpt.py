"""One trace out of several, as if their processes had run side by side: python3 excerpt.py TRACES OUT.strace LABELS.json KIND… [--seed N]

Of each trace it takes the work and the 40 calls before it, without the marks. Labels are one a call: 1 in abnormal work, 0 in everyday work, -1 where neither is judged."""

import argparse
import glob
import json
import os
import re

from train import LINE, REACH

BEFORE = 40


def part(path):
    """Lines of the work as (time, line), and a label for each line that begins a call."""
    abnormal = os.path.basename(path).startswith("abnormal")
    lines = [line for line in open(path, errors="replace")]
    begin = next(i for i, line in enumerate(lines) if "getpgid(424242" in line)
    end = max((i for i, line in enumerate(lines) if "getpgid(424243" in line), default=len(lines))
    within, over, out = {}, set(), []
    for i, line in enumerate(lines[max(0, begin - BEFORE) : end], max(0, begin - BEFORE)):
        if re.search(r"getpgid\(42424[23]", line):
            if "424243" in line:
                over.add(line.split(" ", 1)[0])
            continue
        pid, time = line.split()[:2]
        call = LINE.match(line)
        label = None
        if call:
            within[pid] = within.get(pid, 0) + (1 if i > begin else 0)
            if abnormal and call[2] == "execve" and i > begin:
                over.add(pid)
            label = -1 if pid in over or within[pid] < REACH else int(abnormal)
        out.append((time, line, label))
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("traces")
    parser.add_argument("out")
    parser.add_argument("labels")
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--most", type=int, default=1500, help="lines of each trace")
    options = parser.parse_args()
    rows = []
    for kind in options.kinds:
        (path,) = glob.glob(os.path.join(options.traces, f"*-{kind}-{options.seed}.strace"))
        rows += part(path)[: options.most]
    # Stable: lines of one trace keep their order.
    rows.sort(key=lambda row: row[0])
    with open(options.out, "w") as out:
        # Where this machine keeps Python and the work's folder is nobody's business.
        out.writelines(re.sub(r'"/(?:root|work|home|tmp)/[^"]*?([^"/]*)"', r'"FOLDER/\1"', line) for _, line, _ in rows)
    with open(options.labels, "w") as out:
        json.dump([label for _, _, label in rows if label is not None], out)
