"""The contracts of ``pyproject.toml`` speak of modules that exist, and the sources declare what they import."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = PROJECT["tool"]["importlinter"]["contracts"]
FIRST_PARTY = {"config", "manage", "migrations", "optimizer", "tests", "webapp", "wsgi"}
OPTIONAL = {"optimizer/benchmarks/peer_cpsat.py": {"ortools"}, "optimizer/strategies.py": {"hypothesis"}}
"""Modules that need a package which only development installs; the packages of the product do not import them."""


def exists(module: str) -> bool:
    """Return whether a dotted name is a module or package of the checkout."""
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def own_modules(contract: dict[str, Any]) -> set[str]:
    """Return the modules of the checkout that a contract speaks of; optional layers and patterns left out."""
    fields = (
        "ancestors",
        "allowed_importers",
        "containers",
        "forbidden_modules",
        "protected_modules",
        "source_modules",
    )
    names = {name for field in fields for name in contract.get(field, [])}
    for container in contract.get("containers", []):
        layers = [layer for line in contract["layers"] for layer in line.split("|")]
        names |= {f"{container}.{layer.strip()}" for layer in layers if "(" not in layer}
    return {name for name in names if name.split(".")[0] in FIRST_PARTY and "*" not in name}


def imported_packages(path: Path) -> set[str]:
    """Return the top-level names that a file imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def distributions_asked_for(*sources: str) -> set[str]:
    """Return the distributions that ``.in`` files name, with those that an extra of theirs brings."""
    asked: set[str] = set()
    for source in sources:
        for line in (ROOT / "requirements" / source).read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith(("#", "-")):
                requirement = Requirement(line)
                asked.add(canonicalize_name(requirement.name))
                asked |= brought_by_extras(requirement)
    return asked


def brought_by_extras(requirement: Requirement) -> set[str]:
    """Return the distributions that the extras of a requirement ask for."""
    offered = (Requirement(text) for text in importlib.metadata.requires(requirement.name) or [])
    return {
        canonicalize_name(other.name)
        for other in offered
        for extra in requirement.extras
        if other.marker and other.marker.evaluate({"extra": extra}) and not other.marker.evaluate({"extra": ""})
    }


def undeclared(paths: list[Path], declared: set[str]) -> dict[str, set[str]]:
    """Return the third-party packages that files import though no source of the locks names them."""
    providers = importlib.metadata.packages_distributions()
    missing: dict[str, set[str]] = {}
    for path in paths:
        third_party = imported_packages(path) - FIRST_PARTY - set(sys.stdlib_module_names)
        unknown = {
            name
            for name in third_party
            if not declared & {canonicalize_name(provider) for provider in providers.get(name, [])}
        }
        if unknown:
            missing[str(path.relative_to(ROOT))] = unknown
    return missing


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_a_contract_names_modules_that_exist(contract):
    assert {module for module in own_modules(contract) if not exists(module)} == set()


def test_the_contracts_speak_of_every_rule_of_the_house():
    kinds = sorted(contract["type"] for contract in CONTRACTS)
    layers = next(contract for contract in CONTRACTS if contract["type"] == "layers")

    assert {"acyclic_siblings", "forbidden", "independence", "layers", "protected"} == set(kinds)
    assert layers["exhaustive"] is True


def test_the_product_imports_only_what_the_base_lock_is_asked_for():
    """What arrives through another package may leave with that package's next release."""
    folders = ("migrations", "optimizer", "webapp")
    paths = [ROOT / "config.py", ROOT / "wsgi.py"]
    paths += [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    assert undeclared(paths, distributions_asked_for("base.in")) == OPTIONAL


@pytest.mark.parametrize("module", OPTIONAL)
def test_a_module_with_an_optional_package_says_what_to_install(module):
    """Whoever imports it without the package reads a sentence; nobody else loads it."""
    name = module.removesuffix(".py").replace("/", ".")
    blocked = "; ".join(f"sys.modules[{package!r}] = None" for package in sorted(OPTIONAL[module]))
    script = f"import sys; {blocked}; import {name.split('.')[0]}, {name}"

    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    for package in OPTIONAL[module]:
        assert f"ImportError: {name} needs the package {package}: pip install {package}" in ended.stderr


def test_the_tests_import_only_what_the_locks_are_asked_for():
    paths = list((ROOT / "tests").rglob("*.py"))

    assert undeclared(paths, distributions_asked_for("base.in", "dev.in")) == {}


def test_the_set_up_imports_the_standard_library_alone():
    assert imported_packages(ROOT / "manage.py") <= set(sys.stdlib_module_names)


def test_a_console_command_names_a_module_that_exists():
    targets = PROJECT["project"]["scripts"].values()

    assert [target for target in targets if not exists(target.split(":")[0])] == []
