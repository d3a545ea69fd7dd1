# SPDX-License-Identifier: Apache-2.0
"""The second verb: edits and file contents become one owner for each line. Pure."""
