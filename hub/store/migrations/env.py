"""Runs the migration steps on the connection that the caller holds."""

from alembic import context

from hub.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    version_table="schema_steps",
)
context.run_migrations()
