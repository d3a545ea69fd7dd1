# SPDX-License-Identifier: Apache-2.0
"""The nouns that the rooms exchange: pure values, their exact formats, and the ports that join them."""
