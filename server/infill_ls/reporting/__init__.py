"""Reports for users: how a suggestion was made, and what was accepted."""
