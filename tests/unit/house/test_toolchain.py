"""What is installed is what was locked, and no lane's pins reach the project."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_brownies_pins_stay_in_its_own_lane():
    """Without `conflicts` that name the project, `uv lock` gives everybody Brownie's web3 7.16."""
    assert version("web3").split(".")[0] == "8"
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    locked = {package["version"] for package in lock["package"] if package["name"] == "web3"}
    assert {number.split(".")[0] for number in locked} == {"7", "8"}


def test_the_lock_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    ours = next(package for package in lock["package"] if package["name"] == project["name"])
    assert len(ours["metadata"]["requires-dist"]) == len(project["dependencies"]) + sum(
        len(extra) for extra in project["optional-dependencies"].values()
    )


def test_make_installs_the_uv_that_ci_runs():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    pinned = next(line.split(":=")[1].strip() for line in makefile.splitlines() if line.startswith("UV_VERSION"))
    assert version("uv") == pinned


def test_the_npm_lock_names_every_platforms_binaries():
    """`npm ci` refuses a lock that leaves out what it did not install; `npm install` leaves it out all the same."""
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    wanted = {
        name
        for package in packages.values()
        if not package.get("peer")
        for name in package.get("optionalDependencies", {})
    }
    assert {name for name in wanted if not any(path.endswith(f"node_modules/{name}") for path in packages)} == set()
