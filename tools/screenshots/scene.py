"""What is typed for the pictures, in a copy of examples/shop. What is suggested there is the model's."""

from __future__ import annotations

FILE = "shop/orders.py"
TEXT = '''\
"""Orders of a customer."""

from shop.customers import Customer
from shop.pricing import add_vat, apply_discount, net_price


def amount_due(customer: Customer, item, quantity):
    amount_cents = net_price(item.price_cents, quantity)
    if customer.is_member:
'''
INDENTATION = "        "
TYPED = "amount_cents = "
"""In the next line, which the editors indent themselves or not."""
TYPED_BELOW = "return a"
"""In the line after that, one step to the left."""
COMPLETED = f"examples/shop/{FILE}:4"
"""The place in the shop itself that the picture of ``infill-ls complete`` shows."""
