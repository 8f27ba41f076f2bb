"""Which files each taxonomy consists of, and what their rows say; a file is known by its header."""
