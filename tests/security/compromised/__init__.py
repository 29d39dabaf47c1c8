"""A model that obeys every order hidden in what it reads, between servers that see all it brings about."""
