"""Writes public/samples/accelerator/scorer.onnx: a Transformer encoder small enough for 4,097 rows in a tab, with weights drawn from a fixed seed (it is
not trained: the accelerator's commands do not depend on what a model knows). Run with onnx 1.12 and numpy: python3 samples/accelerator/scorer.py"""

import os

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

TOKENS, WIDTH, HIDDEN, HEADS, CLASSES = 4, 8, 16, 2, 2
rng = np.random.default_rng(9)
weights, nodes = [], []


def weight(name, *shape, scale=None):
    value = rng.standard_normal(shape) * (scale or 1 / np.sqrt(shape[0]))
    weights.append(numpy_helper.from_array(value.astype(np.float32), name))
    return name


def constant(name, value, dtype=np.float32):
    weights.append(numpy_helper.from_array(np.array(value, dtype), name))
    return name


def op(kind, inputs, output, **attributes):
    nodes.append(helper.make_node(kind, inputs, [output], name="/" + output, **attributes))
    return output


def linear(x, name, inputs, outputs):
    product = op("MatMul", [x, weight(name + ".weight", inputs, outputs)], name + "/product")
    return op("Add", [product, weight(name + ".bias", outputs, scale=0.1)], name)


def norm(x, name):
    scale = constant(name + ".scale", np.ones(WIDTH))
    return op("LayerNormalization", [x, scale, constant(name + ".bias", np.zeros(WIDTH))], name, axis=-1)


def heads(x, name):
    split = op("Reshape", [x, "split"], name + "/split")
    return op("Transpose", [split], name, perm=[0, 2, 1, 3])


constant("split", [0, 0, HEADS, WIDTH // HEADS], np.int64)
constant("merge", [0, 0, WIDTH], np.int64)

normed = norm("features", "norm1")
query, key, value = (heads(linear(normed, n, WIDTH, WIDTH), n + "/heads") for n in ("query", "key", "value"))
scores = op("MatMul", [query, op("Transpose", [key], "key/turned", perm=[0, 1, 3, 2])], "scores")
scaled = op("Mul", [scores, constant("scale", 1 / np.sqrt(WIDTH / HEADS))], "scaled")
mixed = op("MatMul", [op("Softmax", [scaled], "attention", axis=-1), value], "mixed")
merged = op("Reshape", [op("Transpose", [mixed], "mixed/turned", perm=[0, 2, 1, 3]), "merge"], "merged")
attended = op("Add", ["features", linear(merged, "projection", WIDTH, WIDTH)], "attended")
hidden = op("Relu", [linear(norm(attended, "norm2"), "expand", WIDTH, HIDDEN)], "hidden")
encoded = op("Add", [attended, linear(hidden, "contract", HIDDEN, WIDTH)], "encoded")
pooled = op("ReduceMean", [norm(encoded, "norm3")], "pooled", axes=[1], keepdims=0)
linear(pooled, "logits", WIDTH, CLASSES)

graph = helper.make_graph(
    nodes,
    "scorer",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", TOKENS, WIDTH])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
    weights,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="bpformer", ir_version=8)
checker.check_model(model, full_check=True)
save(model, os.path.join(os.path.dirname(__file__), "../../public/samples/accelerator/scorer.onnx"))
