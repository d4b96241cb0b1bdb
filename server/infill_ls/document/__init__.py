"""The text around the cursor: lines, brackets, the kind of place, and where it is cut."""
