"""Model files: the known ones, where they are stored, and how they are downloaded."""
