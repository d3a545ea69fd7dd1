# SPDX-License-Identifier: Apache-2.0
"""From a statement to an envelope: one signer per file."""
