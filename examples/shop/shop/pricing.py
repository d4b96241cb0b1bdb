"""Prices in cents."""

REDUCED_VAT_PERCENT = 7
STANDARD_VAT_PERCENT = 19


def net_price(amount_cents, quantity):
    """Return the price of an order line without tax."""
    return amount_cents * quantity


def apply_discount(amount_cents, percent):
    """Take a discount off an amount."""
    return amount_cents - amount_cents * percent // 100


def add_vat(amount_cents, percent=STANDARD_VAT_PERCENT):
    """Add value added tax to an amount."""
    return amount_cents + amount_cents * percent // 100
