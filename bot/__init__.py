"""Greenlight in Slack: listeners, cards, the playground."""
