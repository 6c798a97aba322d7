"""The data sets in the package, Dataset and Standardizer."""

import numpy as np
import pytest

from softxent.data import Dataset, Standardizer, load_breast_cancer, load_digits


def small(y=(0, 0, 1, 1, 1), classes=2):
    """A data set of five samples."""
    y = np.array(y, dtype=np.int64)
    X = np.arange(3 * len(y), dtype=np.float32).reshape(len(y), 3)
    return Dataset("small", X, y, tuple("abcdefgh"[:classes]))


def test_load_digits_has_the_form_of_mnist():
    digits = load_digits()
    assert (digits.X.shape, digits.X.dtype, digits.y.dtype) == ((1797, 784), "float32", "int64")
    assert digits.X.flags.c_contiguous
    assert (digits.image_shape, digits.num_classes) == ((28, 28), 10)
    assert digits.class_names == tuple("0123456789")
    assert (digits.X.min(), digits.X.max()) == (0, 1)
    frame = np.ones((28, 28), dtype=bool)
    frame[2:-2, 2:-2] = False
    assert (digits.X.reshape(-1, 28, 28)[:, frame] == 0).all()
    assert "CC BY 4.0" in digits.attribution


def test_load_digits_are_those_of_scikit_learn_interpolated():
    """The centre of every block of 3×3 has the original pixel; between them it is linear."""
    original = pytest.importorskip("sklearn.datasets").load_digits()
    digits = load_digits()
    np.testing.assert_array_equal(digits.y, original.target)
    inner = digits.X.reshape(-1, 28, 28)[:, 2:-2, 2:-2]
    np.testing.assert_array_equal(inner[:, 1::3, 1::3], (original.images / 16).astype(np.float32))
    between = (2 * inner[:, 1:-3:3, 1::3] + inner[:, 4::3, 1::3]) / 3
    np.testing.assert_allclose(inner[:, 2:-2:3, 1::3], between, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(inner[:, 0], inner[:, 1])


def test_load_breast_cancer_is_that_of_scikit_learn():
    original = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    cancer = load_breast_cancer()
    np.testing.assert_array_equal(cancer.X, original.data.astype(np.float32))
    np.testing.assert_array_equal(cancer.y, original.target)
    assert list(cancer.class_names) == original.target_names.tolist()
    assert cancer.image_shape is None
    assert "CC BY 4.0" in cancer.attribution


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_split_is_disjoint_complete_and_stratified(fraction):
    digits = load_digits()
    train, test = digits.split(fraction, seed=1)
    assert len(train) + len(test) == len(digits)
    order = np.lexsort(digits.X.T)
    both = np.concatenate([train.X, test.X])
    np.testing.assert_array_equal(both[np.lexsort(both.T)], digits.X[order])
    for label in range(10):
        expected = fraction * (digits.y == label).sum()
        assert abs((test.y == label).sum() - expected) <= 0.5
    assert test.class_names == digits.class_names
    assert test.attribution == digits.attribution


def test_split_depends_on_the_seed_alone():
    digits = load_digits()
    first, second, other = (digits.split(seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, second.X)
    assert first.X.shape != other.X.shape or (first.X != other.X).any()


def test_split_keeps_rows_with_their_labels():
    data = small()
    for part in data.split(0.4):
        for row, label in zip(part.X, part.y, strict=True):
            assert data.y[int(row[0]) // 3] == label


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_split_gives_both_parts_of_every_class_with_two_samples(fraction):
    train, test = small(y=(0, 0, 1, 1, 2), classes=3).split(fraction)
    assert set(train.y) == {0, 1, 2}
    assert set(test.y) == {0, 1}


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_split_refuses_a_fraction(fraction):
    with pytest.raises(ValueError, match=rf"test_fraction must be in \(0, 1\), got {fraction}"):
        small().split(fraction)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"X": np.zeros((5, 3))}, TypeError, "X must be float32 and y int64, got float64 and int"),
        ({"y": np.zeros(5)}, TypeError, "got float32 and float64"),
        ({"y": np.zeros(4, np.int64)}, ValueError, r"got \(5, 3\) and \(4,\)"),
        ({"image_shape": (2, 2)}, ValueError, r"images of shape \(2, 2\) do not have 3 pixels"),
        ({"class_names": ("a",)}, IndexError, r"label 1 at index 2 is not in \[0, 1\)"),
    ],
)
def test_dataset_refuses_fields_that_do_not_fit(fields, error, message):
    good = small()
    values = {"name": "bad", "X": good.X, "y": good.y, "class_names": good.class_names}
    with pytest.raises(error, match=message):
        Dataset(**{**values, **fields})


def test_standardizer_gives_mean_0_and_deviation_1():
    X = load_breast_cancer().X
    result = Standardizer.fit(X).transform(X)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(result.std(axis=0, dtype=np.float64), 1, atol=1e-6)


def test_standardizer_leaves_a_constant_feature_at_0():
    X = np.column_stack([np.full(7, 0.1), np.arange(7)])
    standardizer = Standardizer.fit(X)
    assert standardizer.scale[0] == 1
    np.testing.assert_allclose(standardizer.transform(X)[:, 0], 0, atol=1e-15)


@pytest.mark.parametrize(
    ("mean", "scale", "message"),
    [
        ([0, 0], [1], r"got shapes \(2,\) and \(1,\)"),
        ([0, np.nan], [1, 1], "must be finite"),
        ([0, 0], [1, 0], "scale must be positive, got 0.0"),
    ],
)
def test_standardizer_refuses(mean, scale, message):
    with pytest.raises(ValueError, match=message):
        Standardizer(mean, scale)


def test_standardizer_refuses_features():
    with pytest.raises(ValueError, match=r"must have 2 features, got shape \(1, 3\)"):
        Standardizer([0, 0], [1, 1]).transform([[1, 2, 3]])
    with pytest.raises(ValueError, match="X has no rows"):
        Standardizer.fit(np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"must have shape \(n, features\), got \(3,\)"):
        Standardizer.fit([1, 2, 3])
    with pytest.raises(ValueError, match="must be finite"):
        Standardizer.fit([[1.0, np.inf]])
