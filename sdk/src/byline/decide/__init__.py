# SPDX-License-Identifier: Apache-2.0
"""The sixth verb: a policy and a change become a verdict. Pure."""
