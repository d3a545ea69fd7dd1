# SPDX-License-Identifier: Apache-2.0
"""The only room that calls git: objects, refs and remotes, read raw."""
