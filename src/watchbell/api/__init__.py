"""HTTP: translate, authorise, call one use case."""
