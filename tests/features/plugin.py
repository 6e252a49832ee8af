"""Pytest plugin: notes which features the tests of a run have proven.

``@pytest.mark.feature("CI-01")`` proves a feature, ``@pytest.mark.feature("CI-02", part="whatsapp")`` one declared part
of it. A mark that the catalogue does not know stops the run. A full run leaves ``.reports/features.json``, which
``make features`` reads; a restricted one leaves ``.reports/features-partial.json``, which nothing counts.
"""

import json
from collections import defaultdict
from collections.abc import Generator
from typing import Final

import pytest

from tests.features.catalogue import WHOLE, catalogue

PROPERTY: Final = "feature"
REPORT: Final = ".reports/features.json"
PARTIAL_REPORT: Final = ".reports/features-partial.json"
RESTRICTIONS: Final = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "maxfail")


def read_mark(mark: pytest.Mark) -> tuple[str, str]:
    """Return the feature's ID with the piece of it that the mark speaks of.

    Raises:
        ValueError: The catalogue knows no such feature or part; the text says what it does know.
    """
    match mark.args, mark.kwargs:
        case (str(feature_id),), {**rest} if not rest:
            piece = WHOLE
        case (str(feature_id),), {"part": str(piece), **rest} if not rest:
            pass
        case _:
            msg = f'feature marks look like ("CI-01") or ("CI-02", part="whatsapp"), not {mark.args} {mark.kwargs}'
            raise ValueError(msg)
    feature = catalogue().get(feature_id)
    if feature is None:
        msg = f"docs/feature_catalogue.toml has no feature {feature_id!r}"
        raise ValueError(msg)
    if piece not in feature.pieces:
        wanted = f"part= one of {', '.join(feature.parts)}" if feature.parts else "no part"
        msg = f"feature {feature_id} takes {wanted}, not {piece!r}"
        raise ValueError(msg)
    return feature_id, piece


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note the features of every test where the reports of its run will carry them.

    A wrong mark is an error of collection, not a UsageError: that one ends a worker of xdist without its text.
    """
    report = yield
    problems = []
    for item in (node for node in report.result if isinstance(node, pytest.Item)):
        for mark in item.iter_markers(PROPERTY):
            try:
                feature_id, piece = read_mark(mark)
            except ValueError as error:
                problems.append(f"{item.nodeid}: {error}")
            else:
                item.user_properties.append((PROPERTY, f"{feature_id} {piece}"))
    if problems:
        report.outcome, report.longrepr, report.result = "failed", "\n".join(problems), []
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Collect results where they all arrive: in the controller, or the only process."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FeatureReport(config))


def is_unrestricted(config: pytest.Config) -> bool:
    """Say whether the command line lets every test run."""
    if any(config.getoption(option, default=None) for option in RESTRICTIONS):
        return False
    asked = {config.invocation_params.dir / argument for argument in config.args}
    return asked == {config.rootpath / path for path in config.getini("testpaths")}


class FeatureReport:
    """The outcome of every marked test of a run."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with nothing run."""
        self._config = config
        self._marks: dict[str, list[str]] = {}
        self._outcomes: dict[str, str] = {}
        self._all_collected = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that tests are missing: xdist runs the others all the same."""
        self._all_collected = self._all_collected and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test: it passed when its call did, with nothing failing around it."""
        marks = [str(value) for name, value in report.user_properties if name == PROPERTY]
        if not marks:
            return
        self._marks[report.nodeid] = marks
        if report.failed or (report.outcome != "passed" and self._outcomes.get(report.nodeid) != "failed"):
            self._outcomes[report.nodeid] = report.outcome
        elif report.when == "call":
            self._outcomes.setdefault(report.nodeid, "passed")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what was seen."""
        if self._config.getoption("collectonly"):
            return
        complete = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        full = complete and self._all_collected and not session.shouldstop and is_unrestricted(self._config)
        path = self._config.rootpath / (REPORT if full else PARTIAL_REPORT)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"full": full, "features": self.by_feature()}, indent=1, sort_keys=True) + "\n")

    def by_feature(self) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Return feature -> piece -> outcome -> test ids."""
        found: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        for nodeid, outcome in sorted(self._outcomes.items()):
            for mark in self._marks[nodeid]:
                feature_id, _, piece = mark.partition(" ")
                found[feature_id][piece][outcome].append(nodeid)
        return found
