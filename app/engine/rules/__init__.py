"""Decide: pure rules of money and state. They import the standard library and each other, nothing else."""
