"""Builds the models on duckdb and executes their data-quality rules."""
