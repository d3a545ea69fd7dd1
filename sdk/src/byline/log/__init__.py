# SPDX-License-Identifier: Apache-2.0
"""The fourth verb: an envelope is put where it can be found, and a receipt comes back."""
