"""What can be set, with its unit: strict tables that refuse unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Fusion = Literal["none", "subtract", "confidence"]
Pair = Literal["clicked_label", "clicked_unclicked", "label_unclicked"]
Metric = Literal["none", "asymmetric", "symmetric", Pair, "infonce"]


class Table(BaseModel):
    """A strict, frozen table of settings; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnsConfig(Table):
    """Names of the columns in the user's files."""

    user_id: str = Field("user_id", description="column that says who")
    item_id: str = Field("item_id", description="column that says what was shown")
    timestamp: str = Field("timestamp", description="column that says when it was shown")
    clicked: str = Field("clicked", description="column that says whether it was clicked")
    clicked_at: str = Field("clicked_at", description="optional column: when it was clicked")
    session_id: str = Field("session_id", description="optional column: the site's own session")


class UnclickedConfig(Table):
    """Which shown items count as unclicked (paper section 4.1)."""

    window_days: float = Field(3.0, gt=0, le=36500, description="days looked back from the cut")
    min_exposures: int = Field(
        2, ge=1, description="showings inside the window that an item needs (paper: more than one)"
    )
    max_length: int = Field(100, ge=1, le=10000, description="items kept, those shown last")
    cut: Literal["session_start", "now"] = Field(
        "now",
        description="moment of knowledge: the session's first click, or each position's own click",
    )
    source: Literal["own", "shuffled", "random", "matched"] = Field(
        "own",
        description="the user's own list, another user's, random items of the same number, or for "
        "each item another that was shown as often (all but the first are controls)",
    )
    weighting: Literal["none", "exposures"] = Field(
        "none", description="weight of an item in the mean: equal, or its number of showings"
    )


class ClickedConfig(Table):
    """Sessions, short-term and long-term clicks (SDM section 3.1)."""

    session_gap_minutes: float = Field(
        10.0,
        gt=0,
        le=52_560_000,
        description="minutes without a click after which a session may end",
    )
    min_session_length: int = Field(2, ge=1, description="clicks a training session needs")
    max_short: int = Field(50, ge=1, description="clicks after which a session is cut")
    max_long: int = Field(50, ge=1, le=10000, description="long-term values kept for each field")
    long_window_days: float = Field(
        7.0, gt=0, le=36500, description="days of long-term clicks before the session's first click"
    )


class SplitConfig(Table):
    """Which whole days of the log are held out, always the last ones."""

    test_days: int = Field(1, ge=1, le=36500, description="last days of the log kept for the test")
    validation_days: int = Field(
        1, ge=1, le=36500, description="days before the test kept for validation"
    )
    test_history_share: float = Field(
        0.25,
        gt=0,
        lt=1,
        description="share of a user's clicks in held-out days that is given as history",
    )
    validation_users: int = Field(
        10000, ge=1, description="users used for validation at most, drawn by a fixed rule"
    )
    labels_within_session: bool = Field(
        False, description="labels end with the session instead of with the training days"
    )


class DataConfig(Table):
    """How a log is read and turned into samples."""

    time_unit: Literal["s", "ms", "us"] | None = Field(
        None, description="unit of integer timestamps; needed where timestamps are integers"
    )
    timezone: str | None = Field(
        None, description="time zone of text timestamps and of calendar days; days are UTC without"
    )
    id_type: Literal["auto", "text", "integer"] = Field(
        "auto", description="whether ids are text or integers; auto decides once for all files"
    )
    missing_item: Literal["fail", "unknown"] = Field(
        "fail", description="an item of the log that the item table lacks: an error, or no fields"
    )
    reader_memory_gib: float = Field(
        0.0,
        ge=0,
        le=1_000_000,
        description="GiB that the process which decodes a file may take; 0: 1.5 + 4 times the file",
    )
    max_expansion: float = Field(
        100.0,
        gt=0,
        le=1_000_000,
        description="size of a file's decoded columns, as a multiple of the file; 256 MiB are free",
    )
    item_name: str | None = Field(
        None, description="column of the item table with names for people; no feature"
    )
    item_bins: dict[str, list[float]] = Field(
        default_factory=dict, description="edges that cut a number of the item table into bins"
    )
    user_bins: dict[str, list[float]] = Field(
        default_factory=dict, description="edges that cut a number of the user table into bins"
    )
    columns: ColumnsConfig = Field(default_factory=ColumnsConfig, description="column names")
    unclicked: UnclickedConfig = Field(default_factory=UnclickedConfig, description="unclicked")
    clicked: ClickedConfig = Field(default_factory=ClickedConfig, description="clicked")
    split: SplitConfig = Field(default_factory=SplitConfig, description="split")


