"""The loop: what is remembered, what waits, what acts, and the pass that ties them together."""
