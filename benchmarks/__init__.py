"""Redpoll beside real servers, in one run; see README.md here."""
