"""Walking a workspace, in a process of its own."""
