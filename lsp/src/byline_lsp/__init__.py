# SPDX-License-Identifier: Apache-2.0
"""The language server: who wrote each line, in the editor."""
