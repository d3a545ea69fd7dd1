# SPDX-License-Identifier: Apache-2.0
"""The fifth verb: bundles, trust and a time become verified facts, or an exception. Pure but for signatures."""
