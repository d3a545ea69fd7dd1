# SPDX-License-Identifier: Apache-2.0
"""Generated code of the ledger's wire format, and nothing else."""
