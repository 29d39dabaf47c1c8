"""Agents: who they are (roster), what they may use (tools), and how they work (loop)."""
