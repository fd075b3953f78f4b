"""`--cluster`: making, checking, mending and changing clusters through their nodes' commands."""
