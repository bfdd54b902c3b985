"""ummsg init: make a place to work in."""

from ummsg.cli import views
from ummsg.cli.options import Context, single_command

app = single_command()


@app.command()
def init(ctx: Context) -> None:
    """Create the database, the secret key and a commented .env; upgrade an older database. Never overwrites.

    Installs the system emails that something cannot work without.
    """
    from ummsg.services.installation import initialise

    ummsg = ctx.obj
    for step in initialise(ummsg.settings, ummsg.working_directory):
        made = "made" if step.made else "kept"
        views.talk(f"{made}  {step.what:<10}  {step.path}" + (f" ({step.note})" if step.note else ""))
    for email in ummsg.email_defaults.install_essential():
        views.talk(f"made  {'email':<10}  {email.slug}: {email.draft.title}")
    views.next_step("ummsg doctor", "Edit .env, then")
