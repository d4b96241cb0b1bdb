"""Reading the files of a workspace, all of which may be hostile."""
