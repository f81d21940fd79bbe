"""One module per verb: load, ask the domain, record, emit."""
