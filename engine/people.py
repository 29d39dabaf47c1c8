"""People, as (team, user)."""

from pydantic import BaseModel, ConfigDict

NOT_ENTITLED = (
    "Guests, bots and people of other workspaces cannot ask, answer or decide here, nor anyone Slack cannot "
    "tell me about."
)
ONLY_MEMBERS = "Only members of this workspace can act on this request."


class Person(BaseModel):
    """A member of a Slack team. Two teams may use the same user id: both parts count."""

    model_config = ConfigDict(frozen=True)

    team: str
    user: str


class Profile(BaseModel):
    """What the chat knows of a person. `known` is False where it could not tell: then nothing is allowed.

    Attributes:
        why: A sentence for people: why someone is not known. Empty for those who are.
    """

    model_config = ConfigDict(frozen=True)

    person: Person
    name: str
    known: bool = True
    bot: bool = False
    guest: bool = False
    outside: bool = False
    why: str = ""

    @property
    def may_act(self) -> bool:
        """Whether clicks and words of this person count at all."""
        return self.known and not (self.bot or self.guest or self.outside)


def why_not(profile: Profile) -> str:
    """Why clicks and words of this person do not count, in a sentence; empty if they do."""
    return "" if profile.may_act else profile.why or NOT_ENTITLED
