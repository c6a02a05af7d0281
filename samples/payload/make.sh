#!/bin/sh
# Makes every file of the sample from the seeds, in the order in which they depend on each other. Needs Debian's python3-torch and python3-onnx;
# libopenblas0 makes training several times faster, tcpdump checks the checksums.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-/usr/bin/python3}
"$python" traffic.py   # public/samples/payload/{heldout.pcap,calibration.pcap,heldout-labels.json}
"$python" train.py     # public/samples/payload/payload-ids.onnx
"$python" evaluate.py  # samples/payload/metrics.json
