"""Mutation tests: a small change in the code that guards must make a test fail."""
