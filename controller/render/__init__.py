"""From values to text and data: pure functions, no IO, no clock."""
