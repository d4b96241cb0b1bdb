"""What is told to people: how a suggestion came about, and what was accepted."""
