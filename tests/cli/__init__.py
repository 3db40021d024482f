"""The commands and settings of an operator: sentences instead of stack traces, and exit codes one can rely on."""
