"""From files to the segments that are searched."""
