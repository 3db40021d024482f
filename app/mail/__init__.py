"""Mails: what waits to be told becomes letters, letters become mails, and mails leave."""
