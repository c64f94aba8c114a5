"""The tables, one room each."""

from generations.models.catalogue import *  # noqa: F403
from generations.models.channels import *  # noqa: F403
from generations.models.generation import Attempt, Generation, Hold, IdempotencyRecord, Output
from generations.models.history import ApiRequest, Transition
from generations.models.lanes import Beat, Lane
