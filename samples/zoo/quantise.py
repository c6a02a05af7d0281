"""Quantised exports: `rounded` puts fake quantisation around the layers of a model, which PyTorch writes as QuantizeLinear and
DequantizeLinear; `dynamic` rewrites an ONNX file as ONNX Runtime's dynamic quantisation does (DynamicQuantizeLinear, MatMulInteger)."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn


class Rounded(nn.Module):
    """A layer whose input is rounded to eight bits, and whose weights are: a scale for each channel, or one for all."""

    def __init__(self, layer, per_channel):
        super().__init__()
        self.layer, self.per_channel = layer, per_channel
        self.low, self.high = 0.0, 0.0
        self.measuring = True

    # What nn.TransformerEncoderLayer asks before it takes its ordinary way.
    weight = property(lambda self: self.layer.weight)
    bias = property(lambda self: self.layer.bias)

    def forward(self, x):
        if self.measuring:
            self.low, self.high = min(self.low, x.min().item()), max(self.high, x.max().item())
            return self.layer(x)
        if self.per_channel:
            x = torch.fake_quantize_per_tensor_affine(x, max(-self.low, self.high) / 127, 0, -128, 127)
        else:
            scale = (self.high - self.low) / 255
            x = torch.fake_quantize_per_tensor_affine(x, scale, int(round(-self.low / scale)), 0, 255)
        weight = self.layer.weight
        if self.per_channel:
            scales = weight.detach().abs().flatten(1).max(1).values / 127
            weight = torch.fake_quantize_per_channel_affine(weight, scales, torch.zeros_like(scales, dtype=torch.int32), 0, -128, 127)
        else:
            weight = torch.fake_quantize_per_tensor_affine(weight, weight.detach().abs().max().item() / 127, 0, -128, 127)
        kept = self.layer
        if isinstance(kept, nn.Linear):
            return nn.functional.linear(x, weight, kept.bias)
        return kept._conv_forward(x, weight, kept.bias)


def rounded(model, inputs, per_channel=True):
    """Wraps all linear layers and convolutions of a trained model and measures what they read on `inputs`, a tuple of tensors."""
    model.eval()
    for child in [m for m in model.modules() if not isinstance(m, (Rounded, nn.MultiheadAttention))]:
        for name, layer in list(child.named_children()):
            if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)) and not isinstance(child, (Rounded, nn.MultiheadAttention)):
                setattr(child, name, Rounded(layer, per_channel))
    with torch.enable_grad():  # off the fast path of nn.TransformerEncoder, which passes the layers by
        model(*inputs)
    for module in model.modules():
        if isinstance(module, Rounded):
            module.measuring = False
    return model


def dynamic(data):
    """Bytes of the file with integers in place of its constant matrices."""
    model = onnx.load_from_string(data)
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    nodes, done = [], set()

    def constant(name, array):
        graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    for node in graph.node:
        if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in constants:
            nodes.append(node)
            continue
        x, out = node.input[0], node.output[0]
        parts = [f"{x}_{part}" for part in ("dynamic", "dynamic_scale", "dynamic_zero")]
        if x not in done:
            done.add(x)
            nodes.append(helper.make_node("DynamicQuantizeLinear", [x], parts, name=f"{x}_dynamic"))
        weight = numpy_helper.to_array(constants[node.input[1]])
        if any(a.name == "transB" and a.i for a in node.attribute):
            weight = weight.T
        scale = np.float32(np.abs(weight).max() / 127)
        w = constant(f"{out}_weights", np.ascontiguousarray(np.round(weight / scale).astype(np.int8)))
        zero, ws = constant(f"{out}_zero", np.int8(0)), constant(f"{out}_weights_scale", scale)
        nodes.append(helper.make_node("MatMulInteger", [parts[0], w, parts[2], zero], [f"{out}_sums"], name=f"{node.name}_integer"))
        nodes.append(helper.make_node("Cast", [f"{out}_sums"], [f"{out}_cast"], to=TensorProto.FLOAT, name=f"{node.name}_cast"))
        nodes.append(helper.make_node("Mul", [parts[1], ws], [f"{out}_scale"], name=f"{node.name}_scale"))
        biased = len(node.input) > 2
        made = f"{out}_product" if biased else out
        nodes.append(helper.make_node("Mul", [f"{out}_cast", f"{out}_scale"], [made], name=f"{node.name}_scaled"))
        if biased:
            nodes.append(helper.make_node("Add", [made, node.input[2]], [out], name=f"{node.name}_bias"))
    used = {name for node in nodes for name in node.input}
    kept = [t for t in graph.initializer if t.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    onnx.checker.check_model(model)
    return model.SerializeToString()
