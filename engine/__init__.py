"""Greenlight, the project manager: events in, a decision, effects out."""
