"""Loop, connections, dispatch, configuration and everything that touches sockets and the clock."""
