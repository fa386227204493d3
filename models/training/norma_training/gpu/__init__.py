"""The reference method trained on a GPU: packed here, trained there, brought back as scores and weights."""
