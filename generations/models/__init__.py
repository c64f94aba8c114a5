"""The tables, one room each."""

from generations.models.batches import Batch, BatchItem
from generations.models.catalogue import Dialect, DialectModel, Model, ModelName, ModelSize
from generations.models.channels import Channel, ChannelModel
from generations.models.contests import Contest
from generations.models.generation import Attempt, Generation, Hold, IdempotencyRecord, Output
from generations.models.history import ApiRequest, Transcript, Transition
from generations.models.inputs import Input, Origin
from generations.models.lanes import Beat, Lane
from generations.models.pulse import Pace, Pulse, Step

__all__ = [
    "ApiRequest",
    "Attempt",
    "Batch",
    "BatchItem",
    "Beat",
    "Channel",
    "ChannelModel",
    "Contest",
    "Dialect",
    "DialectModel",
    "Generation",
    "Hold",
    "IdempotencyRecord",
    "Input",
    "Lane",
    "Model",
    "ModelName",
    "ModelSize",
    "Origin",
    "Output",
    "Pace",
    "Pulse",
    "Step",
    "Transcript",
    "Transition",
]
