# SPDX-License-Identifier: Apache-2.0
"""The ledger: an append-only, verifiable log of signed statements, embedded or served."""
