# SPDX-License-Identifier: Apache-2.0
"""Adapters and reports that put the verdict where changes land and deploy."""
