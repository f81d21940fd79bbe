"""An alert's life: identity, severity, status, history, and the rules that change them."""
