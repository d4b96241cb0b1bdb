"""Orders of a customer."""

from shop import pricing


def order_total(customer, items):
    """Return what the customer has to pay for all items, with discount and tax."""
    total_cents = 0
    for item, quantity in items:
        total_cents += pricing.
    if customer.is_member:
        total_cents -= total_cents * customer.discount_percent // 100
    return total_cents
