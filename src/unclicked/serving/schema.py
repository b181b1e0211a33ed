"""What a request may hold: strict, bounded, nothing unknown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

MOST_USERS, MOST_IDS, MOST_EVENTS, MOST_ITEMS = 64, 1_000, 10_000, 1_000
MOST_FOUND = 200
_LONGEST_ID = 1_024

Id = Annotated[
    Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    | Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST_ID)],
    Field(description="An id, in the type that the log has: text, or an integer."),
]
Ids = Annotated[list[Id], Field(max_length=MOST_IDS)]
Time = Annotated[
    Annotated[StrictInt, Field(ge=0, lt=2**63)] | Annotated[StrictStr, Field(max_length=40)],
    Field(
        description="ISO 8601 text with an offset or Z, or an integer in the unit `time_unit`.",
        examples=["2026-11-28T12:00:00Z", 1795867200000],
    ),
]
Flag = Annotated[
    StrictBool | Annotated[StrictInt, Field(ge=0, le=1)],
    Field(description="Whether it was clicked."),
]
Unit = Literal["s", "ms", "us"]
Text = Annotated[StrictStr, Field(max_length=_LONGEST_ID)]
Model = Literal["main", "beside"]


class Body(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class EventBody(Body):
    """One item shown to the user, as a row of an impression log."""

    item_id: Id
    timestamp: Time
    clicked: Flag
    clicked_at: Time | None = None
    session_id: Text | None = Field(None, description="The site's own session.")


class UserBody(Body):
    """One user's behaviour: either two lists of items, or raw events."""

    id: Id | None = Field(None, description="Repeated in the answer.")
    user_id: Id | None = Field(
        None, description="Whose kept events (POST /events) come before `events`."
    )
    clicked: Ids = Field(
        default_factory=list, description="Clicked items of the session, the last click last."
    )
    unclicked: Ids = Field(
        default_factory=list, description="Items shown and left, the last shown last."
    )
    long_term: Ids = Field(
        default_factory=list,
        description="Items clicked before the session that `clicked` is, the last click last.",
    )
    events: Annotated[list[EventBody], Field(max_length=MOST_EVENTS)] | None = Field(
        None, description="Raw events in any order, in place of the lists."
    )
    now: Time | None = Field(
        None, description="The moment of the request; the server's clock without."
    )
    time_unit: Unit | None = Field(None, description="Unit of integer times; the log's without.")
    profile: Annotated[dict[Text, Text], Field(max_length=100)] = Field(
        default_factory=dict, description="Profile field to value."
    )
    top_k: Annotated[StrictInt, Field(ge=1, le=MOST_ITEMS)] = Field(
        10, description="Length of the list."
    )
    exclude: Ids = Field(default_factory=list, description="Items that must not be in the list.")
    exclude_seen: StrictBool = Field(
        False, description="Whether clicked and unclicked items are left out too."
    )
    filter: Annotated[
        dict[Text, Annotated[list[Text], Field(min_length=1, max_length=100)]],
        Field(max_length=20),
    ] = Field(
        default_factory=dict,
        description="Item field to values: only items that have one of them in every field.",
    )
    model: Model = Field("main", description="Which of the served models answers.")
    explain: StrictBool = Field(False, description="Whether to say what the model read.")


class UsersBody(Body):
    """Several users at once."""

    users: Annotated[list[UserBody], Field(min_length=1, max_length=MOST_USERS)]


class EventsBody(Body):
    """Events of one user to be kept."""

    user_id: Id
    events: Annotated[list[EventBody], Field(min_length=1, max_length=MOST_EVENTS)]
    time_unit: Unit | None = Field(None, description="Unit of integer times; the log's without.")


class Item(BaseModel):
    """One item of a list."""

    item_id: Id
    score: float
    rank: int


class ModelName(BaseModel):
    """Which model answered."""

    name: Model
    sha256: str


