"""The money is right: the tables of app/engine/README.md and properties, with no database."""
