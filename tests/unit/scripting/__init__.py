"""What scripts can and cannot do."""
