"""Everything that is kept, in one database: tables, and the functions that read and write them."""

from engine.store.records import Receipt, Spent, Store

__all__ = ["Receipt", "Spent", "Store"]
