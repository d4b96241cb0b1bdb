"""How we start processes of our own, and how they end with us."""
