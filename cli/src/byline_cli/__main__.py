# SPDX-License-Identifier: Apache-2.0
"""`python -m byline_cli`: the same as `byline`."""

from __future__ import annotations

import sys

from byline_cli.main import main

sys.exit(main())
