"""Invoices as text."""

from shop.pricing import add_vat, apply_discount, net_price


def invoice_line(customer, item, quantity):
    amount_cents = net_price(item.price_cents, quantity)
    if customer.is_member:
        amount_cents = apply_discount(amount_cents, customer.discount_percent)
    return f"{item.name} x {quantity}: {add_vat(amount_cents) / 100:.2f}"
