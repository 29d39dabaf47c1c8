"""Proof by attack: each one is first shown to work where its guard is off, then tried where it is on.

    uv run python -m tests.security.false_success     ways to make a failing check green
    uv run python -m tests.security.escapes           ways out of the sandbox, as root and as a plain user
    uv run python -m tests.security.canaries          credentials that come in, looked for where things go
    uv run python -m tests.security.compromised       a model that obeys orders hidden in what it reads

Each prints a row an attack and then its figures; exit code 0 means that no attack got through and that every
attack counted was first shown to work. `uv run pytest tests/security` asserts the same, row by row.

An attack is a row of data. In `false_success` the guard off is a plain job: git checkout, the command, its
exit code; the guard on is the way a request's work takes: the host's commit, the checks in the sandbox, and
how the criterion is settled. Rows named unprovable get through: they are printed, never counted as held. In
`escapes` the guard off is the same program outside the sandbox, or inside a weakened one; what this machine
cannot show there is printed as "not shown" and counted apart. In `compromised` each forbidden effect is first
brought about by hand, where nothing guards, and has to be seen by the same measuring.
"""
