"""Orders of a customer."""

from shop.customers import Customer
from shop.pricing import 


def order_total(customer: Customer, items):
    """Return what the customer has to pay for all items, with discount and tax."""
