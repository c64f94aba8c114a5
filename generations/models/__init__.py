"""The tables, one room each."""

from generations.models.catalogue import Dialect, DialectModel, Model, ModelName, ModelSize
from generations.models.channels import Channel, ChannelModel
from generations.models.generation import Attempt, Generation, Hold, IdempotencyRecord, Output
from generations.models.history import ApiRequest, Transition
from generations.models.lanes import Beat, Lane

__all__ = [
    "ApiRequest",
    "Attempt",
    "Beat",
    "Channel",
    "ChannelModel",
    "Dialect",
    "DialectModel",
    "Generation",
    "Hold",
    "IdempotencyRecord",
    "Lane",
    "Model",
    "ModelName",
    "ModelSize",
    "Output",
    "Transition",
]
