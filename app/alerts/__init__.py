"""Telling the merchant: what is wrong with the engine, that it is over, and what the day was like."""
