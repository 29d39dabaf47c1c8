"""Why a check that ended with exit code 0 may be green for another reason than the work. Pure.

A check runs code that an agent wrote. No run of it can prove that this code does not please the check alone;
what is told here is what a run can show. Where nothing is told, the change itself is for reviewers to judge.
"""

from collections.abc import Sequence

from engine import tallies
from engine.events import CheckResult, Ran

_MOST_NAMED = 3
_IN_PYTHON = 4  # failing tests a file
_PYTHON = ("pytest", "unittest")
_BENT = "the changed code keeps it from failing"


def doubt(before: Sequence[CheckResult], green: Sequence[CheckResult], trials: Sequence[CheckResult]) -> str:
    """The first reason for doubt, to follow "but"; empty if there is none.

    Args:
        before: Results of the check at the base.
        green: Its results at the commit and with only the artifacts.
        trials: All its other results with today's command; those that are no trials are passed over.
    """
    for then in before:
        for now in green:
            if why := tallies.doubt(then.output_tail, now.output_tail):
                return why
    return _changed(trials) or _cannot_fail(before, trials)


def planted_in_python(control: CheckResult) -> int:
    """How many failing tests beside Python's the output names."""
    return _IN_PYTHON * sum(path.endswith(".py") for path in control.about if path not in control.unseen)


def failed_in_python(result: CheckResult) -> int:
    """How many tests the runners of Python count as failed."""
    found = tallies.tallies(result.output_tail)
    return max((found[name].failed for name in _PYTHON if name in found), default=0)


def _changed(trials: Sequence[CheckResult]) -> str:
    for trial in trials:
        if not trial.tells or trial.green:
            continue
        if trial.where is Ran.OLD_TESTS:
            return f"it is red with {_named(trial.about)} as before the work"
        if trial.where is Ran.UNSILENCED:
            return f"only because of comments that silence checkers: {_named(trial.about)}"
        if trial.where is Ran.UNBENT:
            return f"only because of code that bends how tests compare and count: {_named(trial.about)}"
    return ""


def _cannot_fail(before: Sequence[CheckResult], trials: Sequence[CheckResult]) -> str:
    """Whether failing tests that are seen at the base are not seen to fail any more beside the work."""
    at_base = [trial for trial in trials if trial.where is Ran.BASE_CONTROL and trial.tells]
    seen = {path for trial in at_base for path in trial.about if path not in trial.unseen}
    more = max(map(failed_in_python, at_base), default=0) - max(map(failed_in_python, before), default=0)
    for trial in trials if seen else ():
        if trial.where is not Ran.CONTROL or not trial.tells:
            continue
        if trial.green:
            return f"it stays so with failing tests of ours beside its own: {_BENT}"
        if lost := sorted(seen & set(trial.unseen)):
            return f"failing tests of ours beside {_named(lost)} do not show any more: {_BENT}"
        ours = min(more, planted_in_python(trial))
        if failed_in_python(trial) < ours:
            said = f"of {ours} failing tests of ours beside its own it counts {failed_in_python(trial)}"
            return f"{said}: {_BENT}"
    return ""


def _named(what: Sequence[str]) -> str:
    more = f" and {len(what) - _MOST_NAMED} more" if len(what) > _MOST_NAMED else ""
    return f"{', '.join(what[:_MOST_NAMED])}{more}"
