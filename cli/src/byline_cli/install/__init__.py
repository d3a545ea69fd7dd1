# SPDX-License-Identifier: Apache-2.0
"""What `byline init` changes on a machine: planned first, shown, then done, and undone byte for byte."""
