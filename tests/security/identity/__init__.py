"""Who may do what: people times actions, sent over the wire to the real front end and the real engine."""