class ModelConfig(Table):
    """The item tower, the encoder, the plug-in and its loss."""

    encoder: str = Field("sdm", description="name of the base encoder")
    encoder_options: dict[str, Any] = Field(
        default_factory=dict, description="options of that encoder, such as num_layers"
    )
    dim: int = Field(128, ge=4, le=4096, description="width of every vector")
    field_dims: dict[str, Annotated[int, Field(ge=1, le=4096)]] = Field(
        default_factory=dict, description="width of an item field's embedding; else by rule"
    )
    embedding_init: Literal["uniform", "truncated_normal"] = Field(
        "uniform", description="uniform in +-0.1, or the official code's truncated normal"
    )
    use_user_id: bool = Field(
        False, description="embed the user id too; a user never seen before then has none"
    )
    tie_item_vectors: bool = Field(
        False, description="score with the item tower's vectors instead of a table of their own"
    )
    fusion: Fusion = Field("confidence", description="how the unclicked vector changes the user's")
    unclicked_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a list's items left out of the input in a training step, drawn anew",
    )
    metric: Metric = Field("symmetric", description="form of the metric loss")
    margin: float = Field(5.0, gt=0, description="margin m* of the metric loss, squared distance")
    metric_temperature: float = Field(
        0.1, gt=0, description="temperature of the cosines of the metric loss infonce"
    )
    metric_weight: float = Field(
        10.0,
        ge=0,
        description="weight of the metric loss; it changes nothing where metric_grad_cap binds",
    )
    metric_warmup_steps: int = Field(
        0,
        ge=0,
        description="steps over which the weight of the metric loss rises from 0; 0 is off. Once "
        "the gradient reaches metric_grad_cap, a higher weight changes nothing",
    )
    metric_grad_cap: float = Field(
        0.0,
        ge=0,
        description="largest norm of the metric loss's gradient, as a multiple of the ranking "
        "loss's, at the clicked, unclicked and label vectors; 0 is off",
    )
    metric_positions: Literal["all", "last"] = Field(
        "all", description="positions of a session that the metric loss sees"
    )
    metric_on: Literal["clicked", "user"] = Field(
        "clicked", description="vector in the metric loss: before fusion (paper) or after"
    )
    metric_norm: Literal["none", "l2"] = Field(
        "none", description="normalise the vectors of the metric loss to length one"
    )
    metric_input: Literal["raw", "tanh", "layer_norm"] = Field(
        "raw",
        description="what the metric loss does to the clicked vector before it measures: nothing, "
        "the tanh, or mean 0 and variance 1",
    )
    metric_labels: Literal["own", "permuted"] = Field(
        "own",
        description="label vectors in the metric loss: the row's own, or another row's of the "
        "batch (a control)",
    )
    symmetric_form: Literal["one_hinge", "two_hinges"] = Field(
        "one_hinge", description="last line of Eq. 5, or its first with half the margin each"
    )
    pair_form: Literal["hinge", "plain"] = Field(
        "hinge", description="pair losses with a margin, or unbounded"
    )
    label_encoder: Literal["shared", "separate"] = Field(
        "shared", description="labels go through the unclicked encoder, or through one of their own"
    )
    label_source: Literal["input", "output"] = Field(
        "input", description="vectors of labels: the item tower's, or those scored against"
    )
    stop_gradient_labels: bool = Field(False, description="no gradient through the label vector")
    gate_activation: Literal["sigmoid", "tanh", "identity"] = Field(
        "sigmoid",
        description="activation of the confidence network; with tanh or identity unclicked items "
        "may attract, and the gate starts almost shut, near 0: learning from them starts slowly",
    )
    intermediate_margin: float = Field(0.0, ge=0, description="margin to random items; 0 is off")

    @property
    def sees_unclicked(self) -> bool:
        """Whether unclicked items are looked at: by the plug-in, its loss or the encoder."""
        asked = bool(self.encoder_options.get("reads_unclicked", False))
        return self.fusion != "none" or self.metric != "none" or asked


