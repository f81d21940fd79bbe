"""Other systems' HTTP APIs, for the clients that already speak them."""
