"""What stands for GitHub in tests: its REST API and its git, on the loopback interface."""
