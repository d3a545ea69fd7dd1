# SPDX-License-Identifier: Apache-2.0
"""The first verb: observe edits with their evidence, and lose none of them."""
