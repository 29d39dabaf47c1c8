"""Ways to make a failing check green, each shown to work on a naive runner and tried on ours."""
