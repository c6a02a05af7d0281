#!/usr/bin/env python3
"""Train classic models with scikit-learn and write them as ai.onnx.ml graphs, in the shapes that skl2onnx, XGBoost and LightGBM write.

usage: export.py [OUT] [--only NAME]... [--list]

Writes OUT/NAME/{model.onnx,inputs.npy,calibration.npy,labels.npy}. Needs scikit-learn, onnx and NumPy (Debian: python3-sklearn,
python3-onnx). The features imitate flow statistics: counters up to a million, times with a fraction, ratios, flags.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import (ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

ML = "ai.onnx.ml"


def flows(count, classes, seed, missing=0.0):
    """Flows of a few kinds: float32 features [count, 10] and labels."""
    r = np.random.RandomState(seed)
    y = r.randint(0, classes, count)
    size = np.exp(r.normal(5 + y * 0.8, 1.2))
    packets = np.maximum(1, r.poisson(4 + 9 * (y % 3)))
    duration = r.exponential(0.02 * (1 + y), count)
    x = np.stack([
        packets,
        np.round(packets * size),
        duration,
        size,
        r.randint(0, 65536, count) * (y != 1) + 443 * (y == 1),
        r.randint(0, 2, count),
        r.normal(y - 1.5, 1.0),
        np.round(r.gamma(2 + y, 3, count)),
        packets / (duration + 1e-3),
        r.choice([6, 17, 1], count),
    ], 1).astype(np.float32)
    flip = r.rand(count) < 0.05
    y = np.where(flip, r.randint(0, classes, count), y)
    if missing:
        x[r.rand(*x.shape) < missing] = np.nan
    return x, y


class Ensemble:
    """Attributes of a tree ensemble, filled tree by tree."""

    def __init__(self, kind):
        self.kind = kind  # "class" or "target"
        self.nodes = {k: [] for k in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
                                      "hitrates", "missing_value_tracks_true")}
        self.leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
        self.trees = 0

    def add(self, tree, weights_of, missing=lambda node: 0):
        """A sklearn tree; `weights_of(value)` gives [(id, weight)] of a leaf."""
        t = self.trees
        self.trees += 1
        for i in range(tree.node_count):
            leaf = tree.children_left[i] < 0
            # scikit-learn compares float32 features with float64 thresholds: the largest float32 that is not above decides alike.
            value = np.float32(tree.threshold[i])
            if value > tree.threshold[i]:
                value = np.nextafter(value, np.float32(-np.inf), dtype=np.float32)
            for key, v in (("treeids", t), ("nodeids", i), ("featureids", 0 if leaf else tree.feature[i]),
                           ("modes", "LEAF" if leaf else "BRANCH_LEQ"), ("values", 0.0 if leaf else float(value)),
                           ("truenodeids", 0 if leaf else tree.children_left[i]),
                           ("falsenodeids", 0 if leaf else tree.children_right[i]), ("hitrates", 1.0),
                           ("missing_value_tracks_true", 0 if leaf else missing(i))):
                self.nodes[key].append(v)
            if leaf:
                for id_, weight in weights_of(tree.value[i]):
                    for key, v in (("treeids", t), ("nodeids", i), ("ids", id_), ("weights", float(weight))):
                        self.leaves[key].append(v)

    def attributes(self):
        return {**{f"nodes_{k}": v for k, v in self.nodes.items()}, **{f"{self.kind}_{k}": v for k, v in self.leaves.items()}}


def initial(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def save(out, name, nodes, outputs, width, initializers=(), x=None, y=None, calibration=None, opset=15, ml=3, accuracy=None):
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", width])],
                              outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(ML, ml)])
    model.ir_version = 8
    folder = Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    np.save(folder / "inputs.npy", x)
    np.save(folder / "labels.npy", y)
    np.save(folder / "calibration.npy", calibration)
    if accuracy is None:
        return
    # The same for bench/architectures.ts, which wants classifiers.
    np.savez(folder / "inputs.npz", X=x)
    np.savez(folder / "calibration.npz", X=calibration)
    meta = {"name": name, "family": "classic", "opset": opset, "dynamic": "batch", "dims": {"N": 1}, "params": 0, "accuracy": accuracy}
    (folder / "meta.json").write_text(json.dumps(meta))


LABEL = helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])


def scores(count):
    return helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", count])


def forest(out, name, model, classes, zipmap=False, strings=False, missing=0.0, x_train=None):
    x, y = flows(4000, classes, 1)
    model.fit(x, y)
    test, labels = flows(1000, classes, 2, missing)
    ensemble = Ensemble("class")
    estimators = getattr(model, "estimators_", [model])

    def leaf(value):
        p = value[0] / value[0].sum() / len(estimators)
        return [(0, p[1])] if classes == 2 else list(enumerate(p))  # skl2onnx writes two classes as one

    for e in estimators:
        ensemble.add(getattr(e, "tree_", e), leaf, missing=lambda i: i % 2)
    names = {"classlabels_strings": [f"kind{i}" for i in range(classes)]} if strings else {"classlabels_int64s": list(range(classes))}
    nodes = [helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "raw" if zipmap else "probabilities"], domain=ML,
                              post_transform="NONE", **names, **ensemble.attributes())]
    outputs = [helper.make_tensor_value_info("label", TensorProto.STRING, ["N"]) if strings else LABEL, scores(classes)]
    if zipmap:
        key = {"classlabels_strings": names["classlabels_strings"]} if strings else {"classlabels_int64s": names["classlabels_int64s"]}
        nodes.append(helper.make_node("ZipMap", ["raw"], ["probabilities"], domain=ML, **key))
        outputs[1] = onnx.ValueInfoProto(name="probabilities")
        entry = outputs[1].type.sequence_type.elem_type.map_type
        entry.key_type = TensorProto.STRING if strings else TensorProto.INT64
        entry.value_type.tensor_type.elem_type = TensorProto.FLOAT
    save(out, name, nodes, outputs, 10, x=test, y=labels, calibration=flows(200, classes, 3, missing)[0],
         accuracy=None if missing else float(model.score(test, labels)))


def boosting(out, name, classes, trees, depth):
    x, y = flows(4000, classes, 1)
    model = GradientBoostingClassifier(n_estimators=trees, max_depth=depth, random_state=0).fit(x, y)
    ensemble = Ensemble("class")
    for row in model.estimators_:
        for k, e in enumerate(row):
            ensemble.add(e.tree_, lambda value, k=k: [(k, value[0, 0] * model.learning_rate)])
    prior = model.init_.class_prior_
    base = [float(np.log(prior[1] / prior[0]))] if classes == 2 else [float(v) for v in np.log(prior)]
    node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "probabilities"], domain=ML,
                            classlabels_int64s=list(range(classes)), base_values=base,
                            post_transform="LOGISTIC" if classes == 2 else "SOFTMAX", **ensemble.attributes())
    test, labels = flows(1000, classes, 2)
    save(out, name, [node], [LABEL, scores(classes)], 10, x=test, y=labels, calibration=flows(200, classes, 3)[0],
         accuracy=float(model.score(test, labels)))


def regression_trees(out, name, model, aggregate):
    x, _ = flows(4000, 4, 1)
    target = np.log1p(x[:, 1]) + x[:, 6] * 3
    model.fit(x, target)
    ensemble = Ensemble("target")
    if isinstance(model, GradientBoostingRegressor):
        for (e,) in model.estimators_:
            ensemble.add(e.tree_, lambda value: [(0, value[0, 0] * model.learning_rate)])
        extra = {"base_values": [float(np.ravel(model.init_.constant_)[0])]}
    else:
        for e in model.estimators_:
            ensemble.add(e.tree_, lambda value: [(0, value[0, 0] / (1 if aggregate == "AVERAGE" else len(model.estimators_)))])
        extra = {}
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["variable"], domain=ML, n_targets=1, aggregate_function=aggregate,
                            post_transform="NONE", **extra, **ensemble.attributes())
    test, labels = flows(1000, 4, 2)
    save(out, name, [node], [helper.make_tensor_value_info("variable", TensorProto.FLOAT, ["N", 1])], 10, x=test, y=labels,
         calibration=flows(200, 4, 3)[0])


def scaler_node(scaler):
    return helper.make_node("Scaler", ["X"], ["scaled"], domain=ML, offset=[float(v) for v in scaler.mean_],
                            scale=[float(v) for v in 1 / scaler.scale_])


def linear(out, name, classes, kind, scaled=True):
    x, y = flows(4000, classes, 1)
    scaler = StandardScaler().fit(x)
    features = scaler.transform(x) if scaled else x
    if kind == "logistic":
        model = LogisticRegression(max_iter=400).fit(features, y)
        coefficients, intercepts, post = model.coef_, model.intercept_, "SOFTMAX" if classes > 2 else "LOGISTIC"
        if classes == 2:
            coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.hstack([-intercepts, intercepts])
    else:
        model = LinearSVC(dual=False, max_iter=2000).fit(features, y)
        coefficients, intercepts, post = model.coef_, model.intercept_, "NONE"
    source = "scaled" if scaled else "X"
    nodes = [scaler_node(scaler)] if scaled else []
    nodes.append(helper.make_node("LinearClassifier", [source], ["label0", "raw"], domain=ML, multi_class=int(classes > 2),
                                  classlabels_ints=list(range(classes)), post_transform=post,
                                  coefficients=[float(v) for v in coefficients.ravel()], intercepts=[float(v) for v in intercepts]))
    nodes.append(helper.make_node("Cast", ["label0"], ["label"], to=TensorProto.INT64))
    nodes.append(helper.make_node("Normalizer", ["raw"], ["probabilities"], domain=ML, norm="L1") if kind == "logistic"
                 else helper.make_node("Identity", ["raw"], ["probabilities"]))
    test, labels = flows(1000, classes, 2)
    save(out, name, nodes, [LABEL, scores(classes)], 10, x=test, y=labels, calibration=flows(200, classes, 3)[0],
         accuracy=float(model.score(scaler.transform(test) if scaled else test, labels)))


def linear_regression(out, name):
    x, _ = flows(4000, 4, 1)
    target = np.log1p(x[:, 1]) + x[:, 6] * 3
    model = LinearRegression().fit(x, target)
    node = helper.make_node("LinearRegressor", ["X"], ["variable"], domain=ML, coefficients=[float(v) for v in model.coef_],
                            intercepts=[float(model.intercept_)])
    test, labels = flows(1000, 4, 2)
    save(out, name, [node], [helper.make_tensor_value_info("variable", TensorProto.FLOAT, ["N", 1])], 10, x=test, y=labels,
         calibration=flows(200, 4, 3)[0])


def scaled_forest(out, name, classes):
    x, y = flows(4000, classes, 1)
    scaler = StandardScaler().fit(x)
    model = ExtraTreesClassifier(n_estimators=25, max_depth=9, random_state=0).fit(scaler.transform(x).astype(np.float32), y)
    ensemble = Ensemble("class")
    for e in model.estimators_:
        ensemble.add(e.tree_, lambda value: list(enumerate(value[0] / value[0].sum() / 25)))
    nodes = [scaler_node(scaler), helper.make_node("TreeEnsembleClassifier", ["scaled"], ["label", "probabilities"], domain=ML,
                                                   classlabels_int64s=list(range(classes)), post_transform="NONE",
                                                   **ensemble.attributes())]
    test, labels = flows(1000, classes, 2)
    save(out, name, nodes, [LABEL, scores(classes)], 10, x=test, y=labels, calibration=flows(200, classes, 3)[0],
         accuracy=float(model.score(scaler.transform(test), labels)))


def perceptron(out, name, classes):
    """As skl2onnx writes MLPClassifier: MatMul and Add, ArgMax, ArrayFeatureExtractor for the label."""
    x, y = flows(4000, classes, 1)
    scaler = StandardScaler().fit(x)
    model = MLPClassifier((24, 12), max_iter=120, random_state=0).fit(scaler.transform(x), y)
    nodes, constants, last = [scaler_node(scaler)], [], "scaled"
    for i, (w, b) in enumerate(zip(model.coefs_, model.intercepts_)):
        constants += [initial(f"w{i}", w.astype(np.float32)), initial(f"b{i}", b.astype(np.float32).reshape(1, -1))]
        nodes += [helper.make_node("MatMul", [last, f"w{i}"], [f"m{i}"]), helper.make_node("Add", [f"m{i}", f"b{i}"], [f"a{i}"])]
        last = f"a{i}"
        if i + 1 < len(model.coefs_):
            nodes.append(helper.make_node("Relu", [last], [f"r{i}"]))
            last = f"r{i}"
    constants += [initial("classes", np.arange(classes, dtype=np.int64)), initial("shape", np.array([-1], dtype=np.int64))]
    nodes += [helper.make_node("Softmax", [last], ["probabilities"], axis=1),
              helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1),
              helper.make_node("ArrayFeatureExtractor", ["classes", "best"], ["picked"], domain=ML),
              helper.make_node("Reshape", ["picked", "shape"], ["label"])]
    test, labels = flows(1000, classes, 2)
    save(out, name, nodes, [LABEL, scores(classes)], 10, constants, x=test, y=labels, calibration=flows(200, classes, 3)[0], opset=13,
         accuracy=float(model.score(scaler.transform(test), labels)))


MODELS = {
    "tree": lambda out, n: forest(out, n, DecisionTreeClassifier(max_depth=12, random_state=0), 4),
    "forest-binary": lambda out, n: forest(out, n, RandomForestClassifier(30, max_depth=8, random_state=0), 2),
    "forest": lambda out, n: forest(out, n, RandomForestClassifier(50, max_depth=10, random_state=0), 4),
    "forest-zipmap": lambda out, n: forest(out, n, RandomForestClassifier(10, max_depth=6, random_state=0), 3, zipmap=True),
    "forest-strings": lambda out, n: forest(out, n, RandomForestClassifier(10, max_depth=6, random_state=0), 3, zipmap=True, strings=True),
    "forest-missing": lambda out, n: forest(out, n, RandomForestClassifier(20, max_depth=7, random_state=0), 3, missing=0.1),
    "forest-scaled": lambda out, n: scaled_forest(out, n, 4),
    "boosting-binary": lambda out, n: boosting(out, n, 2, 60, 3),
    "boosting": lambda out, n: boosting(out, n, 4, 30, 4),
    "forest-regression": lambda out, n: regression_trees(out, n, RandomForestRegressor(20, max_depth=8, random_state=0), "AVERAGE"),
    "boosting-regression": lambda out, n: regression_trees(out, n, GradientBoostingRegressor(n_estimators=50, random_state=0), "SUM"),
    "logistic": lambda out, n: linear(out, n, 4, "logistic"),
    "logistic-binary": lambda out, n: linear(out, n, 2, "logistic"),
    "logistic-raw": lambda out, n: linear(out, n, 4, "logistic", scaled=False),
    "linear-svm": lambda out, n: linear(out, n, 4, "svm"),
    "linear-regression": linear_regression,
    "perceptron": lambda out, n: perceptron(out, n, 4),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", default=".cache/classic")
    parser.add_argument("--only", action="append")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list:
        print("\n".join(MODELS))
    else:
        for name, make in MODELS.items():
            if not args.only or name in args.only:
                make(args.out, name)
                print(name)
