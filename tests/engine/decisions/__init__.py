"""What is decided in named situations, written down so that people can read it."""
