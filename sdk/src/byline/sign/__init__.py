# SPDX-License-Identifier: Apache-2.0
"""The third verb: a payload becomes an envelope. One signer for each file."""
