"""The database: tables, migrations, transactions, one query module an aggregate."""
