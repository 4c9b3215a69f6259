"""The rule book: why a use is refused, in one order, for all who judge."""