class Gate(BaseModel):
    """How much of the unclicked vector is taken away, over dimensions."""

    mean: float
    min: float
    max: float


class Distances(BaseModel):
    """Squared distances and lengths of the user's vectors."""

    clicked_unclicked: float
    moved: float
    clicked_length: float
    unclicked_length: float


class Explanation(BaseModel):
    """What the model read, and how far the unclicked items moved the user vector."""

    clicked: list[Id]
    long_term: list[Id]
    unclicked: list[Id]
    gate: Gate | None
    distances: Distances | None


class Ignored(BaseModel):
    """What a request held and its answer could not use, by the key under which it stood.

    The first two keys are always there, the others where something was ignored.
    """

    clicked: list[Id] = Field(description="Unknown ids.")
    unclicked: list[Id] = Field(description="Unknown ids.")
    long_term: list[Id] = Field([], description="Unknown ids.")
    exclude: list[Id] = Field([], description="Unknown ids.")
    events: list[Id] = Field([], description="Ids of unknown items, each once.")
    profile: list[str] = Field([], description="Unknown values, as NAME=VALUE.")
    filter: list[str] = Field([], description="Values that no item has, as NAME=VALUE.")
    user_id: list[Id] = Field([], description="The id, where no event of hers is kept.")
    also_clicked: list[Id] = Field(
        [], description="Ids of `unclicked` that the session has too; with the cut `now`."
    )
    after_now: int = Field(0, description="Number of events, sent or kept, at or after `now`.")


class Answer(BaseModel):
    """A list for one user."""

    id: Id | None = Field(None, description="Only where the request had one.")
    model: ModelName
    items: list[Item]
    ignored: Ignored
    fallback: bool = Field(
        description="Whether these are the most clicked items, because no click is known."
    )
    explain: Explanation | None = Field(None, description="Only where asked.")


class Answers(BaseModel):
    """Lists for several users, in order."""

    users: list[Answer]


class Kept(BaseModel):
    """What became of events."""

    user_id: Id
    stored: int
    duplicates: int
    too_old: int = Field(description="Events from before the time for which a user's are kept.")
    ignored: dict[str, list[Id]]


class Removed(BaseModel):
    """What was removed of a user."""

    user_id: Id
    removed: int


class ItemFacts(BaseModel):
    """An item of the catalogue."""

    item_id: Id
    name: str | None = Field(None, description="Only where items have names.")
    fields: dict[str, list[str]]
    clicks: int


class ItemsFound(BaseModel):
    """Items of the catalogue."""

    items: list[ItemFacts]
    unknown: list[str] = Field([], description="Ids of the query that no item has.")


class Similar(BaseModel):
    """Items with the most similar vectors; the score is the cosine."""

    item_id: Id
    items: list[Item]


class Example(BaseModel):
    """A user to try the model with."""

    label: str
    clicked: list[Id]
    long_term: list[Id]
    unclicked: list[Id]
    profile: dict[str, str]


class Examples(BaseModel):
    """Users to try the model with."""

    examples: list[Example]
    source: Literal["dataset", "made_up"]


class ModelFacts(BaseModel):
    """A served model."""

    sha256: str
    name: str
    items: int
    dim: int
    encoder: str
    fusion: str
    reads_unclicked: bool
    cut: str
    item_fields: list[str]
    profile_fields: dict[str, list[str]]
    time_unit: str | None
    metrics: dict[str, Any]
    card: str


class Models(BaseModel):
    """The served models and the service itself."""

    models: dict[str, ModelFacts]
    state: str
    versions: dict[str, str]


class Status(BaseModel):
    """Health or readiness."""

    status: str
    problems: list[str] = Field(default_factory=list)


class ErrorFacts(BaseModel):
    """What was wrong, where, and what to do."""

    code: str
    path: str = Field(description="JSON path of the part of the request; empty for the whole.")
    message: str


class ErrorAnswer(BaseModel):
    """An answer that is no list."""

    error: ErrorFacts
