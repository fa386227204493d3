"""Where networks are trained: a GPU when there is one."""

import torch


def training_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
