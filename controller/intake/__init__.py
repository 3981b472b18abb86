"""What is wanted: reads manifests and Compose projects, and resolves them into a desired stack. Talks to no engine."""
