# SPDX-License-Identifier: Apache-2.0
"""`python -m byline_cli`: the same as `byline`."""

from __future__ import annotations

import gc
import sys

from byline_cli.main import main

gc.set_threshold(100_000)  # git's hooks start here: to look through what was just imported again and again is a tenth of the start
sys.exit(main())
