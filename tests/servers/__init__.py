"""Real servers for tests: private, on loopback, in a temporary folder, gone when the test process is gone.

Each module here starts one kind of server and knows nothing of pytest; ``tests/conftest.py`` makes fixtures of them.
A test that wants to stop, kill or restart a server builds its own instance and leaves the shared one alone.
"""
