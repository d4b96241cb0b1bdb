"""llama.cpp, and the process that runs it. Nothing else may import this room."""
