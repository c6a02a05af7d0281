"""One kind of work, to be traced: `python3 work.py NAME SEED` in an empty folder. The calls getpgid(424242) and getpgid(424243) stand in the trace where the work
that it is named after begins and ends; who reads the trace takes them out."""

import random
import sys

import common
from abnormal import ABNORMAL
from everyday import EVERYDAY

#: Kinds of work that prepare something first and say themselves where they begin.
PREPARING = ("beacon", "bind_shell", "brute", "encrypt", "encrypt_copy", "exfiltrate", "persist", "race", "tamper", "wipe")

if __name__ == "__main__":
    name, seed = sys.argv[1], int(sys.argv[2])
    if name not in PREPARING:
        common.begin()
    ({**EVERYDAY, **ABNORMAL})[name](random.Random(f"{name} {seed}"))
    common.mark(common.END)
