"""Where the platform meets the books: asks Shopify, outside every transaction, and hands what it heard to the flows."""
