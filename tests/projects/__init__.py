"""Two projects of other kinds than the sample, Python and JavaScript, with their registries."""
