# SPDX-License-Identifier: Apache-2.0
"""Keys: make, load, sign, check. The only room that uses `cryptography`, and one file for each kind of key."""
