"""views.open, views.push and views.update, with Slack's error codes."""

from collections.abc import Callable

from bot.playground.slack.inspection import Json
from bot.playground.slack.limits import view_violations
from bot.playground.slack.methods import ApiError, refusal
from bot.playground.slack.views import StackFull, TriggerRefused, View, Views, view_json


class ViewMethods:
    """Methods by name in `table`; each takes the arguments and returns the answer without `ok`."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self.table: dict[str, Callable[[Json], Json]] = {
            "views.open": self._open,
            "views.push": self._push,
            "views.update": self._update,
        }

    def _open(self, args: Json) -> Json:
        content, user = self._content(args), self._redeem(args)
        return self._shown(self._views.open(user, content))

    def _push(self, args: Json) -> Json:
        content, user = self._content(args), self._redeem(args)
        try:
            return self._shown(self._views.push(user, content))
        except StackFull:
            raise ApiError("push_limit_reached") from None

    def _update(self, args: Json) -> Json:
        content = self._content(args)
        view = self._views.find(args.get("view_id"), args.get("external_id"))
        if view is None:
            raise ApiError("not_found")
        if args.get("hash") and args["hash"] != view.hash:
            raise ApiError("hash_conflict")
        return self._shown(self._views.replace(view, content))

    def _content(self, args: Json) -> Json:
        """The view, checked. Slack names a refused view's error invalid_arguments, not invalid_blocks."""
        view = args.get("view")
        refused = view_violations(view)
        if refused or not isinstance(view, dict):
            raise refusal("invalid_arguments", refused)
        return view

    def _redeem(self, args: Json) -> str:
        try:
            return self._views.redeem(str(args.get("trigger_id")))
        except TriggerRefused as refused:
            raise ApiError(str(refused)) from None

    def _shown(self, view: View) -> Json:
        return {"view": view_json(view, self._views.values(view.user, view.id, view.blocks))}
