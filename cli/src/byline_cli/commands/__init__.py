# SPDX-License-Identifier: Apache-2.0
"""One file for each command: `ABOUT` and `EXAMPLE` for its help, `configure` for its arguments, `run` for what it does."""
