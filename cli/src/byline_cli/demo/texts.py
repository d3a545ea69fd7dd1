# SPDX-License-Identifier: Apache-2.0
"""What is typed in the story: small files with something to lose in them."""

from __future__ import annotations

README = "# Shop\n\nWhat things cost.\n"

GUARD = '    if count < 0:\n        raise ValueError("count")\n'

PRICES = f'''"""Prices of the shop."""

TAX = 0.2


def total(price, count):
{GUARD}    return price * count


def with_tax(price):
    return price * (1 + TAX)
'''

DISCOUNT = '''"""Discounts of the shop."""


def discount(price, percent):
    """Return the price after a discount."""
    return price - price * percent / 100


def voucher(price, amount):
    """Return what is left to pay after a voucher."""
    return max(0, price - amount)
'''

SHIPPING = """

def shipping(price):
    free_from = 50
    return 0 if price >= free_from else 4.9
"""

# What Claude Code makes of the last line of it.
FREE = ("    return 0 if price >= free_from else 4.9", "    return 0 if price >= free_from else round(4.9, 2)")

GATE = """schema = 1
repository = "{repository}"
trust = "{trust}"
target = "main"
ledger = "{ledger}"
key = "{key}"
state = "state.json"
"""
