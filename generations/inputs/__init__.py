"""The one gate for customers' pictures, however they come: URL, data URL, bytes, one of our own links.

take(owner, sources)           the inputs of an order, stored as references
upload(owner, source, ...)     a picture kept for later orders
await_upload(owner, mime)      an upload whose bytes are PUT later, by `fulfil`
uploads, delete_upload         what is kept, and no longer
read_upload(owner, upload)     its bytes

Fetched by guarded HTTP, judged by its content, decoded in a limited child process, re-encoded
without metadata, and only then stored. Nothing of a refused picture is kept.
"""

from generations.inputs.gate import take
from generations.inputs.owner import Owner
from generations.inputs.refusal import Refused
from generations.inputs.uploading import await_upload, delete_upload, fulfil, read_upload, upload, uploads

__all__ = [
    "Owner",
    "Refused",
    "await_upload",
    "delete_upload",
    "fulfil",
    "read_upload",
    "take",
    "upload",
    "uploads",
]
