"""The seam to the loop: what the commands ask of it. One session serves one call of the command line."""
