# SPDX-License-Identifier: Apache-2.0
"""The story of Byline, told with the real commands on a scratch repository: every claim is checked while it is made."""
