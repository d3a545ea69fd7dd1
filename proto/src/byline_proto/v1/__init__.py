# SPDX-License-Identifier: Apache-2.0
"""Generated from proto/byline_proto by `make proto`."""
