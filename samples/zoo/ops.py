#!/usr/bin/env python3
"""Print the operator types of ONNX files: ops.py FILE.onnx…   (walks the protobuf itself; needs no package)"""

import sys
from collections import Counter
from pathlib import Path


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(field number, value) of one message; length-delimited values are memoryviews."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            size = 8 if wire == 1 else 4
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def operators(path):
    """(opset, Counter of op types). ModelProto: graph 7, opset_import 8 (domain 1, version 2); GraphProto: node 1;
    NodeProto: op_type 4, attribute 5."""
    opset, counts = 0, Counter()
    for number, value in fields(memoryview(Path(path).read_bytes())):
        if number == 8:
            entry = dict(fields(value))
            opset = opset if bytes(entry.get(1, b"")) else entry.get(2, 0)
        if number == 7:
            for part, node in fields(value):
                if part == 1:
                    counts.update(bytes(v).decode() for n, v in fields(node) if n == 4)
    return opset, counts


if __name__ == "__main__":
    for name in sys.argv[1:]:
        opset, counts = operators(name)
        print(f"{name}: opset {opset}, {sum(counts.values())} nodes")
        print("  " + " ".join(f"{op}×{n}" for op, n in sorted(counts.items())))
