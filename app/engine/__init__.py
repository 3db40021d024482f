"""The money engine: rules decide, the ledger records, flows do. It knows neither web nor queue nor network."""
