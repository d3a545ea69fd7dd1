# SPDX-License-Identifier: Apache-2.0
"""The verbs of `byline ledger`: a module for each, with the two functions of a command (`byline_cli.parser`)."""
