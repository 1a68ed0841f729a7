"""Our own routes: requests, responses, problems, OpenAPI."""
