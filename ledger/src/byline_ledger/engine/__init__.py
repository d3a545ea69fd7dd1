# SPDX-License-Identifier: Apache-2.0
"""The log itself, without a network: what may enter, in which order, kept where, and how to check all of it."""
