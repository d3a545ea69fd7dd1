# SPDX-License-Identifier: Apache-2.0
"""Make and load keys, check signatures: the only room that uses a cryptography library."""
