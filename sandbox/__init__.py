"""A small Shopify on one's own machine, for the demo and the tests: `python -m sandbox --help`."""
