"""Every import contract is kept by the tree, yet bites a planted violation."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "hub", "connectors", "handlers")
CONTRACTS: dict[str, str] = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# (contract, module that gets the import, what it imports)
PLANTS = [
    ("layers", "hub.bootstrap", "hub.cli"),
    ("layers", "hub.bootstrap", "hub.web"),
    ("layers", "hub.discovery", "hub.bootstrap"),
    ("layers", "connectors.planted_layers", "hub.discovery"),
    ("layers", "connectors.planted_sideways", "handlers"),
    ("layers", "handlers.planted_sideways", "hub.desks"),
    ("layers", "hub.desks.planted_sideways", "connectors"),
    ("layers", "hub.services.planted_layers", "handlers"),
    ("layers", "hub.store.planted_layers", "hub.services"),
    ("layers", "hub.domain.planted_layers", "hub.store"),
    ("layers", "schemas.planted_layers", "hub.domain"),
    ("pipeline_layers", "hub.services.planted_bus", "hub.bus"),
    ("pipeline_layers", "hub.bus.planted_services", "hub.services"),
    ("pipeline_layers", "hub.services.planted_pipeline", "hub.pipeline"),
    ("pipeline_layers", "hub.store.planted_bus", "hub.bus"),
    ("core_without_plugins", "hub.pipeline.planted_connector", "connectors"),
    ("core_without_plugins", "hub.pipeline.planted_discovery", "hub.discovery"),
    ("core_without_plugins", "hub.bus.planted_handler", "handlers"),
    ("core_without_plugins", "hub.services.planted_desk", "hub.desks"),
    ("connectors_apart", "connectors.planted_left", "connectors.planted_right"),
    ("connectors_apart", "connectors._meta.planted_down", "connectors.planted_right"),
    ("handlers_apart", "handlers.planted_left", "handlers.planted_right"),
    ("desks_apart", "hub.desks.planted_left", "hub.desks.planted_right"),
    ("plugins_use_contracts", "connectors.planted_pipeline", "hub.pipeline"),
    ("plugins_use_contracts", "handlers.planted_bus", "hub.bus"),
    ("plugins_use_contracts", "hub.desks.planted_web", "hub.web"),
    ("handlers_stay_inside", "handlers.planted_httpx", "httpx"),
    ("handlers_stay_inside", "handlers.planted_requests", "requests"),
    ("handlers_stay_inside", "handlers.planted_socket", "socket"),
    ("handlers_stay_inside", "hub.services.planted_asyncio", "asyncio"),
    ("contracts_small", "hub.contracts", "hub.store.planted_layers"),
    ("contracts_small", "hub.contracts", "hub.planted_later"),
    ("schemas_alone", "schemas.planted_errors", "hub.errors"),
    ("domain_pure", "hub.domain.planted_ports", "hub.ports"),
    ("domain_pure", "hub.domain.planted_later", "hub.planted_later"),
    ("domain_without_io", "hub.domain.planted_sqlalchemy", "sqlalchemy"),
    ("domain_without_io", "hub.domain.planted_asyncio", "asyncio"),
    ("kafka_in_one_file", "hub.bus.planted_kafka", "aiokafka"),
    ("kafka_in_one_file", "connectors.planted_kafka", "faststream"),
    ("leaves", "hub.errors", "hub.contracts"),
    ("leaves", "hub.settings", "hub.store"),
    ("leaves", "hub.killpoints", "hub.planted_later"),
    ("leaves", "hub.ports", "hub.domain"),
    ("leaves", "hub.telemetry", "hub.services"),
    ("leaves", "hub.system", "connectors"),
]
ALLOWED = [
    ("hub.bus.kafka.planted_fine", "aiokafka"),
    ("hub.bus.kafka.planted_fine", "faststream"),
    ("hub.domain.planted_fine", "hub.errors"),
    ("connectors.planted_fine", "connectors._meta.signature"),
]


def copy_tree(target: Path) -> Path:
    """Copy what the linter reads, so that nothing is ever planted in the checkout."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def file_of(tree: Path, module: str) -> Path:
    """Return the module's file, or where a new one belongs."""
    path = tree.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def plant(tree: Path, importer: str, imported: str) -> None:
    """Append an import to a module, making either file where it is absent."""
    if imported.startswith(PACKAGES):
        file_of(tree, imported).touch()
    with file_of(tree, importer).open("a") as file:
        file.write(f"\nimport {imported}\n")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter as ``make check`` does, on the tree alone."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Plant all violations at once: contract name -> what the linter says about it."""
    tree = copy_tree(tmp_path_factory.mktemp("planted"))
    for importer, imported in [plant_[1:] for plant_ in PLANTS] + ALLOWED:
        plant(tree, importer, imported)
    run = lint(tree)
    assert "Broken contracts\n" in run.stdout, run.stdout + run.stderr
    _, _, details = run.stdout.partition("Broken contracts\n")
    sections = re.split(r"\n([^\n]+)\n-{5,}\n", details)
    yield dict(zip(sections[1::2], sections[2::2], strict=True))
    shutil.rmtree(tree)


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    run = lint(copy_tree(tmp_path))

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in run.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)


@pytest.mark.xdist_group("import_contracts")
@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTS)
def test_planted_violation_is_named(broken: dict[str, str], contract: str, importer: str, imported: str) -> None:
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)} \(l\.", broken[CONTRACTS[contract]])


@pytest.mark.xdist_group("import_contracts")
def test_the_kafka_file_may_import_kafka(broken: dict[str, str]) -> None:
    assert not any("hub.bus.kafka -> " in said for said in broken.values())


@pytest.mark.xdist_group("import_contracts")
def test_connectors_may_import_what_they_share(broken: dict[str, str]) -> None:
    assert "connectors.planted_fine" not in broken[CONTRACTS["connectors_apart"]]


@pytest.mark.xdist_group("import_contracts")
def test_the_domain_may_import_errors(broken: dict[str, str]) -> None:
    assert "hub.domain.planted_fine" not in broken[CONTRACTS["domain_pure"]]
