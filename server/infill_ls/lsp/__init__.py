"""The language server: pygls handlers around a session, and a client for the command line."""
