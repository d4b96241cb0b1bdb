"""The recipe of the bundled model: corpus, samples, training and export."""
