"""What the measurements of a model share."""
