# SPDX-License-Identifier: Apache-2.0
"""A framework that is not there."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import byline.frameworks

EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
ADAPTERS = sorted({each.name for each in pkgutil.iter_modules(byline.frameworks.__path__)} - {"extras"})


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_says_which_extra_its_framework_comes_with(name: str) -> None:
    with pytest.raises(ImportError, match=rf"byline\.frameworks\.{name} cannot be used") as caught:
        importlib.import_module(f"byline.frameworks.{name}")
    (extra,) = re.findall(r"pip install 'byline\[(.+)\]'", str(caught.value))
    assert extra in EXTRAS
