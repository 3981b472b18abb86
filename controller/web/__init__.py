"""The HTTP API, the dashboard and the metrics: reads what is told, records intents, never acts itself."""
