"""What must never be sent to a model: names of files, forms and places of secrets."""
