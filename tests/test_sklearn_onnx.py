"""MLPSoftmaxClassifier as an ONNX file: by itself, and in pipelines through skl2onnx."""

# ruff: noqa: E402 - what is imported late is there only where nothing was skipped

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
onnxruntime = pytest.importorskip("onnxruntime")

from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softxent import onnx
from softxent.sklearn import MLPSoftmaxClassifier, register_converter
from softxent.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
skl2onnx_needed = pytest.mark.skipif(
    importlib.util.find_spec("skl2onnx") is None, reason="skl2onnx is not installed"
)

SETTINGS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "none": {"hidden_layer_sizes": ()},
    "two": {"hidden_layer_sizes": (7, 5), "activation": "logistic"},
    "tanh": {"hidden_layer_sizes": 6, "activation": "tanh"},
}
SETS = {
    "wine": (load_wine, None),
    "wine by name": (load_wine, np.array(["barolo", "grignolino", "barbera"])),
    "breast cancer": (load_breast_cancer, None),
    "breast cancer by name": (load_breast_cancer, np.array(["malignant", "benign"], object)),
}


def fitted(name: str, settings: dict[str, Any]) -> tuple[Any, np.ndarray, np.ndarray]:
    load, names = SETS[name]
    X, y = load(return_X_y=True)
    labels = y if names is None else names[y]
    model = MLPSoftmaxClassifier(learning_rate_init=0.01, max_iter=20, random_state=0, **settings)
    return make_pipeline(StandardScaler(), model).fit(X, labels), X.astype(np.float32), labels


def run(path: Path, X: np.ndarray) -> list[Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: X})


def decided(path: Path, X: np.ndarray) -> np.ndarray:
    """The names of the classes that the command `predict` finds."""
    classifier = onnx.Classifier(path)
    found = classifier.predict(X)
    names = classifier.class_names
    return found.astype(str) if names is None else np.array(names)[found]


