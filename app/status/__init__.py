"""What is wrong with a shop's engine, found in the tables and said in any language: to a page, and to a worker."""
