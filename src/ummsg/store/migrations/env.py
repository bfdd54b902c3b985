"""What Alembic runs: the migrations, on the connection and in the transaction that `upgrade` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
