"""Tables and columns of pandas, polars and pyarrow given to networks and to verify."""

from __future__ import annotations

import numpy as np
import pytest

from softxent.data import Standardizer
from softxent.models import NeuralNet1, NeuralNet2

RNG = np.random.default_rng(7)
X = RNG.normal(size=(30, 3)).astype(np.float32)
KINDS = np.array(["ant", "bee", "cat"])
Y = np.arange(30) % 3
OPTIONS = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1, "progress": False}


def columns(order="abc"):
    """The columns of X by name, in some order."""
    return {name: X[:, "abc".index(name)] for name in order}


def make(package, content):
    """A table of a package."""
    module = pytest.importorskip(package)
    return {
        "pandas": lambda: module.DataFrame(content),
        "polars": lambda: module.DataFrame(content),
        "pyarrow": lambda: module.table(content),
    }[package]()


def column(package, values):
    """A column of a package."""
    module = pytest.importorskip(package)
    if package == "pyarrow":
        return module.array(values)
    return module.Series(values)


packages = pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])


@pytest.fixture
def net():
    """A network with names."""
    return NeuralNet2(3, 4, 3, seed=0, class_names=KINDS, feature_names=["a", "b", "c"])


@packages
@pytest.mark.parametrize("method", ["forward", "predict_proba", "predict"])
def test_columns_are_matched_by_name(net, package, method):
    expected = getattr(net, method)(X)
    for order in ("abc", "cab", "bca"):
        table = make(package, columns(order))
        np.testing.assert_array_equal(getattr(net, method)(table), expected)


@packages
def test_further_columns_are_ignored_with_one_warning(net, package):
    table = make(package, {"id": np.arange(30), **columns("cba"), "kind": KINDS[Y].tolist()})
    with pytest.warns(UserWarning, match="^X: columns that are no features .*: id, kind$") as seen:
        found = net.predict(table)
    assert len(seen) == 1 and seen[0].filename == __file__
    np.testing.assert_array_equal(found, net.predict(X))


@packages
def test_missing_columns_are_listed(net, package):
    with pytest.raises(ValueError, match="X: the network has features that the table lacks: a, c"):
        net.predict(make(package, columns("b")))


@packages
def test_columns_without_names_on_one_side_go_by_position(net, package):
    nameless = NeuralNet2(3, 4, 3, seed=0)
    table = make(package, columns("cab"))
    np.testing.assert_array_equal(nameless.predict(table), net.predict(X[:, [2, 0, 1]]))
    with pytest.raises(ValueError, match=r"X must have shape \(n, 3\), got \(30, 2\)"):
        nameless.predict(make(package, columns("ab")))


def test_counted_columns_of_pandas_have_no_names(net):
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(net.predict(pandas.DataFrame(X)), net.predict(X))


def test_names_that_occur_twice_are_refused(net):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b", "a"])
    for network in (net, NeuralNet2(3, 4, 3)):
        with pytest.raises(ValueError, match="X: the columns 'a' occur more than once"):
            network.predict(table)


@packages
def test_a_column_that_holds_no_numbers_is_named(net, package):
    with pytest.raises(TypeError, match="X must be real numbers, but column 'b' holds text"):
        net.predict(make(package, {**columns(), "b": KINDS[Y].tolist()}))


@packages
def test_whole_numbers_and_bools_of_tables_are_features(package):
    net = NeuralNet2(2, 4, 3, seed=0)
    table = make(package, {"a": [1, 2], "b": [True, False]})
    np.testing.assert_array_equal(net.forward(table), net.forward([[1, 1], [2, 0]]))


@packages
def test_fit_takes_names_from_the_data(package):
    net = NeuralNet2(3, 4, 3, seed=0)
    table, labels = make(package, columns("cab")), column(package, KINDS[Y].tolist())
    net.fit(table, labels, validation=(make(package, columns()), labels), **OPTIONS)
    assert net.feature_names == ("c", "a", "b")
    assert net.class_names == ("ant", "bee", "cat")
    same = NeuralNet2(3, 4, 3, seed=0)
    same.fit(X[:, [2, 0, 1]], Y, **OPTIONS)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, same.state_dict()[name])


def test_names_are_kept_as_they_were_if_fit_refuses_the_data():
    pandas = pytest.importorskip("pandas")
    net = NeuralNet2(3, 4, 3, seed=0)
    for bad in ({"epochs": 2, "weight": [1, 2]}, {"validation": (X, Y[:3])}):
        with pytest.raises(ValueError):
            net.fit(pandas.DataFrame(columns()), KINDS[Y], **{**OPTIONS, **bad})
    with pytest.raises(ValueError, match=r"3 distinct text labels to name the classes .*, got 2"):
        net.fit(pandas.DataFrame(columns()), KINDS[Y % 2], **OPTIONS)
    assert (net.feature_names, net.class_names) == (None, None)