class TrainConfig(Table):
    """The optimiser, the ranking loss and the length of training."""

    optimizer: Literal["adagrad", "adam"] = Field("adagrad", description="optimiser")
    learning_rate: float = Field(0.1, gt=0, description="step size")
    initial_accumulator: float = Field(0.1, ge=0, description="AdaGrad's first sum of squares")
    dense_rate: float = Field(
        1.0,
        gt=0,
        description="factor of the step size for all weights but tables; below one where layers "
        "become a constant, which doctor tells; with an encoder's own (sasrec: 0.03) it is both",
    )
    batch_size: int = Field(256, ge=1, description="sessions in a batch")
    ranking_loss: Literal["sampled_softmax", "mse"] = Field(
        "sampled_softmax",
        description="softmax over labels and drawn items, or squared error to the labels' vectors, "
        "which then stay random and of length one",
    )
    num_negatives: int = Field(20000, ge=1, description="negatives drawn; at most the catalogue")
    logq: Literal["tf", "refined"] = Field(
        "tf", description="correction: of labels and negatives, or of negatives alone (tf, refined)"
    )
    unclicked_negatives: float = Field(
        0.0, ge=0, description="times that a row's unclicked items count as negatives; 0 is off"
    )
    logits: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="precision of the softmax's products; bfloat16 is fast where doctor says so",
    )
    tables: Literal["local", "sharded"] = Field(
        "local",
        description="where embedding tables lie: whole on every process, or spread over them by "
        "TorchRec (extra sharded)",
    )
    num_labels: int = Field(5, ge=1, le=100, description="next clicks used as labels")
    clip_norm: float = Field(5.0, ge=0, description="largest global gradient norm; 0 is off")
    loss_positions: Literal["all", "last"] = Field(
        "all", description="positions of a session that are trained"
    )
    max_epochs: int = Field(10, ge=1, description="passes over the training sessions at most")
    patience: int = Field(
        3, ge=1, description="epochs without a better validation HR@50 before stopping"
    )
    num_buckets: int = Field(20, ge=1, description="length buckets; batches come from one bucket")
    checkpoint_minutes: float = Field(10.0, gt=0, description="minutes between checkpoints")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, order, draws and dropout")


class EvaluateConfig(Table):
    """How lists are judged."""

    top_k: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        default_factory=lambda: [50, 80], min_length=1, description="list lengths"
    )
    batch_size: int = Field(512, ge=1, description="users encoded at once")


class Config(Table):
    """All settings of a run."""

    data: DataConfig = Field(default_factory=DataConfig, description="data")
    model: ModelConfig = Field(default_factory=ModelConfig, description="model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="training")
    evaluate: EvaluateConfig = Field(default_factory=EvaluateConfig, description="judging")

    @property
    def sees_unclicked(self) -> bool:
        """Whether training looks at unclicked items, for its input or for a loss."""
        negatives = self.train.unclicked_negatives if self.train.ranking_loss != "mse" else 0.0
        return self.model.sees_unclicked or negatives > 0
