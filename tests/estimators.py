"""Estimators of scikit-learn, by what the files that skl2onnx writes of them yield.

For tests that have skipped where scikit-learn and skl2onnx are missing.
"""

from __future__ import annotations

from typing import Any

from sklearn import (
    calibration,
    discriminant_analysis,
    ensemble,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)


def _scaled(estimator: Any) -> Any:
    return pipeline.make_pipeline(preprocessing.StandardScaler(), estimator)


def _voting() -> Any:
    parts = [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())]
    return ensemble.VotingClassifier(parts, voting="soft", flatten_transform=False)


#: Estimators whose files yield probabilities.
WITH = {
    "logistic": lambda: _scaled(linear_model.LogisticRegression()),
    "logistic sgd": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "perceptron of layers": lambda: neural_network.MLPClassifier((5,), max_iter=30, random_state=0),
    "Platt-scaled": lambda: svm.SVC(probability=True, random_state=0),
    "Bayes": naive_bayes.GaussianNB,
    "discriminant": discriminant_analysis.QuadraticDiscriminantAnalysis,
    "forest": lambda: ensemble.RandomForestClassifier(5, random_state=0),
    "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0),
    "adaptive boosting": lambda: ensemble.AdaBoostClassifier(n_estimators=3, random_state=0),
    "bagging": lambda: ensemble.BaggingClassifier(n_estimators=3, random_state=0),
    "neighbours": neighbors.KNeighborsClassifier,
    "tree": lambda: tree.DecisionTreeClassifier(max_depth=2, random_state=0),
    "one against the rest": lambda: multiclass.OneVsRestClassifier(
        linear_model.LogisticRegression()
    ),
    "calibrated": lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB()),
    "voting": _voting,
}

#: Estimators whose files yield scores that are no logits, or not known to be.
WITHOUT = {
    "hinge": lambda: linear_model.SGDClassifier(random_state=0),
    "ridge": linear_model.RidgeClassifier,
    "perceptron": lambda: linear_model.Perceptron(random_state=0),
    "vector machine": svm.SVC,
}