@skl2onnx_needed
@pytest.mark.filterwarnings("ignore:::(?!softxent)")
@pytest.mark.parametrize(
    ("name", "settings"), [*zip(SETS, SETTINGS.values(), strict=True), ("breast cancer", {})]
)
def test_pipeline(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    import skl2onnx

    pipeline, X, labels = fitted(name, settings)
    model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    path = tmp_path / "pipeline.onnx"
    path.write_bytes(model.SerializeToString())
    found, probabilities = run(path, X)
    assert np.array_equal(found, pipeline.predict(X))
    assert np.allclose(probabilities, pipeline.predict_proba(X), rtol=1e-3, atol=1e-6)
    report = verify(path, X, labels)
    assert report.outcome == "verified", str(report)
    assert np.array_equal(decided(path, X), pipeline.predict(X).astype(str))


@skl2onnx_needed
@pytest.mark.filterwarnings("ignore:::(?!softxent)")
def test_options_of_skl2onnx() -> None:
    import skl2onnx

    pipeline, X, labels = fitted("wine by name", {})
    register_converter()
    plain = skl2onnx.to_onnx(pipeline, X[:1])
    session = onnxruntime.InferenceSession(
        plain.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"X": X[:1]})[1]
    assert set(found[0]) == set(np.unique(labels))
    indices = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False, "nocl": True})
    session = onnxruntime.InferenceSession(
        indices.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert session.run(None, {"X": X})[0].dtype == np.int64
    scaled, model = pipeline[0].transform(X.astype(np.float64)), pipeline[-1]
    wide = skl2onnx.to_onnx(model, scaled[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(
        wide.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    probabilities = session.run(None, {"X": scaled})[1]
    assert np.allclose(probabilities, model.predict_proba(scaled), rtol=1e-12)


INDICES = np.arange(60) % 2
ALLOWED = {
    "int64": INDICES * 7 - 5,
    "int32": INDICES.astype(np.int32),
    "text": np.array(["no", "yes"])[INDICES],
}
REFUSED = {
    "bool": INDICES == 1,
    "float64": INDICES * 1.0,
    "int8": INDICES.astype(np.int8),
    "uint64": INDICES.astype(np.uint64),
}


def converted(labels: np.ndarray, **options: Any) -> tuple[Any, list[np.ndarray]]:
    """A model of these labels, and what its file gives for three rows."""
    import skl2onnx

    X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = MLPSoftmaxClassifier(max_iter=3, random_state=0).fit(X, labels)
    register_converter()
    file = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False, **options})
    session = onnxruntime.InferenceSession(
        file.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return model, session.run(None, {"X": X[:3]})


@skl2onnx_needed
@pytest.mark.filterwarnings("ignore:::(?!softxent)")
@pytest.mark.parametrize("kind", ALLOWED)
def test_the_classes_as_an_output(kind: str) -> None:
    model, (*_, classes) = converted(ALLOWED[kind], output_class_labels=True)
    assert classes.tolist() == model.classes_.tolist()


@skl2onnx_needed
@pytest.mark.filterwarnings("ignore:::(?!softxent)")
@pytest.mark.parametrize("kind", REFUSED)
def test_classes_of_which_skl2onnx_writes_no_list(kind: str) -> None:
    with pytest.raises(ValueError, match=f"lists classes of int32, int64 and text, got {kind}"):
        converted(REFUSED[kind], output_class_labels=True)
    _, (found, _) = converted(REFUSED[kind])
    assert set(found.tolist()) <= {0, 1}
    with pytest.raises(ValueError, match="cannot list the indices of classes of text"):
        converted(ALLOWED["text"], output_class_labels=True, nocl=True)
    _, (*_, classes) = converted(REFUSED["bool"], output_class_labels=True, nocl=True)
    assert classes.tolist() == [0, 1]


@skl2onnx_needed
@pytest.mark.filterwarnings("ignore:::(?!softxent)")
def test_classes_beyond_int64_do_not_wrap_around() -> None:
    """The file would have said -9223372036854775808."""
    labels = INDICES.astype(np.uint64) * 2**63
    with pytest.raises(ValueError, match="class 9223372036854775808 is beyond int64"):
        converted(labels)
    _, (found, _) = converted(labels, nocl=True)
    assert set(found.tolist()) <= {0, 1}
    _, (found, _) = converted(INDICES.astype(np.uint64) * (2**63 - 1))
    assert set(found.tolist()) <= {0, 2**63 - 1}


@skl2onnx_needed
def test_a_fit_registers_the_converter(run_python) -> None:
    code = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np, softxent.sklearn, skl2onnx
X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
model = softxent.sklearn.MLPSoftmaxClassifier(max_iter=2).fit(X, np.arange(20) % 3)
print(len(skl2onnx.to_onnx(model, X[:1]).graph.node))
"""
    assert int(run_python(code)) > 3


def test_nothing_is_imported_for_a_fit(run_python) -> None:
    code = """
import sys
import softxent
assert not {"sklearn", "scipy"} & set(sys.modules)
import softxent.sklearn, numpy as np
softxent.sklearn.MLPSoftmaxClassifier(tol=10.0).fit(np.eye(4), [0, 1, 2, 0])
print({"onnx", "skl2onnx", "onnxruntime", "torch"} & set(sys.modules))
"""
    assert run_python(code).strip() == "set()"


@pytest.mark.parametrize("head", ["probabilities", "logits", "loss"])
@pytest.mark.parametrize("name", SETS)
def test_estimator_alone(name: str, head: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pipeline, X, labels = fitted(name, {})
    scaled, model = pipeline[0].transform(X).astype(np.float32), pipeline[-1]
    path = tmp_path / "model.onnx"
    model.to_onnx(path, head=head)
    report = verify(path, scaled, labels, reference=model.net_)
    assert report.passed, str(report)
    if head == "probabilities":
        assert np.array_equal(decided(path, scaled), pipeline.predict(X).astype(str))
    net = onnx.load(path)
    assert np.allclose(net.forward(scaled), model.decision_function(scaled), rtol=1e-5, atol=1e-5)