@packages
@pytest.mark.parametrize("labels", [KINDS[Y].tolist(), Y.tolist()])
def test_labels_are_looked_up_in_the_class_names(net, package, labels):
    expected = net.loss(X, Y)
    assert net.loss(X, column(package, labels)) == expected
    assert net.loss(X, labels) == expected
    assert net.loss_and_grad(X, column(package, labels))[0] == expected


def test_categories_and_nullable_numbers_of_pandas_are_labels(net):
    pandas = pytest.importorskip("pandas")
    expected = net.loss(X, Y)
    for series in (
        pandas.Series(KINDS[Y], dtype="category"),
        pandas.Series(KINDS[Y], dtype="string"),
        pandas.Series(KINDS[Y], dtype=object),
        pandas.Series(Y, dtype="Int64"),
        pandas.DataFrame({"kind": KINDS[Y]}),
    ):
        assert net.loss(X, series) == expected
    for dtype in ("string", object, "category", None):
        with pytest.raises(ValueError, match="y, sample 1: the label is missing"):
            net.loss(X, pandas.Series(["ant", None, *["bee"] * 28], dtype=dtype))


def test_whole_numbers_are_looked_up_where_the_names_are_numbers():
    net = NeuralNet2(3, 4, 3, seed=0, class_names=["3", "7", "10"])
    labels = np.array([3, 7, 10])[Y]
    expected = NeuralNet2(3, 4, 3, seed=0).loss(X, Y)
    assert net.loss(X, labels) == expected
    assert net.loss(X, labels.astype(str)) == expected
    with pytest.raises(ValueError, match="y: label 0 of sample 0: the classes are 3, 7, 10"):
        net.loss(X, Y)


@pytest.mark.parametrize("names", [["ant", "bee", "cat"], ["3", "7", "10"]])
def test_an_unknown_label_is_a_value_error_with_the_list(names):
    net = NeuralNet2(3, 4, 3, seed=0, class_names=names)
    with pytest.raises(ValueError, match=f"label 'tulip' of sample 2: .* {', '.join(names)}"):
        net.loss(X, [names[0], names[1], "tulip"] * 10)


def test_labels_that_are_indices_stay_index_errors():
    for names in (None, ["ant", "bee", "cat"]):
        net = NeuralNet2(3, 4, 3, seed=0, class_names=names)
        with pytest.raises(IndexError, match="label 3 at index 1"):
            net.loss(X, [0, 3, 1] * 10)


def test_the_binary_network_takes_text_labels():
    net = NeuralNet1(3, 4, seed=0)
    net.fit(X, np.array(["no", "yes"])[Y % 2], **OPTIONS)
    assert net.class_names == ("no", "yes")
    assert net.loss(X, ["no", "yes", "no"] * 10) == net.loss(X, [0, 1, 0] * 10)
    probabilities = np.linspace(0, 1, 30)
    pandas = pytest.importorskip("pandas")
    assert net.loss(X, pandas.Series(probabilities)) == net.loss(X, probabilities)


@packages
def test_verify_takes_tables_with_names(net, package, tmp_path):
    pytest.importorskip("onnxruntime")
    from softxent.onnx import export
    from softxent.verify import verify

    export(net, tmp_path / "m.onnx", head="loss")
    report = verify(
        tmp_path / "m.onnx",
        make(package, columns("cba")),
        column(package, KINDS[Y].tolist()),
        reference=net,
        batch_sizes=(),
    )
    assert report.passed
    accuracy = (net.predict(X) == Y).mean()
    assert report.to_dict()["accuracies"] == {"CPUExecutionProvider": pytest.approx(accuracy)}
    with pytest.raises(
        ValueError, match="label 'tulip' of sample 0: the classes are ant, bee, cat"
    ):
        verify(tmp_path / "m.onnx", X, ["tulip"] * 30)


def test_tables_are_recognised_without_importing_their_packages(run_python):
    code = (
        "import sys, numpy as np; from softxent.models import NeuralNet2;"
        "net = NeuralNet2(3, 4, 3, seed=0, feature_names=list('abc'));"
        "net.predict(np.zeros((2, 3)));"
        "print(sorted({'pandas', 'polars', 'pyarrow'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


@packages
def test_a_standardizer_keeps_names_and_gives_them_to_the_network(package):
    table = make(package, columns("cab"))
    standardizer = Standardizer.fit(table)
    assert standardizer.feature_names == ("c", "a", "b")
    expected = Standardizer.fit(X[:, [2, 0, 1]]).transform(X[:, [2, 0, 1]])
    for order in ("abc", "bca"):
        found = standardizer.transform(make(package, columns(order)))
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="X: the network has features that the table lacks: c, b"):
        standardizer.transform(make(package, columns("a")))
    net = NeuralNet2(3, 4, 3, seed=0)
    net.fold_standardizer(standardizer)
    assert net.feature_names == ("c", "a", "b")
    other = NeuralNet2(3, 4, 3, seed=0, feature_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="must have the features a, b, c, got c, a, b"):
        other.fold_standardizer(standardizer)
