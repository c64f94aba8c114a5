"""Where HTTP meets the dialects: choose the door, let the caller in, hand him a desk, word the answer."""
