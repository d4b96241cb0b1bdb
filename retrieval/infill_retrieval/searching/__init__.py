"""From a place in a file to the snippets that help there."""
