"""Notices on their way to the network, before the operator's eyes."""

from collections.abc import Sequence

from ummsg.cli import views
from ummsg.runtime import Runtime
from ummsg.vocabulary import ExitCode


def publish(ummsg: Runtime) -> int:
    """Tell the network of the notices that are due, and say what came of it; returns the exit code."""
    done = ummsg.publishing.run()
    if done.shown:
        views.talk(f"{_which(done.shown)} on the network's dashboards.")
    if done.taken_off:
        views.talk(f"{_which(done.taken_off)} off the network's dashboards.")
    if done.refused:
        views.talk(f"{_which(done.refused)} not taken by the network.")
        views.next_step(f"ummsg notices show {done.refused[0]}", "Why")
    if done.stopped_by is not None:
        done.stopped_by.hint = done.stopped_by.hint or "ummsg network status"
        which = _which(done.put_off) if done.put_off else "Notices are"
        done.stopped_by.details.append(f"{which} waiting; `ummsg outbox run` tries again")
        views.error(done.stopped_by)
    return ExitCode.NOT_ALL_REACHED if done.refused or done.stopped_by else ExitCode.DONE


def _which(notices: Sequence[int]) -> str:
    if len(notices) == 1:
        return f"Notice {notices[0]} is"
    return f"Notices {', '.join(map(str, notices[:10]))}{' and more' if len(notices) > 10 else ''} are"
