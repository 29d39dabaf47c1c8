"""Credentials of every known form, put wherever text comes in and looked for wherever it goes."""
