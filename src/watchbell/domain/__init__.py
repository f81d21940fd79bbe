"""What is true: frozen structs and pure functions. Nothing here does I/O, reads a clock or knows a framework."""
