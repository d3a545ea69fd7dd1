# SPDX-License-Identifier: Apache-2.0
"""A framework that is not installed, said so that it helps.

>>> with wanted("langchain"):
...     import no_such_framework
Traceback (most recent call last):
ImportError: byline.frameworks.langchain cannot be used (No module named 'no_such_framework'): pip install 'byline[langchain]'
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def wanted(extra: str) -> Iterator[None]:
    """Say which extra to install where an import in the block fails.

    Raises:
        ImportError: It failed.
    """
    try:
        yield
    except ImportError as error:
        module = f"byline.frameworks.{extra.replace('-', '_')}"
        raise ImportError(f"{module} cannot be used ({error}): pip install 'byline[{extra}]'") from error
