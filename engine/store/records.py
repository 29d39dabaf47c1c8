"""What runs keep: receipts, model answers, and the ledger of calls and their cost."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.ports import ModelAnswer, Usage


class Receipt(BaseModel):
    """A recorded tool call.

    Attributes:
        subject: What it was about: a command's argv, a path, a search.
        exit_code: Of a command; None for other tools.
        output: What the model was shown, bounded.
        digest: sha256 of the whole output.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    request: str
    run: str
    tool: str
    subject: str
    exit_code: int | None
    output: str
    digest: str


class Spent(BaseModel):
    """What a request has cost so far, calls in flight at their worst case."""

    model_config = ConfigDict(frozen=True)

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
