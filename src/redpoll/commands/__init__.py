"""What commands mean: one file a command group, each command declared on its function."""
