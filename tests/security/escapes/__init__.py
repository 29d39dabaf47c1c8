"""Ways out of the sandbox, and ways to take more than is given: each shown to work where nothing guards."""
