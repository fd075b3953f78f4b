"""Users and what they may do: rules, passwords, the log of what was refused."""
