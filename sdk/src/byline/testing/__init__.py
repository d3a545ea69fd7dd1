# SPDX-License-Identifier: Apache-2.0
r"""What tests of agents and frameworks want: real parts that need no network, and the question who wrote each line.

    # conftest.py
    pytest_plugins = ["byline.testing.plugin"]

    # test_my_framework.py
    from byline.testing import assert_byline

    def test_my_tool_is_recorded(byline_repository):
        byline_repository.write("a.py", "typed = 1\n")         # a person's hand: nobody is told
        my_framework.run("append written = 2 to a.py")
        assert_byline("a.py", {2: "my-agent"})

The ledger, the clock and the key are real, too (`MemoryLedger`, `FixedClock`, `fixed_signer`), and the same in every run. The plugin is
named by who wants it: one that installs itself would be loaded by every test run on the machine.
"""

from __future__ import annotations

from byline.testing.ledger import FixedClock, MemoryLedger, fixed_signer
from byline.testing.repository import Line, ScratchRepository, assert_byline, blame

__all__ = ["FixedClock", "Line", "MemoryLedger", "ScratchRepository", "assert_byline", "blame", "fixed_signer"]
