"""Who buys."""

from dataclasses import dataclass


@dataclass
class Customer:
    name: str
    is_member: bool = False
    discount_percent: int = 0

    def greeting(self):
        return f"Dear {self.name},"
