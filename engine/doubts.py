"""Why a check that ended with exit code 0 may be green for another reason than the work. Pure.

A check runs code that an agent wrote. No run of it can prove that this code does not please the check alone;
what is told here is what a run can show. Where nothing is told, the change itself is for reviewers to judge.
"""

from collections.abc import Sequence

from engine import tallies
from engine.events import CheckResult, Ran

_MOST_NAMED = 3
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


def _changed(trials: Sequence[CheckResult]) -> str:
    for trial in trials:
        if not trial.tells or trial.green:
            continue
        if trial.where is Ran.OLD_TESTS:
            return f"it is red with {_named(trial.about)} as before the work"
        if trial.where is Ran.UNSILENCED:
            return f"only because of comments that silence checkers: {_named(trial.about)}"
    return ""


def _cannot_fail(before: Sequence[CheckResult], trials: Sequence[CheckResult]) -> str:
    """Whether failing tests that were counted at the base are not counted any more beside the work."""
    planted = [_failed(trial) for trial in trials if trial.where is Ran.BASE_CONTROL]
    counted = max(planted, default=0) - max((_failed(result) for result in before), default=0)
    for trial in trials if counted > 0 else ():
        if trial.where is Ran.CONTROL and trial.green:
            return f"it stays so with failing tests of ours beside its own: {_BENT}"
        if trial.where is Ran.CONTROL and trial.tells and _failed(trial) < counted:
            said = f"of {counted} failing tests of ours beside its own it counts {_failed(trial)} as failed"
            return f"{said}: {_BENT}"
    return ""


def _failed(result: CheckResult) -> int:
    return max((tally.failed for tally in tallies.tallies(result.output_tail).values()), default=0)


def _named(what: Sequence[str]) -> str:
    more = f" and {len(what) - _MOST_NAMED} more" if len(what) > _MOST_NAMED else ""
    return f"{', '.join(what[:_MOST_NAMED])}{more}"
