"""What a newcomer has instead of accounts: a local Slack, a scripted model, a sample repository, a forge."""
